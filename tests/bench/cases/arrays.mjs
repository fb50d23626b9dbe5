// Many commands in a request, beside a plain INSERT of the same rows into tables of the same make.

import { median, output } from '../machine.mjs';

export const title = 'Arrays: many commands in one request';

const lengths = [100, 1000];
const ledgers = 10; // take turns, because each holds 100,000 live items at most
const schema = 'bench_arrays';

export async function run(bench) {
  const connection = `postgresql://postgres@localhost/eventledger?host=${encodeURIComponent(bench.sockets)}`;
  let fresh = 0;

  const arrays = (clients) => async (length) => {
    const { rate } = await bench.wrk('arrays', bench.base, { clients, parameters: [`arrays${++fresh}`, ledgers, length] });
    return rate * length;
  };
  const inserts = (sessions) => async (length) => {
    await bench.psql(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema};
      CREATE TABLE ${schema}.events (LIKE es.events INCLUDING ALL);
      CREATE TABLE ${schema}.facts (LIKE es.facts INCLUDING ALL)`);
    const text = await output('node', [`${bench.root}/tests/bench/peers/insert.mjs`, connection, schema, String(length),
      String(sessions), String(bench.seconds)]);
    return JSON.parse(text).rate;
  };
  const series = {
    '1 client': arrays(1),
    'plain INSERT, 1 session': inserts(1),
    '4 clients': arrays(4),
    'plain INSERT, 4 sessions': inserts(4),
  };
  const rows = [];

  for (const measure of Object.values(series)) await measure(lengths[0]); // whatever is slow only the first time
  for (const length of lengths) {
    const values = {};
    for (let round = 1; round <= bench.rounds; round++) {
      for (const [name, measure] of Object.entries(series)) (values[name] ??= []).push(await measure(length));
      bench.log(`arrays of ${length}, round ${round} of ${bench.rounds}`);
    }
    rows.push({ label: `arrays of ${length}`, values, better: 'higher' });
  }
  await bench.psql(`DROP SCHEMA ${schema} CASCADE`);

  const ratio = (row, ours, floor, want) => ({
    label: `${row.label}, ${ours} over ${floor}`, value: median(row.values[ours]) / median(row.values[floor]), want,
  });
  return {
    unit: 'events/s',
    rows,
    ratios: rows.flatMap((row, index) => [
      ratio(row, '1 client', 'plain INSERT, 1 session', lengths[index] === 1000 ? { atLeast: 0.7 } : undefined),
      ratio(row, '4 clients', 'plain INSERT, 4 sessions'),
    ]),
    notes: ['The log is one: its positions have no gaps.  Several sessions of the plain INSERT know no such order.'],
  };
}
