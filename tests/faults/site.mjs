// Two hosts on one log: the one that deploy/run started, and a second set of programs, whose way to PostgreSQL leads
// through a proxy, as the network of another machine would.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
	appendFileSync, chmodSync, chownSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

import { base, until } from '../http/client.mjs';
import { parentOf, runs, statusField, without } from '../http/processes.mjs';
import { Proxy } from './proxy.mjs';

const asRoot = process.getuid() === 0;
// Set by tests/faults/run, but where it only wants to know what there is to break.
const {
	EVENTLEDGER_DATA: data = '', EVENTLEDGER_PGHOST: sockets = '',
	EVENTLEDGER_SECOND_DATA: secondData = '', EVENTLEDGER_SECOND_PORT: secondPort = 0,
} = process.env;
const programs = join(data, 'program/libexec/eventledger');
const postgresqlFolder = join(data, 'postgresql/data');

// ---- PostgreSQL

/** The rows that psql prints, each an array of strings (null is ""). */
export async function sql(statement, user = 'eventledger_reader') {
	const { stdout } = await promisify(execFile)('psql', [
		'--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--set', 'ON_ERROR_STOP=1', '--field-separator', '\t',
		'-h', sockets, '-U', user, '--dbname', 'eventledger', '--command', statement,
	], { maxBuffer: 1 << 30 });
	return stdout.split('\n').slice(0, -1).map((line) => line.split('\t'));
}

export const administer = (statement) => sql(statement, 'postgres');

/** The process of PostgreSQL, waited for while it is being started. */
export async function postmaster() {
	let pid = 0;
	await until(() => {
		try {
			pid = Number(readFileSync(`${postgresqlFolder}/postmaster.pid`, 'utf8').split('\n')[0]);
		} catch {
			return false; // not yet, or not any more
		}
		return pid > 0 && runs(pid);
	}, 'PostgreSQL runs');
	return pid;
}

// ---- processes

/** KiB that are the process's own. */
export const memoryOf = (pid) => Number(statusField(pid, 'RssAnon').split(' ')[0]);
export const descriptorsOf = (pid) => readdirSync(`/proc/${pid}/fd`).length;

/** Sends a signal; nothing where the process has ended meanwhile. */
export function signal(pid, name) {
	try {
		process.kill(pid, name);
	} catch (error) {
		assert.equal(error.code, 'ESRCH');
	}
}

/** Sets how many descriptors a process may have from now on; what it was before. */
export function limitDescriptors(pid, count) {
	// As the user of the process: to root alone, not every kernel allows it.
	const owner = asRoot ? { uid: Number(statusField(pid, 'Uid').split('\t')[0]), gid: Number(statusField(pid, 'Gid').split('\t')[0]) } : {};
	const prlimit = (...parameters) => execFileSync('prlimit', ['--pid', pid, ...parameters], { encoding: 'utf8', stdio: 'pipe', ...owner });
	const before = prlimit('--nofile', '--noheadings', '--raw', '--output', 'SOFT').trim();
	prlimit(`--nofile=${count}:`);
	return before;
}

// ---- hosts

export class Host {
	/** name for people; folder: where its programs run. */
	constructor(name, folder, port) {
		this.name = name;
		this.folder = folder;
		this.server = new URL(`http://127.0.0.1:${port}/`);
	}

	/** Its processes of this program, the oldest first. */
	processes(program) {
		return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).sort((one, other) => one - other).filter((pid) => {
			try {
				return readlinkSync(`/proc/${pid}/cwd`) === this.folder && runs(pid) &&
					basename(readlinkSync(`/proc/${pid}/exe`).replace(' (deleted)', '')) === program;
			} catch {
				return false;
			}
		});
	}

	/** The one process of this program; undefined while it is being started again. */
	process(program) {
		return program === 'nginx' ? this.processes('nginx').find((pid) => !this.workers().includes(pid)) : this.processes(program)[0];
	}

	/** nginx's. */
	workers() {
		const all = this.processes('nginx');
		return all.filter((pid) => all.includes(parentOf(pid)));
	}

	socket(program) {
		return join(this.folder, 'run', `${program}.sock`);
	}

	/** What must never end by itself. */
	keepers() {
		return this.processes('eventledger-hold');
	}
}

/** The second host: everything that deploy/run has but PostgreSQL. */
class SecondHost extends Host {
	#children = [];

	#hold(name, user, options, command) {
		const log = openSync(join(this.folder, 'log', 'hold.log'), 'a');
		const child = spawn(join(programs, 'eventledger-hold'), ['--log', join(this.folder, 'log', `${name}.log`), ...options, '--', ...command],
			{ cwd: this.folder, stdio: ['ignore', log, log], ...user });
		child.ended = new Promise((resolve) => { child.on('exit', resolve); });
		this.#children.push(child);
	}

	start(first, proxyFolder) {
		const identity = (flag) => Number(execFileSync('id', [flag, 'www-data'], { encoding: 'utf8' }));
		const web = asRoot ? { uid: identity('-u'), gid: identity('-g') } : {};
		for (const name of ['', 'log', 'run', 'nginx']) {
			mkdirSync(join(this.folder, name), { recursive: true });
			chmodSync(join(this.folder, name), 0o755);
		}
		for (const name of asRoot ? ['log', 'run'] : []) {
			chownSync(join(this.folder, name), web.uid, web.gid);
		}
		symlinkSync(join(data, 'program'), join(this.folder, 'program'));
		symlinkSync('../program/share/eventledger/nginx', join(this.folder, 'nginx/eventledger'));
		writeFileSync(join(this.folder, 'nginx/nginx.conf'), readFileSync(join(first.folder, 'nginx/nginx.conf'), 'utf8')
			.replaceAll(`:${first.server.port} `, `:${this.server.port} `).replaceAll(`:${first.server.port};`, `:${this.server.port};`));
		const database = `host='${proxyFolder}' dbname=eventledger user=eventledger_worker`;
		for (const name of ['ledger', 'sse']) {
			this.#hold(name, web, ['--socket', `run/${name}.sock`], [join(programs, `${name}.fcgi`), '--database', database]);
		}
		this.#hold('nginx', {}, ['--signal', 'QUIT', '--patience', '3'],
			['nginx', '-p', `${this.folder}/`, '-c', 'nginx/nginx.conf', '-e', 'stderr', '-g', 'daemon off;']);
	}

	async stop() {
		for (const child of this.#children) {
			child.kill('SIGTERM');
		}
		await Promise.all(this.#children.map((child) => child.ended));
	}
}

// ---- all of it

const first = new Host('first', data, base.port);
const second = new SecondHost('second', secondData, secondPort);
export const hosts = [first, second];

const proxyFolder = join(second.folder, 'postgresql');
export const proxy = new Proxy(join(proxyFolder, '.s.PGSQL.5432'), join(sockets, '.s.PGSQL.5432'));

export async function startSite() {
	mkdirSync(proxyFolder, { recursive: true });
	if (asRoot) {
		// To PostgreSQL the programs of the second host are whoever runs the proxy.
		appendFileSync(join(data, 'postgresql/pg_ident.conf'), 'eventledger root eventledger_worker\n');
	}
	// Small, so that a small file system holds it however long the run.
	await administer(`ALTER SYSTEM SET max_wal_size = '128MB'`);
	await administer(`ALTER SYSTEM SET min_wal_size = '64MB'`);
	await administer('SELECT pg_reload_conf()');
	await proxy.start();
	second.start(first, proxyFolder);
}

export async function stopSite() {
	await second.stop();
	proxy.stop();
}

/** Takes PostgreSQL away while body runs. */
export const withoutDatabase = async (body) => without(await postmaster(), body);
