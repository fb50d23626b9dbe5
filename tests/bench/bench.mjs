// Runs the cases, prints a table of each, and leaves bench.json and a plot of each.  Started by tests/bench/run.
//
// A case is cases/NAME.mjs.  It exports `title` and `async run(bench)`, which returns
//   { unit, rows: [{ label, unit (where it is another), values: { series: [a number for each round] }, better }],
//     ratios: [{ label, value, want: { atLeast or atMost } }], notes: [text] }
// and has stopped all it started when it returns.  What `bench` gives is in machine.mjs.

import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

import { machine, output } from './machine.mjs';
import { plot } from './plot.mjs';
import { falls, table } from './report.mjs';

const caseLimit = 600; // seconds; a case that takes longer hangs

const text = { type: 'string' };
const { values: settings, positionals: names } = parseArgs({
  options: { root: text, build: text, work: text, base: text, data: text, sockets: text, port: text, rounds: text,
    seconds: text, output: text },
  allowPositionals: true,
});

// Whatever a case started is in our group, which tests/bench/run ends; without it nobody would.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.kill(-process.pid, 'SIGKILL'), 1000).unref();
process.on('SIGTERM', () => process.exit(143));

const started = performance.now();
const terminal = process.stdout.isTTY;
const log = (line) => console.log(`  ${String(Math.round((performance.now() - started) / 1000)).padStart(4)} s  ${line}`);
const firstLine = async (...command) => (await output(command[0], command.slice(1))).trim().split('\n')[0];

async function describeMachine(bench) {
  const setting = async (name) => (await bench.psql(`SHOW ${name}`))[0][0];
  return {
    date: new Date().toISOString(),
    processors: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    nginx: (await firstLine('sh', '-c', 'nginx -v 2>&1')).replace('nginx version: ', ''),
    postgresql: await setting('server_version'),
    fsync: await setting('fsync'),
    synchronous_commit: await setting('synchronous_commit'),
    wal_sync_method: await setting('wal_sync_method'),
    commit: await firstLine('git', '-C', settings.root, 'describe', '--always', '--dirty').catch(() => 'unknown'),
    rounds: bench.rounds,
    seconds: bench.seconds,
  };
}

const limited = (work) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error(`not done within ${caseLimit} s`)), caseLimit * 1000);
  work.then(resolve, reject).finally(() => clearTimeout(timer));
});

const bench = machine(settings, log);
const report = { machine: await describeMachine(bench), cases: {} };
const { machine: about } = report;
console.log(`\n${about.processor}, ${about.processors} processors, ${about.memory_gib} GiB; PostgreSQL `
  + `${about.postgresql}, fsync ${about.fsync}, ${about.wal_sync_method}; ${about.nginx}; ${about.commit}`);

let short = 0;
let errors = 0;
for (const name of names) {
  const before = performance.now();
  let title = name;
  try {
    const measured = await import(`./cases/${name}.mjs`);
    title = measured.title;
    console.log(`\n==== ${name}: ${title}`);
    const result = await limited(measured.run(bench));
    const seconds = (performance.now() - before) / 1000;
    report.cases[name] = { title, seconds: Math.round(seconds), ...result };
    console.log(`\n${table(result, terminal)}\n  took ${Math.round(seconds)} s`);
    short += falls(result).length;
    writeFileSync(`${settings.output}/${name}.svg`, plot(title, result));
  } catch (error) {
    errors++;
    report.cases[name] = { title, error: String(error.message) };
    console.log(`\n${name}: error: ${error.stack}`);
    if (/not done within/.test(error.message)) break; // what it does would disturb the others
  }
  writeFileSync(`${settings.output}/bench.json`, `${JSON.stringify(report, null, 1)}\n`);
}

console.log(`\n${names.length} cases in ${Math.round((performance.now() - started) / 1000)} s; `
  + `${short} figures short of what is wanted; ${errors} errors`);
process.exit(errors === 0 ? 0 : 1);
