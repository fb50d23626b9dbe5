// The floor of an array of commands: the same rows into tables of the same make, by a plain INSERT ... SELECT unnest,
// one transaction an array.  Usage: insert.mjs CONNECTION SCHEMA LENGTH SESSIONS SECONDS

import pg from 'pg';

const [connection, schema, ...numbers] = process.argv.slice(2);
const [length, sessions, seconds] = numbers.map(Number);
const statement = {
  name: 'insert',
  text: `WITH recorded AS (
      INSERT INTO ${schema}.events (position, stream_id, version, id, type, data, base, actor, command_id, live, recorded_at)
      SELECT u.position, $1, u.version, u.id, 'item-appended', u.data, u.version - 1, NULL, u.id, u.version, now()
      FROM unnest($2::bigint[], $3::bigint[], $4::uuid[], $5::jsonb[]) AS u (position, version, id, data))
    INSERT INTO ${schema}.facts (stream_id, key, value, origin, since)
    SELECT $1, u.key, u.value, u.since, u.since
    FROM unnest($6::text[], $5::jsonb[], $3::bigint[]) AS u (key, value, since)`,
};
const most = 100_000; // live items of a stream: then the next one
const data = `{${Array.from({ length }, (_, i) => `"{\\"content\\":\\"milk and honey ${i}\\"}"`).join(',')}}`;
const list = (first, one) => `{${Array.from({ length }, (_, i) => one(first + i)).join(',')}}`;

// Made ahead, so that only the database is measured; every stream has the same ids, of version 7, as the log's: a time,
// then what differs.
const time = Date.now().toString(16).padStart(12, '0');
const id = (number) => `${time.slice(0, 8)}-${time.slice(8)}-7000-a000-${number.toString(16).padStart(12, '0')}`;
const arrays = Array.from({ length: Math.floor(most / length) }, (_, i) => (
  { versions: list(i * length + 1, String), keys: list(i * length + 1, id) }));

let positions = 0;
let streams = 0;
let events = 0;
const clients = await Promise.all(Array.from({ length: sessions }, async () => {
  const client = new pg.Client({ connectionString: connection });
  await client.connect();
  return client;
}));
const started = performance.now();
const end = started + seconds * 1000;

await Promise.all(clients.map(async (client) => {
  let stream = ++streams;
  let turn = 0;
  while (performance.now() < end) {
    if (turn === arrays.length) [stream, turn] = [++streams, 0];
    const { versions, keys } = arrays[turn++];
    const position = positions;
    positions += length;
    await client.query({ ...statement, values: [stream, list(position + 1, String), versions, keys, data, keys] });
    events += length;
  }
}));
console.log(JSON.stringify({ rate: (events / (performance.now() - started)) * 1000 }));
await Promise.all(clients.map((client) => client.end()));
