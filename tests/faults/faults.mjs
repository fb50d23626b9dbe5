// What breaks, and how.  Each fault ends by itself; what it broke must mend itself.

import { execFileSync } from 'node:child_process';
import net from 'node:net';

import { pause, request, until } from '../http/client.mjs';
import { runs } from '../http/processes.mjs';
import { administer, descriptorsOf, hosts, limitDescriptors, postmaster, proxy, signal, withoutDatabase } from './site.mjs';

const fileSystem = process.env.EVENTLEDGER_FILE_SYSTEM; // the small one that holds all data; absent: none could be mounted
const crowd = 60; // connections at once
const seconds = (random, first, last) => random.between(first * 1000, last * 1000);

/** The program of either host, and how to say which one it was. */
async function choose(random, program) {
	const host = random.pick(hosts);
	await until(() => host.process(program) !== undefined, `${program} of the ${host.name} host runs`);
	return { host, pid: host.process(program), said: `of the ${host.name} host` };
}

const kill = (program, name) => async (random) => {
	const { pid, said, host } = await choose(random, program);
	signal(pid, name);
	await until(() => ![undefined, pid].includes(host.process(program)), `${program} is started again`);
	return said;
};

const standStill = (program) => async (random) => {
	const { pid, said } = await choose(random, program);
	const time = seconds(random, 0.3, 12);
	signal(pid, 'SIGSTOP');
	await pause(time);
	signal(pid, 'SIGCONT');
	return `${said} for ${time} ms`;
};

/** Ends a session that the condition is true of, as soon as there is one. */
const endSession = (condition) => async () => {
	let ended = 0;
	await until(async () => {
		const rows = await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${condition} LIMIT 1`).catch(() => []);
		ended += rows.length;
		return ended > 0;
	}, 'there is such a session');
};

const connections = (target, count) => Array.from({ length: count }, () => net.connect(target).on('error', () => {}));

/** For a while the program may open nothing more, and many want to be let in. */
const withoutDescriptors = (program) => async (random) => {
	const { host, pid, said } = await choose(random, `${program}.fcgi`);
	const time = seconds(random, 2, 5);
	const before = limitDescriptors(pid, descriptorsOf(pid) + 1);
	const sockets = connections({ path: host.socket(program) }, crowd);
	await pause(time);
	if (runs(pid)) {
		limitDescriptors(pid, before);
	}
	sockets.forEach((socket) => socket.destroy());
	return `${said} for ${time} ms`;
};

/** The second host's ledger.fcgi is stopped at a moment when its transaction has locks. */
const stopWithLocks = (hang) => async (random) => {
	const time = seconds(random, 6, 9);
	await hang.call(proxy, time, async () => {
		const pid = hosts[1].process('ledger.fcgi');
		if (pid !== undefined) {
			signal(pid, 'SIGSTOP');
			await pause(time);
			signal(pid, 'SIGCONT');
		}
	});
	return `for ${time} ms`;
};

const cut = (how, ...parameters) => () => how.call(proxy, ...parameters);

const fileSystemSize = () => {
	const output = execFileSync('df', ['--block-size=1K', '--output=used,size', fileSystem], { encoding: 'utf8' });
	return output.split('\n')[1].trim().split(/\s+/).map(Number);
};

/** In KiB.  False: more than that is in use by now. */
function resize(size) {
	try {
		execFileSync('mount', ['-o', `remount,size=${size}k`, fileSystem], { stdio: 'pipe' });
		return true;
	} catch {
		return false;
	}
}

async function fillDisk(random) {
	const time = seconds(random, 2, 6);
	const [, size] = fileSystemSize();
	await until(() => resize(fileSystemSize()[0]), 'the file system shrinks to what is used');
	const [used] = fileSystemSize();
	await pause(time);
	await until(() => resize(size), 'it grows again');
	return `at ${used} KiB for ${time} ms`;
}

/**
 * Each: its lane (one of a lane at a time: a fault must not hide the next one's), what breaks, and how.
 * A fault that cuts the clients' connections says for which paths: only then may a request end without an answer.
 */
export const faults = {
	'ledger-killed': { lane: 'programs', what: 'SIGKILL of ledger.fcgi', inject: kill('ledger.fcgi', 'SIGKILL') },
	'ledger-ended': { lane: 'programs', what: 'SIGTERM of ledger.fcgi', inject: kill('ledger.fcgi', 'SIGTERM') },
	'ledger-stopped': { lane: 'programs', what: 'SIGSTOP of ledger.fcgi, then SIGCONT', inject: standStill('ledger.fcgi') },
	'ledger-descriptors': { lane: 'programs', what: 'ledger.fcgi at its limit of file descriptors', inject: withoutDescriptors('ledger') },
	'sse-killed': { lane: 'programs', what: 'SIGKILL of sse.fcgi', inject: kill('sse.fcgi', 'SIGKILL') },
	'sse-ended': { lane: 'programs', what: 'SIGTERM of sse.fcgi', inject: kill('sse.fcgi', 'SIGTERM') },
	'sse-stopped': { lane: 'programs', what: 'SIGSTOP of sse.fcgi, then SIGCONT', inject: standStill('sse.fcgi') },
	'sse-descriptors': { lane: 'programs', what: 'sse.fcgi at its limit of file descriptors', inject: withoutDescriptors('sse') },
	'nginx-worker-killed': {
		lane: 'programs', what: 'SIGKILL of an nginx worker', cuts: /^/,
		async inject(random) {
			const host = random.pick(hosts);
			const pid = random.pick(host.workers());
			signal(pid, 'SIGKILL');
			await until(() => !runs(pid), 'it ends');
			return `of the ${host.name} host`;
		},
	},
	'nginx-reloaded': {
		lane: 'programs', what: 'nginx -s reload', cuts: /^/, // a request on a connection that is just being closed
		async inject(random) {
			const { pid, host, said } = await choose(random, 'nginx');
			const before = host.workers();
			signal(pid, 'SIGHUP');
			await until(() => host.workers().some((worker) => !before.includes(worker)), 'new workers start');
			return said;
		},
	},
	'crowd-of-streams': {
		lane: 'programs', what: 'many event streams opened at once, and left',
		async inject(random) {
			const host = random.pick(hosts);
			const sockets = connections({ port: Number(host.server.port), host: '127.0.0.1' }, 3 * crowd);
			sockets.forEach((socket, i) => socket.resume().write(`GET /sse/ledgers/fault.${i % 4}?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`));
			await pause(seconds(random, 0.2, 2));
			sockets.forEach((socket) => socket.destroy());
			return `of the ${host.name} host`;
		},
	},

	'listener-ended': { lane: 'database', what: 'pg_terminate_backend of a listener', inject: endSession(`application_name = 'sse.fcgi'`) },
	'writer-ended': {
		lane: 'database', what: 'pg_terminate_backend of a writer in mid-transaction',
		inject: endSession(`application_name = 'ledger.fcgi writer' AND xact_start IS NOT NULL`),
	},
	'session-killed': {
		lane: 'database', what: 'SIGKILL of a session of PostgreSQL, which then restarts',
		async inject() {
			let rows = [];
			await until(async () => {
				rows = await administer(`SELECT pid FROM pg_stat_activity WHERE application_name = 'ledger.fcgi writer' LIMIT 1`).catch(() => []);
				return rows.length > 0;
			}, 'there is such a session');
			signal(Number(rows[0][0]), 'SIGKILL');
		},
	},
	'database-crashed': {
		lane: 'database', what: 'PostgreSQL restarted as by pg_ctl restart -m immediate',
		async inject() {
			const pid = await postmaster();
			signal(pid, 'SIGQUIT');
			await until(() => !runs(pid), 'it ends');
		},
	},
	'database-away': {
		lane: 'database', what: 'PostgreSQL stopped for 10 s',
		inject: () => withoutDatabase(() => pause(10_000)),
	},
	// nginx gives up an answer that it cannot keep in its cache.
	'disk-full': { lane: 'database', what: 'no room left on the file system of the data', cuts: /\/states\//, inject: fillDisk },

	'lock-held': { lane: 'network', what: 'ledger.fcgi stopped while it holds its locks', inject: stopWithLocks(proxy.hangWithLocks) },
	'lock-held-half-way': { lane: 'network', what: 'ledger.fcgi stopped half-way in the sending of a commit', inject: stopWithLocks(proxy.hangHalfWay) },
	'cut-before-commit': { lane: 'network', what: 'the connection cut, COMMIT does not arrive', inject: cut(proxy.cutBeforeCommit) },
	'cut-during-commit': { lane: 'network', what: 'the connection cut while PostgreSQL commits', inject: cut(proxy.cutDuringCommit, 1000) },
	'cut-after-commit': { lane: 'network', what: 'the connection cut, the answer to COMMIT does not arrive', inject: cut(proxy.cutAfterCommit) },
	'network-silent': {
		lane: 'network', what: 'nothing passes between the second host and PostgreSQL',
		async inject(random) {
			const time = seconds(random, 1, 12);
			proxy.silence(true);
			await pause(time);
			proxy.silence(false);
			return `for ${time} ms`;
		},
	},
	'notifications-lost': {
		lane: 'network', what: 'NOTIFY does not reach the second host',
		async inject() {
			const missed = async () => {
				const answer = await request('GET', '/metrics/sse', { server: hosts[1].server }).catch(() => null);
				return Number(answer?.text.match(/^eventledger_sse_missed_notifications_total (\d+)$/m)?.[1] ?? NaN);
			};
			let before = NaN;
			await until(async () => !Number.isNaN(before = await missed()), 'sse.fcgi says what it missed');
			proxy.suppressNotifications(true);
			try {
				await until(async () => {
					const now = await missed();
					const found = now > before;
					before = now < before ? now : before; // a program that was started again counts anew
					return found;
				}, 'the poll finds it');
			} finally {
				proxy.suppressNotifications(false);
			}
			return `${proxy.dropped} so far`;
		},
	},
};
