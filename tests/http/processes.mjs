// Processes, by what /proc tells of them.

import { readFileSync } from 'node:fs';

import { until } from './client.mjs';

/** A line of /proc/PID/status, without its name. */
export const statusField = (pid, name) =>
	readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s*(.*)$`, 'm'))?.[1];

export const parentOf = (pid) => Number(statusField(pid, 'PPid'));

/** Whether it is there, and more than an entry that nobody has read yet. */
export function runs(pid) {
	try {
		return !statusField(pid, 'State').startsWith('Z');
	} catch {
		return false;
	}
}

/** Takes a PostgreSQL away while body runs: the process that would start it again is stopped meanwhile. */
export async function without(postmaster, body) {
	const keeper = parentOf(postmaster);
	process.kill(keeper, 'SIGSTOP');
	try {
		process.kill(postmaster, 'SIGINT');
		await until(() => !runs(postmaster), 'PostgreSQL stops');
		await body();
	} finally {
		process.kill(keeper, 'SIGCONT');
	}
}
