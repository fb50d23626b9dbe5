// dcb-es: one event a call, all with one tag.  Usage: dcb.mjs CONNECTION STREAM CLIENTS SECONDS

import { Tags } from '@dcb-es/event-store';
import { PostgresEventStore } from '@dcb-es/event-store-postgres';
import pg from 'pg';

import { drive } from './drive.mjs';

const [connection, stream, clients, seconds] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: connection, max: Number(clients) });
const store = new PostgresEventStore({ pool });
const tags = Tags.fromObj({ stream });

await store.ensureInstalled();
await drive((content) => store.append({ events: { type: 'itemAppended', tags, data: { content }, metadata: {} } }),
  Number(clients), Number(seconds));
await pool.end();
