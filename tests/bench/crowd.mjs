// Thousands of subscribers in one process of C (subscribers.c), told what to do a line at a time.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { until } from './machine.mjs';

/** With the options of the program, by name.  All are live when it returns. */
export async function gather(bench, options) {
  const parameters = Object.entries(options).flatMap(([name, value]) =>
    (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
  const child = spawn(`${bench.build}/subscribers`, parameters, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => { said += data; });
  child.stdin.on('error', () => {}); // it has ended; that is told below
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.on('close', resolve));

  const crowd = {
    /** Tells it a command; what it answers.  Anything missed or doubled is an error. */
    async tell(...words) {
      child.stdin.write(`${words.join(' ')}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error(`${parameters.join(' ')}: ${words.join(' ')}: ${said.trim()}`);
      const answer = JSON.parse(value);
      if (answer.missing + answer.doubled + answer.strange > 0) {
        throw new Error(`${options.subscribe}: ${words.join(' ')}: ${value.slice(-200)}`);
      }
      return answer;
    },
    leave() {
      child.stdin.end();
      return ended;
    },
  };
  try {
    await crowd.tell('connect');
  } catch (error) {
    await crowd.leave();
    throw error;
  }
  return crowd;
}

/** A file of /proc/PID; "" where the process has ended, as one of nginx does after its first minute. */
function readProcess(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return '';
    throw error;
  }
}

const childrenOf = (pid) => readProcess(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);

/** KiB that processes take, shared pages divided among those that share them; with their children. */
export function memory(...pids) {
  return pids.reduce((sum, pid) => sum + memory(...childrenOf(pid))
    + Number(readProcess(pid, 'smaps_rollup').match(/^Pss:\s*(\d+)/m)?.[1] ?? 0), 0);
}

const streamsProcesses = (data) => readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  .filter((pid) => readProcess(pid, 'cmdline').split('\0')[0] === `${data}/program/libexec/eventledger/sse.fcgi`)
  .map(Number);

/** The process id of the sse.fcgi that deploy/run started with this folder of data. */
export function streamsProcess(data) {
  const found = streamsProcesses(data);
  if (found.length !== 1) throw new Error(`${found.length} processes are ${data}'s sse.fcgi`);
  return found[0];
}

/** Has sse.fcgi started again: what it took for those who have left is not there for the next. */
export async function renewStreams(bench) {
  const old = streamsProcess(bench.data);
  process.kill(old, 'SIGTERM');
  await until(() => streamsProcesses(bench.data).some((pid) => pid !== old), 'sse.fcgi is started again');
  await until(() => streamsProcesses(bench.data).length === 1, 'the old sse.fcgi has ended');
  await until(async () => (await fetch(`${bench.base}/metrics/sse`)).ok, 'sse.fcgi answers');
}
