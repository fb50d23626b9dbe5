// A state of 1,000 items, now and at a version, whole and unchanged (304), beside nginx serving a file of that size.

import { writeFileSync } from 'node:fs';

import { median } from '../machine.mjs';

export const title = 'Read: a state of 1,000 items';

const ledger = 'read';
const items = 1000;
const clients = 16;

async function ask(address) {
  const answer = await fetch(address, { headers: { 'accept-encoding': 'identity' } });
  if (answer.status !== 200) throw new Error(`${address}: ${answer.status}`);
  return { text: await answer.text(), tag: answer.headers.get('etag') };
}

export async function run(bench) {
  const folder = bench.scratch('files');
  const stopNginx = await bench.startNginx(bench.nginxConfiguration({
    locations: `location /files/ { alias ${folder}/; }`,
  }));
  const origin = `http://127.0.0.1:${bench.port}`;
  const commands = Array.from({ length: items }, (_, i) => ({ type: 'append', content: `milk and honey ${i}` }));
  const appended = await fetch(`${origin}/api/ledgers/${ledger}/commands`,
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(commands) });
  if (!appended.ok) throw new Error(`the items could not be appended: ${await appended.text()}`);
  const { log, version } = await appended.json();

  const head = `${origin}/api/ledgers/${ledger}`;
  const past = `${head}/states/${version}`;
  const { text, tag } = await ask(head);
  writeFileSync(`${folder}/state.json`, text);
  const file = `${origin}/files/state.json`;
  const asked = {
    'head': [head],
    'at a version': [past],
    'at a version, cached by nginx': [`${past}?log=${log}`],
    'a file': [file],
    'head, unchanged (304)': [head, tag],
    'at a version, cached, unchanged (304)': [`${past}?log=${log}`, (await ask(`${past}?log=${log}`)).tag],
    'a file, unchanged (304)': [file, (await ask(file)).tag],
  };
  const kinds = { rate: ['requests/s', 'higher'], p50: ['milliseconds, p50', 'lower'], p99: ['milliseconds, p99', 'lower'] };
  const rows = Object.keys(kinds).flatMap((kind) => Object.keys(asked).map((label) => (
    { label, unit: kinds[kind][0], kind, values: { [`${clients} clients`]: [] }, better: kinds[kind][1] })));

  try {
    for (let round = 1; round <= bench.rounds; round++) {
      for (const [label, [url, ifNoneMatch]] of Object.entries(asked)) {
        const result = await bench.wrk('get', url, { clients, parameters: ifNoneMatch ? [ifNoneMatch] : [] });
        for (const row of rows.filter((one) => one.label === label)) row.values[`${clients} clients`].push(result[row.kind]);
      }
      bench.log(`round ${round} of ${bench.rounds}`);
    }
  } finally {
    await stopNginx();
  }

  const at = (label) => median(rows.find((row) => row.label === label && row.kind === 'rate').values[`${clients} clients`]);
  const over = (label, other) => ({ label: `${label}, over ${other}`, value: at(label) / at(other) });
  return {
    unit: 'requests/s',
    rows: rows.map(({ kind, ...row }) => row),
    ratios: [
      over('head', 'a file'),
      over('at a version, cached by nginx', 'a file'),
      over('head, unchanged (304)', 'a file, unchanged (304)'),
    ],
    notes: [`A state is ${text.length.toLocaleString('en-US')} bytes of JSON, not compressed.`],
  };
}
