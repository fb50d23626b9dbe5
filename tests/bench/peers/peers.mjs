// The event stores that ours is measured beside, each in a database of its own in the same PostgreSQL.
//
// prepare(bench) installs one and gives measure(clients), which appends one event a call to one stream for the seconds
// of a round, and drop(), which removes the database.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { output, quantile } from '../machine.mjs';

const here = (bench) => `${bench.root}/tests/bench`;

const secondsMost = 30; // for pgbench, whose time begins before its clients are connected; its rate does not

async function prepareMessageDb(bench) {
  const database = await bench.newDatabase('message_store');
  const environment = { ...process.env, PGHOST: bench.sockets, PGUSER: 'postgres' };
  let round = 0;

  await output('bash', [`${here(bench)}/node_modules/@eventide/message-db/database/install.sh`],
    { env: { ...environment, DATABASE_NAME: database.name, CREATE_DATABASE: 'off' } });
  return {
    drop: database.drop,
    async measure(clients) {
      for (let seconds = bench.seconds; ; seconds *= 2) {
        const folder = bench.scratch('pgbench');
        const text = await output('pgbench', ['--no-vacuum', '--protocol=prepared', '--client', String(clients), '--jobs', '1',
          '--time', String(seconds), '--log', '--log-prefix', join(folder, 'log'), '--define', `stream='hot-${++round}'`,
          '--file', `${here(bench)}/peers/message_db.pgbench`, database.name],
        { env: { ...environment, PGOPTIONS: '-c search_path=message_store,public' } });
        const times = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
          .filter(Boolean).map((line) => Number(line.split(' ')[2]) / 1000);
        const rate = text.match(/^tps = ([\d.]+)/m);
        if (rate && times.length > 0) {
          return { rate: Number(rate[1]), p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
        }
        if (seconds > secondsMost) throw new Error(`not one call was done in time: ${text}`);
      }
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
