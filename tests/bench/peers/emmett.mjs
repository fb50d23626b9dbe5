// Emmett: one event a call, appended to one stream.  Usage: emmett.mjs CONNECTION STREAM CLIENTS SECONDS

import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import pg from 'pg';

import { drive } from './drive.mjs';

const [connection, stream, clients, seconds] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: connection, max: Number(clients) });
const store = getPostgreSQLEventStore(connection, { connectionOptions: { pool } });

await store.schema.migrate();
// Without an expected version it may still say that another client was first.
await drive((content) => store.appendToStream(stream, [{ type: 'item-appended', data: { content } }]),
  Number(clients), Number(seconds), (error) => error.name === 'ExpectedVersionConflictError' || error.errorCode === 412);
await store.close();
await pool.end();
