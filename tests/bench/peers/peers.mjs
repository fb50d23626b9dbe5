// The event stores that ours is measured beside, each in a database of its own in the same PostgreSQL.
//
// prepare(bench) installs one and gives measure(clients), which appends one event a call to one stream for the seconds
// of a round, and drop(), which removes the database.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { output, quantile } from '../machine.mjs';
import { warmUp } from './drive.mjs';

const here = (bench) => `${bench.root}/tests/bench`;

async function prepareMessageDb(bench) {
  const database = await bench.newDatabase('message_store');
  const environment = { ...process.env, PGHOST: bench.sockets, PGUSER: 'postgres' };
  let round = 0;

  await output('bash', [`${here(bench)}/node_modules/@eventide/message-db/database/install.sh`],
    { env: { ...environment, DATABASE_NAME: database.name, CREATE_DATABASE: 'off' } });
  return {
    drop: database.drop,
    async measure(clients) {
      const folder = bench.scratch('pgbench');
      await output('pgbench', ['--no-vacuum', '--protocol=prepared', '--client', String(clients), '--jobs', '1',
        '--time', String(Math.ceil(warmUp(clients) + bench.seconds)), '--log', '--log-prefix', join(folder, 'log'),
        '--define', `stream='hot-${++round}'`, '--file', `${here(bench)}/peers/message_db.pgbench`, database.name],
      { env: { ...environment, PGOPTIONS: '-c search_path=message_store,public' } });
      // a line a call: client, number, microseconds, script, when it ended (seconds, and microseconds of it)
      const calls = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
        .filter(Boolean).map((line) => line.split(' ').map(Number))
        .map((fields) => ({ took: fields[2] / 1000, ended: fields[4] + fields[5] / 1e6 }));
      const end = calls.reduce((latest, call) => Math.max(latest, call.ended), 0);
      const times = calls.filter((call) => call.ended > end - bench.seconds).map((call) => call.took);
      if (times.length === 0) throw new Error('pgbench did not make a single call');
      return { rate: times.length / bench.seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    },
  };
}

/** Of one that is driven by a script of this folder. */
const inNode = (script) => async (bench) => {
  const database = await bench.newDatabase(`peer_${script}`);
  const connection = `postgresql://postgres@localhost/${database.name}?host=${encodeURIComponent(bench.sockets)}`;
  let round = 0;

  return {
    drop: database.drop,
    async measure(clients) {
      const text = await output('node', [`${here(bench)}/peers/${script}.mjs`, connection, `hot-${++round}`, String(clients),
        String(bench.seconds)]);
      return JSON.parse(text.trim().split('\n').at(-1));
    },
  };
};

export const peers = {
  'message-db': prepareMessageDb,
  'dcb-es': inNode('dcb'),
  Emmett: inNode('emmett'),
};
