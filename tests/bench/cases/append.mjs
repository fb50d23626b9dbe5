// One command a request, through nginx: beside programs that do nothing, and beside event stores that append one event
// a call to one stream.

import { median } from '../machine.mjs';
import { peers } from '../peers/peers.mjs';

export const title = 'Append: one command a request';

const clientCounts = [1, 16, 64, 256];
const peerClientsMost = 64; // each takes a connection of PostgreSQL's 100
const ledgerCount = 100;
const hot = 'one ledger';
const many = '100 ledgers';
const floor = 'does nothing';

const location = (name) => `
		location = /${name} {
			limit_req zone=eventledger_requests burst=200 nodelay;
			include eventledger/fastcgi.conf;
			fastcgi_pass ${name};
		}`;
const upstream = (name, socket) => `	upstream ${name} { server unix:${socket}; keepalive 128; keepalive_requests 1000000; }`;

export async function run(bench) {
  const programs = { nothing: await bench.startProgram('nothing'), plain: await bench.startProgram('plain') };
  const names = Object.keys(programs);
  const installed = {};
  for (const [name, prepare] of Object.entries(peers)) installed[name] = await prepare(bench);
  const stopNginx = await bench.startNginx(bench.nginxConfiguration({
    locations: names.map(location).join('\n'),
    upstreams: names.map((name) => upstream(name, programs[name].socket)).join('\n'),
  }));
  const origin = `http://127.0.0.1:${bench.port}`;
  let fresh = 0; // every ledger is used once: it holds 100,000 live items at most

  const series = {
    [hot]: (clients) => bench.wrk('append', origin, { clients, parameters: [`append${++fresh}`, 1] }),
    [many]: (clients) => bench.wrk('append', origin, { clients, parameters: [`append${++fresh}`, ledgerCount] }),
    [floor]: (clients) => bench.wrk('append', `${origin}/nothing`, { clients }),
    'does nothing, libfcgi alone': (clients) => bench.wrk('append', `${origin}/plain`, { clients }),
    ...Object.fromEntries(Object.entries(installed).map(([name, peer]) => [name, peer.measure])),
  };
  const rows = [];

  try {
    for (const measure of Object.values(series)) await measure(1); // whatever is slow only the first time
    for (const clients of clientCounts) {
      const label = `${clients} client${clients === 1 ? '' : 's'}`;
      const found = { rate: {}, p50: {}, p99: {} };
      for (let round = 1; round <= bench.rounds; round++) {
        for (const [name, measure] of Object.entries(series)) {
          if (installed[name] && clients > peerClientsMost) continue;
          const result = await measure(clients);
          for (const kind of Object.keys(found)) (found[kind][name] ??= []).push(result[kind]);
        }
        bench.log(`${label}, round ${round} of ${bench.rounds}`);
      }
      rows.push({ label, unit: 'commands/s', values: found.rate, better: 'higher' },
        { label, unit: 'milliseconds, p50', values: found.p50, better: 'lower' },
        { label, unit: 'milliseconds, p99', values: found.p99, better: 'lower' });
    }
  } finally {
    await stopNginx();
    await Promise.all(names.map((name) => programs[name].stop()));
    for (const peer of Object.values(installed)) await peer.drop();
  }

  const at = (label, name) => median(
    rows.find((row) => row.label === label && row.unit === 'commands/s').values[name]);
  const best = (label) => Math.max(...Object.keys(installed).map((name) => at(label, name)));
  return {
    unit: 'commands/s',
    rows,
    ratios: [
      { label: '64 clients, one ledger over what does nothing', value: at('64 clients', hot) / at('64 clients', floor),
        want: { atLeast: 0.5 } },
      { label: '64 clients, one ledger over the best peer', value: at('64 clients', hot) / best('64 clients'),
        want: { atLeast: 5 } },
      { label: '64 clients, 100 ledgers over one', value: at('64 clients', many) / at('64 clients', hot),
        want: { atLeast: 0.9 } },
      { label: '1 client, time of a command over that of the best peer and of HTTP',
        value: (1 / at('1 client', hot)) / (1 / best('1 client') + 1 / at('1 client', floor)), want: { atMost: 1 } },
    ],
    notes: [
      'Ours and what does nothing answer over HTTP, through nginx; the peers are asked without HTTP, in their own way.',
      'A stream of a peer is used once, like a ledger.  Where Emmett says that another client was first, it is asked again.',
    ],
  };
}
