// What runs behind the server: the database by psql, the processes by /proc.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';

import { until } from './client.mjs';
import { runs, without } from './processes.mjs';

export const data = process.env.EVENTLEDGER_DATA;
export const databaseFolder = process.env.EVENTLEDGER_PGHOST;
export const ledgerSocket = `${data}/run/ledger.sock`;
export const ledgerProgram = `${data}/program/libexec/eventledger/ledger.fcgi`;

/** The rows that the reader sees in psql, each an array of strings (null is ""). */
export async function sql(statement) {
	const { stdout } = await promisify(execFile)('psql', [
		'--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--set', 'ON_ERROR_STOP=1', '--field-separator', '\t',
		'-h', databaseFolder, '-U', 'eventledger_reader', '--dbname', 'eventledger', '--command', statement,
	], { maxBuffer: 64 << 20 });
	return stdout.split('\n').slice(0, -1).map((line) => line.split('\t'));
}

/** The process ids of ledger.fcgi: those that run and are not about to vanish. */
export function ledgerProcesses() {
	return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
		try {
			return readlinkSync(`/proc/${pid}/exe`).replace(' (deleted)', '') === ledgerProgram && runs(pid);
		} catch {
			return false;
		}
	});
}

export function ledgerProcess() {
	const found = ledgerProcesses();
	assert.equal(found.length, 1, 'one ledger.fcgi');
	return found[0];
}

export const signal = (pid, name) => process.kill(pid, name);

/** Waits until another ledger.fcgi than the given one runs. */
export const successor = (pid) => until(() => {
	const found = ledgerProcesses();
	return found.length === 1 && found[0] !== pid;
}, 'ledger.fcgi is started again');

export const postmaster = () => Number(readFileSync(`${data}/postgresql/data/postmaster.pid`, 'utf8').split('\n')[0]);

/** Takes PostgreSQL away while body runs. */
export const withoutDatabase = (body) => without(postmaster(), body);

/** Runs a program to its end: its status and what it printed. */
export function program(path, parameters, { environment = process.env } = {}) {
	return new Promise((resolve, reject) => {
		const child = spawn(path, parameters, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
		let out = '';
		let err = '';
		child.stdout.on('data', (chunk) => { out += chunk; });
		child.stderr.on('data', (chunk) => { err += chunk; });
		child.on('error', reject);
		child.on('close', (status) => resolve({ status, out, err }));
	});
}
