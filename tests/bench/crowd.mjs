// Thousands of subscribers in one process of C (subscribers.c), told what to do a line at a time.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

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

const childrenOf = (pid) => readdirSync(`/proc/${pid}/task`).flatMap((task) =>
  readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));

/** KiB that processes take, shared pages divided among those that share them; with their children. */
export function memory(...pids) {
  return pids.reduce((sum, pid) => sum + memory(...childrenOf(pid))
    + Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s*(\d+)/m)[1]), 0);
}

/** The process id of the sse.fcgi that deploy/run started with this folder of data. */
export function streamsProcess(data) {
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] === `${data}/program/libexec/eventledger/sse.fcgi`;
    } catch {
      return false; // it has ended
    }
  });
  if (found.length !== 1) throw new Error(`${found.length} processes are ${data}'s sse.fcgi`);
  return Number(found[0]);
}
