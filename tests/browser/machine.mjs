// The processes behind the server, for the tests that take them away.

import { readdirSync, readlinkSync } from 'node:fs';

import { until } from './browser.mjs';

export { withoutDatabase } from '../http/machine.mjs';

/** The folder of deploy/run; without it the server is somebody else's, and nothing of it is touched. */
const data = process.env.EVENTLEDGER_DATA;
export const ours = data !== undefined && data !== '';

function running(name) {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number).filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/exe`).startsWith(`${data}/program/libexec/eventledger/${name}`);
    } catch {
      return false;
    }
  });
}

/** Kills a program the hard way; deploy/run starts it again. */
export async function kill(name) {
  const before = running(name);
  for (const pid of before)
    process.kill(pid, 'SIGKILL');
  await until(() => running(name).some((pid) => !before.includes(pid)), `${name} is started again`);
}
