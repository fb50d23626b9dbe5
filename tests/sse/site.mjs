// A PostgreSQL, an sse.fcgi and an nginx of our own, each to be stopped and killed as a test likes.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const program = process.env.EVENTLEDGER_SSE ?? join(root, 'sse.fcgi');
const asRoot = process.getuid() === 0;

export const port = Number(process.env.EVENTLEDGER_PORT ?? 8081);
export const heartbeat = 1; // seconds

const folder = mkdtempSync(join(tmpdir(), 'eventledger-sse.'));
chmodSync(folder, 0o755);
export const socket = join(folder, 'sse.sock');

const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((a, b) => a - b) : [];
const postgresqlFolder = versions.length > 0 ? join('/usr/lib/postgresql', versions.at(-1), 'bin') : '';
const environment = { ...process.env, PATH: `${postgresqlFolder}:${process.env.PATH}:/usr/sbin` };
for (const name of Object.keys(environment).filter((each) => each.startsWith('PG'))) {
	delete environment[name];
}

/** PostgreSQL never runs as root. */
const asPostgres = (parameters) =>
	(asRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--', ...parameters] : parameters);

function run([name, ...parameters]) {
	return execFileSync(name, parameters, { env: environment, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until the answer is true, for at most the given time. */
export async function until(question, what, milliseconds = 20_000) {
	const deadline = performance.now() + milliseconds;
	while (!(await question())) {
		assert.ok(performance.now() < deadline, `${what}: not within ${milliseconds} ms`);
		await pause(10);
	}
}

// ---- PostgreSQL

const cluster = join(folder, 'postgresql');

export function startDatabase() {
	run(asPostgres(['pg_ctl', 'start', '--silent', '--wait', `--pgdata=${cluster}`, `--log=${cluster}.log`]));
}

export function stopDatabase() {
	run(asPostgres(['pg_ctl', 'stop', '--silent', '--wait', '--mode=fast', `--pgdata=${cluster}`]));
}

function createDatabase() {
	mkdirSync(cluster);
	writeFileSync(`${cluster}.log`, '');
	if (asRoot) {
		run(['chown', 'postgres:', cluster, `${cluster}.log`]);
	}
	run(asPostgres(['initdb', `--pgdata=${cluster}`, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync']));
	writeFileSync(join(cluster, 'postgresql.auto.conf'), `
		port = 6112
		listen_addresses = ''
		unix_socket_directories = '${cluster}'
		fsync = off
	`);
	startDatabase();
	run(['createdb', ...server, 'eventledger']);
	run([join(root, 'sql/install.sh'), '--login', '--database', `host=${cluster} port=6112 user=postgres dbname=eventledger`]);
	run(['psql', ...server, '-qX', '-v', 'ON_ERROR_STOP=1', '-d', 'eventledger', '-f', join(here, 'model.sql')]);
}
const server = ['-h', cluster, '-p', '6112', '-U', 'postgres'];

/** Runs statements, each a transaction of its own; the last one's rows, each an array of strings. */
export async function sql(...statements) {
	const { stdout } = await promisify(execFile)('psql', [
		...server, '-d', 'eventledger', '-qXAt', '-F', '\t', '-v', 'ON_ERROR_STOP=1', ...statements.flatMap((each) => ['-c', each]),
	], { env: environment, maxBuffer: 64 << 20 });
	return stdout.split('\n').slice(0, -1).map((line) => line.split('\t'));
}

export const append = async (ledger, size = 10) => Number((await sql(`SELECT test.append('${ledger}', ${size})`))[0][0]);
export const appendMany = (ledger, count, size = 10) => sql(`SELECT test.append_many('${ledger}', ${count}, ${size})`);

/** This many events, each in a transaction of its own. */
export const appendEach = (ledger, count) =>
	sql(`DO $$ BEGIN FOR i IN 1 .. ${count} LOOP PERFORM test.append('${ledger}'); COMMIT; END LOOP; END $$`);

let made = 0;
export const newLedger = () => `t${process.pid}.${++made}`;
export const logName = async () => (await sql('SELECT log FROM es.log'))[0][0];

// ---- sse.fcgi

let streams = null;

const parameters = [
	'--database', `host=${cluster} port=6112 user=eventledger_reader dbname=eventledger`, '--heartbeat', String(heartbeat),
];

const listens = () => until(() => new Promise((resolve) => {
	const connection = net.connect(socket, () => { connection.destroy(); resolve(true); });
	connection.on('error', () => resolve(false));
}), 'sse.fcgi listens');

function start(path, all) {
	const child = spawn(path, all, { stdio: ['ignore', 'inherit', openSync(join(folder, 'sse.log'), 'a')], env: environment });
	child.ended = new Promise((resolve) => child.on('exit', (status, signal) => resolve({ status, signal })));
	return child;
}

export async function startStreams() {
	streams = start(program, ['--socket', socket, ...parameters]);
	await listens();
}

/** Runs it to its end with these options; its status and what it printed. */
export function runStreams(...options) {
	return new Promise((resolve) => {
		const child = execFile(program, options, { env: environment }, (_, out, err) => resolve({ status: child.exitCode, out, err }));
	});
}

const childrenOf = (pid) =>
	readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((each) => each.trim() !== '').map(Number);

/** Starts a program under a supervisor that holds its socket and starts it again. */
function supervise(socketPath, ...command) {
	const supervisor = start(join(dirname(program), 'deploy/eventledger-hold'), ['--socket', socketPath, '--', ...command]);
	return {
		/** The program's process id, undefined while there is none. */
		program: () => childrenOf(supervisor.pid)[0],
		stop() {
			supervisor.kill('SIGTERM');
			return supervisor.ended;
		},
	};
}

export async function startSupervised() {
	const supervised = supervise(socket, program, ...parameters);
	await listens();
	return supervised;
}

/** ledger.fcgi behind the same nginx, started again whenever it ends. */
export async function startLedger() {
	const supervised = supervise(join(folder, 'ledger.sock'), join(dirname(program), 'ledger.fcgi'),
		'--database', `host=${cluster} port=6112 user=eventledger_worker dbname=eventledger`);
	await until(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).status === 200, 'ledger.fcgi answers');
	return supervised;
}

/** Sends a signal and waits for the end; how it ended. */
export async function stopStreams(signal = 'SIGTERM') {
	streams.kill(signal);
	return streams.ended;
}

export const streamsProcess = () => streams.pid;
export const streamsLog = () => readFileSync(join(folder, 'sse.log'), 'utf8');

/** In KiB, what the program's own memory takes. */
export const streamsMemory = () => Number(readFileSync(`/proc/${streams.pid}/status`, 'utf8').match(/^RssAnon:\s*(\d+)/m)[1]);

/** The value of a metric without labels. */
export async function metric(name) {
	const text = await new Promise((resolve, reject) => {
		http.get({ port, path: '/metrics/sse', agent: false }, (incoming) => {
			let body = '';
			incoming.on('data', (chunk) => { body += chunk; });
			incoming.on('end', () => resolve(body));
		}).on('error', reject);
	});
	const found = text.match(new RegExp(`^eventledger_sse_${name} (\\S+)$`, 'm'));
	assert.ok(found, `metric ${name} in ${text}`);
	return Number(found[1]);
}

// ---- nginx

let nginx = null;

async function startNginx() {
	for (const name of ['nginx', 'nginx/cache', 'page']) {
		mkdirSync(join(folder, name));
	}
	symlinkSync(join(root, 'deploy/nginx'), join(folder, 'nginx/eventledger'));
	const words = {
		USER: asRoot ? 'user root;' : '', PID: 'nginx.pid', FILES: '8192', CONNECTIONS: '4096', ACCESS_LOG: 'access.log',
		TEMPORARY: 'nginx', CACHE: 'nginx/cache', LEDGER_SOCKET: 'ledger.sock', SSE_SOCKET: 'sse.sock', IPV4: '127.0.0.1',
		PORT: String(port), NAMES: 'localhost 127.0.0.1', PAGE: 'page',
	};
	const template = readFileSync(join(root, 'deploy/nginx/nginx.conf.in'), 'utf8');
	const text = template.split('\n').filter((line) => !/^\s*#|@IPV6@/.test(line)).join('\n').replace(/@([A-Z0-9_]+)@/g, (_, word) => {
		assert.ok(word in words, `@${word}@ of nginx.conf.in`);
		return words[word];
	});
	writeFileSync(join(folder, 'nginx/nginx.conf'), text);
	nginx = spawn('nginx', ['-p', folder, '-c', 'nginx/nginx.conf', '-g', 'daemon off;'], {
		cwd: folder, env: environment, stdio: ['ignore', 'ignore', openSync(join(folder, 'nginx.log'), 'a')],
	});
	nginx.ended = new Promise((resolve) => nginx.on('exit', resolve));
	await until(() => new Promise((resolve) => {
		const connection = net.connect(port, '127.0.0.1', () => { connection.destroy(); resolve(true); });
		connection.on('error', () => resolve(false));
	}), 'nginx listens');
}

export const nginxWorkers = () => childrenOf(nginx.pid);

// ---- all of it

export async function startSite() {
	createDatabase();
	await startStreams();
	await startNginx();
}

export async function stopSite() {
	if (nginx !== null) {
		nginx.kill('SIGTERM');
		await nginx.ended;
	}
	if (streams !== null) {
		streams.kill('SIGKILL');
		await streams.ended;
	}
	try {
		run(asPostgres(['pg_ctl', 'stop', '--silent', '--wait', '--mode=immediate', `--pgdata=${cluster}`]));
	} catch {
		// a test may have stopped it
	}
	rmSync(folder, { recursive: true, force: true });
}
