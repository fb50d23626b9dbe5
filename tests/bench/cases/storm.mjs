// Thousands of subscribers cut off at once: sse.fcgi is killed, and eventledger-hold starts it again.  They come back
// as browsers do, each after the pause it was told, and must have everything that was appended meanwhile.

import { gather, streamsProcess } from '../crowd.mjs';
import { sleep, until } from '../machine.mjs';

export const title = 'Reconnect storm: sse.fcgi is killed under its subscribers';

const count = 5000;
const before = 20; // events in the log when they subscribe
const meanwhile = 50; // appended while they are gone
const untold = 11_000; // milliseconds: a backend that falls idle tells within 10 s what it did before

async function append(bench, ledger, events) {
  const answer = await fetch(`${bench.base}/api/ledgers/${ledger}/commands`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(Array.from({ length: events }, () => ({ type: 'append', content: 'milk and honey' }))),
  });
  if (answer.status !== 201) throw new Error(`append: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).version;
}

async function metric(bench, name) {
  const text = await (await fetch(`${bench.base}/metrics/sse`)).text();
  return Number(text.match(new RegExp(`^eventledger_sse_${name} (\\S+)$`, 'm'))[1]);
}

/** How many transactions PostgreSQL has finished for everybody; a busy backend tells of its own within a second. */
const transactions = async (bench) => Number((await bench.psql(
  "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'eventledger'", 'postgres'))[0][0]);

async function storm(bench, ledger) {
  await append(bench, ledger, before);
  const crowd = await gather(bench, {
    port: new URL(bench.base).port, count, subscribe: `/sse/ledgers/${ledger}`, dense: true,
  });
  try {
    const killed = streamsProcess(bench.data);
    const transactionsBefore = await transactions(bench);
    const began = performance.now();
    process.kill(killed, 'SIGKILL');
    const version = await append(bench, ledger, meanwhile);
    const { reconnects } = await crowd.tell('settle', version);
    const seconds = (performance.now() - began) / 1000;
    // each came back once at least: nobody was told to be live by mistake
    if (reconnects < count) throw new Error(`only ${reconnects} of ${count} came back`);
    await until(async () => await metric(bench, 'subscribers') >= count, 'all are counted');
    return {
      seconds,
      fills: await metric(bench, 'fills_total'),
      transactions: await transactions(bench) - transactionsBefore,
    };
  } finally {
    await crowd.leave();
  }
}

export async function run(bench) {
  const found = { seconds: [], fills: [], transactions: [] };
  await sleep(untold); // or what the case before this one did would be counted here
  for (let round = 1; round <= bench.rounds; round++) {
    const result = await storm(bench, `storm${round}`);
    for (const [name, value] of Object.entries(result)) found[name].push(value);
    bench.log(`round ${round} of ${bench.rounds}: all live and caught up after ${result.seconds.toFixed(1)} s`);
  }
  const label = `${count} subscribers, ${meanwhile} events meanwhile`;
  return {
    unit: 'seconds',
    rows: [
      { label, unit: 'seconds until all are live and caught up', values: { 'sse.fcgi': found.seconds }, better: 'lower' },
      { label, unit: 'queries that fill a ring', values: { 'sse.fcgi': found.fills }, better: 'lower' },
      { label, unit: 'transactions of everybody', values: { PostgreSQL: found.transactions }, better: 'lower' },
    ],
    ratios: [
      { label: 'seconds until all are live, the slowest round', value: Math.max(...found.seconds), want: { atMost: 10 } },
      { label: 'queries that fill a ring, for each ledger', value: Math.max(...found.fills), want: { atMost: 1 } },
      { label: 'transactions for each subscriber', value: Math.max(...found.transactions) / count, want: { atMost: 0.05 } },
    ],
    notes: ['A subscriber waits the 1 to 5 s that it was told before it comes back, as a browser does.',
      'The transactions are those of all programs in that time: the look that sse.fcgi takes once a second, the append.'],
  };
}
