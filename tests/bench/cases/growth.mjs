// The same work on logs of 10 thousand to a million events: nothing may get slower because a log is old.

import { median, sleep, start, time } from '../machine.mjs';

export const title = 'Growth: logs of ten thousand to a million events';

const live = 10_000; // items in each of the single ledgers
const clients = 64;
const repeats = 5; // of a quick request, for one figure
const rewinds = 100_000; // in turn: undone, done again
const unit = 'milliseconds';

/** name of the series: the ledger that is asked, its events, and what wrk appends to */
const logs = {
  '10 thousand': { ledger: 'growth10k', events: 10_000, live, ledgers: 1 },
  '100 thousand': { ledger: 'growth100k', events: 100_000, live, ledgers: 1 },
  '1 million': { ledger: 'growth1m', events: 1_000_000, live, ledgers: 1 },
  '1 million in 10,000 ledgers': { ledger: 'growth-4999', events: 100, live: 50, ledgers: 10_000, prefix: 'growth' },
};
const undone = { ledger: 'growthundone', events: live, live, ledgers: 1 };

async function fill(bench) {
  const folder = `${bench.root}/tests/bench/sql`;

  for (const [name, log] of [...Object.entries(logs), ['undone and done again', undone]]) {
    const { ledger, prefix = ledger, ledgers, events } = log;
    const milliseconds = await time(() => bench.psqlFile(`${folder}/fill.sql`, 'eventledger', { prefix, ledgers, events, live: log.live }));
    bench.log(`filled the log "${name}" in ${Math.round(milliseconds / 1000)} s`);
  }
  await bench.psqlFile(`${folder}/undo.sql`, 'eventledger', { ledger: undone.ledger, rewinds });
  await bench.psql('VACUUM (ANALYZE)');
  for (const pattern of ['growth1%', 'growth-49__', undone.ledger]) {
    const wrong = await bench.psqlFile(`${folder}/check.sql`, 'eventledger', { pattern, samples: 3 });
    if (wrong) throw new Error(`the logs were filled wrongly:\n${wrong}`);
  }
  await bench.psql('CHECKPOINT');
  bench.log('what was filled is what a replay gives');
}

export async function run(bench) {
  const rows = new Map();
  const url = (ledger, path = '') => `${bench.base}/api/ledgers/${ledger}${path}`;

  function note(label, series, value, more) {
    if (!rows.has(label)) rows.set(label, { label, values: {}, better: 'lower', ...more });
    (rows.get(label).values[series] ??= []).push(value);
  }

  async function ask(address, options = {}) {
    const answer = await fetch(address, { ...options, headers: { 'accept-encoding': 'identity', ...options.headers } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${address}: ${answer.status} ${text.slice(0, 300)}`);
    return text;
  }
  const command = (ledger, body) => ask(url(ledger, '/commands'),
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const rewind = (ledger, version) => command(ledger, { type: 'rewind', version });
  const head = async (ledger) => JSON.parse(await ask(url(ledger, '?limit=1'))).version;

  async function read(label, series, address) {
    const times = [];
    for (let i = 0; i < repeats; i++) times.push(await time(() => ask(address)));
    note(label, series, median(times), { kind: 'read' });
  }

  /** The longest that an append to a ledger of its own takes while the work goes on. */
  async function longestMeanwhile(work) {
    let going = true;
    let longest = 0;
    const aside = (async () => {
      for (let i = 0; going; i++) {
        longest = Math.max(longest, await time(() => command('growthaside', { type: 'append', content: `aside ${i}` })));
      }
    })();
    try {
      await work();
    } finally {
      going = false;
    }
    await aside;
    return longest;
  }

  async function readAll(series, { ledger, events }) {
    const version = await head(ledger);
    const middle = Math.ceil(events / 2);
    await read('state at the head, 1,000 items', series, url(ledger));
    await read('state at half of the log, 1,000 items', series, url(ledger, `/states/${middle}`));
    await read('newest 50 events', series, url(ledger, '/events'));
    await read('oldest 50 events', series, url(ledger, '/events?before=51'));
    await read('diff of neighbours', series, url(ledger, `/diff?from=${version}&to=${version - 1}`));
    await read('diff of head and half', series, url(ledger, `/diff?from=${version}&to=${middle}`));
  }

  /** Each rewind is rewound itself, so that the next round finds the same state. */
  async function rewindAll(series, { ledger, events }) {
    const times = [];
    for (let i = 0; i < 2 * repeats; i++) {
      const last = await head(ledger);
      times.push(await time(() => rewind(ledger, last)));
    }
    note('rewind of the last event', series, median(times));
    const targets = { 'rewind of the middle event': Math.ceil(events / 2), 'rewind of the first event': 1 };
    for (const [label, target] of Object.entries(targets)) {
      let milliseconds = 0;
      const before = await longestMeanwhile(() => sleep(300));
      const meanwhile = await longestMeanwhile(async () => {
        milliseconds = await time(() => rewind(ledger, target));
      });
      note(label, series, milliseconds);
      if (target === 1) {
        note('append to another ledger, longest, before that', series, before);
        note('append to another ledger, longest, during that', series, meanwhile);
      }
      await rewind(ledger, await head(ledger));
    }
  }

  /** The floor of a rewind to the first: what it writes, as one statement on a table of the same make. */
  async function plainWrite(series, { ledger }) {
    await bench.psql(`DROP SCHEMA IF EXISTS bench_rewind CASCADE; CREATE SCHEMA bench_rewind;
      CREATE TABLE bench_rewind.facts (LIKE es.facts INCLUDING ALL);
      INSERT INTO bench_rewind.facts SELECT f.* FROM es.facts f JOIN es.streams s USING (stream_id)
        WHERE s.name = '${ledger}' AND f.until IS NULL ORDER BY f.since, f.key;
      ANALYZE bench_rewind.facts`);
    const statement = 'UPDATE bench_rewind.facts SET until = 1000000000 WHERE until IS NULL';
    const [, took] = (await bench.psql(`DO $$ BEGIN PERFORM set_config('bench.start', clock_timestamp()::text, false); END $$;
      BEGIN; ${statement}; COMMIT; SELECT 'took', extract(epoch FROM clock_timestamp() - current_setting('bench.start')::timestamptz) * 1000`))
      .find(([name]) => name === 'took');
    note('writing what a rewind of the first does, plain SQL', series, Number(took));
    await bench.psql('DROP SCHEMA bench_rewind CASCADE');
  }

  async function rate(series, { ledger, prefix = ledger, ledgers }, label = `append, ${clients} clients`) {
    const before = ledgers === 1 ? await head(ledger) : 0;
    const { rate: found } = await bench.wrk('append', bench.base, { clients, parameters: [prefix, ledgers] });
    note(label, series, found, { unit: 'commands/s', better: 'higher' });
    if (ledgers === 1) await rewind(ledger, before + 1); // a ledger holds 100,000 live items at most
  }

  async function holdSnapshot() {
    const held = start('psql', ['--no-psqlrc', '--quiet', '--host', bench.sockets, '--username', 'postgres', '--dbname',
      'eventledger', '--command', 'BEGIN ISOLATION LEVEL REPEATABLE READ', '--command', 'SELECT count(*) FROM es.log',
      '--command', 'SELECT pg_sleep(600)']);
    await sleep(500);
    held.check();
    return held;
  }

  await fill(bench);
  for (let round = 1; round <= bench.rounds; round++) {
    // The last event of each round changes one item, not all that the rewinds of the round before did.
    for (const { ledger } of Object.values(logs)) await command(ledger, { type: 'append', content: `round ${round}` });
    for (const [series, log] of Object.entries(logs)) await readAll(series, log);
    await read(`oldest 50 events after ${rewinds.toLocaleString('en-US')} rewinds`, '10 thousand', url(undone.ledger, '/events?before=51'));
    for (const [series, log] of Object.entries(logs)) await rewindAll(series, log);
    for (const [series, log] of Object.entries(logs)) await plainWrite(series, log);
    bench.log(`reads and rewinds, round ${round} of ${bench.rounds}`);
  }
  // Last, because it adds events.
  for (let round = 1; round <= bench.rounds; round++) {
    for (const [series, log] of Object.entries(logs)) await rate(series, log);
    const held = await holdSnapshot();
    await rate('1 million', logs['1 million'], `append, ${clients} clients, while an old snapshot is held`);
    await held.stop();
    bench.log(`appends, round ${round} of ${bench.rounds}`);
  }

  const at = (label, series) => median(rows.get(label).values[series]);
  const grown = (label, series = '1 million') => at(label, series) / at(label, '10 thousand');
  const appends = `append, ${clients} clients`;
  const slowest = Math.max(...[...rows.values()].filter(({ kind }) => kind === 'read')
    .flatMap(({ values }) => Object.values(values).map(median)));
  const heldUp = Object.keys(logs).map((series) => at('append to another ledger, longest, during that', series)
    - at('append to another ledger, longest, before that', series));
  const flat = ['newest 50 events', 'state at the head, 1,000 items', 'diff of neighbours', 'rewind of the last event'];
  return {
    unit,
    rows: [...rows.values()].map(({ kind, ...row }) => row),
    ratios: [
      { label: 'append rate, 1 million over 10 thousand', value: grown(appends), want: { atLeast: 0.9 } },
      { label: 'append rate, 1 million in 10,000 ledgers over 10 thousand',
        value: grown(appends, '1 million in 10,000 ledgers'), want: { atLeast: 0.9 } },
      { label: 'append rate while an old snapshot is held, over without',
        value: at(`${appends}, while an old snapshot is held`, '1 million') / at(appends, '1 million') },
      ...flat.map((label) => ({ label: `${label}, 1 million over 10 thousand`, value: grown(label), want: { atMost: 2 } })),
      { label: 'slowest read, milliseconds', value: slowest, want: { atMost: 200 } },
      { label: 'rewind of the first over plain writing, 1 million',
        value: at('rewind of the first event', '1 million') / at('writing what a rewind of the first does, plain SQL', '1 million') },
      { label: 'longer for another ledger during a rewind of the first, milliseconds', value: Math.max(...heldUp),
        want: { atMost: 100 } },
    ],
    notes: [`${live.toLocaleString('en-US')} live items in each single ledger, 50 in each of the 10,000; states and diffs are first pages.`],
  };
}
