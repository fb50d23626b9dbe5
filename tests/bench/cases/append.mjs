// One command a request, through nginx: beside programs that do nothing, and beside event stores that append one event
// a call to one stream.

import { median } from '../machine.mjs';

export const title = 'Append: one command a request';

const clientCounts = [1, 16, 64, 256];
const ledgerCount = 100;

const location = (name) => `
		location = /${name} {
			limit_req zone=eventledger_requests burst=200 nodelay;
			include eventledger/fastcgi.conf;
			fastcgi_pass ${name};
		}`;
const upstream = (name, socket) => `	upstream ${name} { server unix:${socket}; keepalive 32; keepalive_requests 1000000; }`;

export async function run(bench) {
  const programs = { nothing: await bench.startProgram('nothing'), plain: await bench.startProgram('plain') };
  const names = Object.keys(programs);
  const stopNginx = await bench.startNginx(bench.nginxConfiguration({
    locations: names.map(location).join('\n'),
    upstreams: names.map((name) => upstream(name, programs[name].socket)).join('\n'),
  }));
  const origin = `http://127.0.0.1:${bench.port}`;
  let fresh = 0; // every ledger is used once: it holds 100,000 live items at most

  const series = {
    'one ledger': (clients) => bench.wrk('append', origin, { clients, parameters: [`append${++fresh}`, 1] }),
    '100 ledgers': (clients) => bench.wrk('append', origin, { clients, parameters: [`append${++fresh}`, ledgerCount] }),
    'does nothing': (clients) => bench.wrk('append', `${origin}/nothing`, { clients }),
    'does nothing, libfcgi alone': (clients) => bench.wrk('append', `${origin}/plain`, { clients }),
  };
  const rows = [];

  try {
    for (const clients of clientCounts) {
      const label = `${clients} client${clients === 1 ? '' : 's'}`;
      const found = { rate: {}, p50: {}, p99: {} };
      for (let round = 1; round <= bench.rounds; round++) {
        for (const [name, measure] of Object.entries(series)) {
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
  }

  const at = (label, name, unit = 'commands/s') => median(
    rows.find((row) => row.label === label && row.unit === unit).values[name]);
  const ratios = [
    { label: '64 clients, one ledger over what does nothing', value: at('64 clients', 'one ledger') / at('64 clients', 'does nothing'),
      want: { atLeast: 0.5 } },
    { label: '64 clients, 100 ledgers over one', value: at('64 clients', '100 ledgers') / at('64 clients', 'one ledger'),
      want: { atLeast: 0.9 } },
  ];
  return { unit: 'commands/s', rows, ratios, notes: [] };
}
