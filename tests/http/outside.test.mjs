// The same nginx configuration as it is for clients elsewhere, and for a site with a login.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';

import { append, base, newLedger, problem, request, test, until, uuid, versionOf } from './client.mjs';
import { data, sql } from './machine.mjs';

const port = process.env.EVENTLEDGER_SECOND_PORT;
const server = new URL(`http://127.0.0.1:${port}/`);
const far = '203.0.113.7';
let nginx;

const ask = (method, path, headers = {}, body = undefined) =>
	request(method, path, { server, headers: { 'X-Client': far, Host: `localhost:${port}`, ...headers }, body });

/** A command of somebody who is logged in. */
const command = (ledger, who, content, headers = {}) => ask('POST', `/api/ledgers/${ledger}/commands`, {
	'Content-Type': 'application/json', 'X-Client': '127.0.0.1', ...(who === null ? {} : { 'X-Verified': Buffer.from(who).toString('latin1') }), ...headers,
}, JSON.stringify(append(content)));

/** One more nginx over the same programs: who asks is told by a header, and so is who is logged in. */
before(async () => {
	const configuration = readFileSync(`${data}/nginx/nginx.conf`, 'utf8')
		.replaceAll(`:${base.port}`, `:${port}`)
		.replace('nginx/nginx.pid', 'nginx/outside.pid')
		.replaceAll(/(_path\s+)nginx/g, '$1outside')
		.replace('http {', 'http {\nset_real_ip_from 127.0.0.0/8; real_ip_header X-Client;')
		.replace('server_name localhost', 'set $eventledger_actor $http_x_verified;\nserver_name localhost');
	mkdirSync(`${data}/outside`, { recursive: true });
	writeFileSync(`${data}/nginx/outside.conf`, configuration);
	nginx = spawn('nginx', ['-p', `${data}/`, '-c', 'nginx/outside.conf', '-e', 'stderr', '-g', 'daemon off;'], {
		cwd: data, stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
	});
	await until(() => ask('GET', '/healthz').then((answer) => answer.status === 200, () => false), 'the second nginx answers');
});

after(async () => {
	const ended = new Promise((resolve) => nginx.on('close', resolve));
	nginx.kill('SIGTERM');
	await ended;
	rmSync(`${data}/outside`, { recursive: true, force: true });
});

test('the metrics are for loopback alone', async () => {
	problem(await ask('GET', '/metrics/ledger'), 403);
	problem(await ask('GET', '/metrics/sse'), 403);
	assert.equal((await ask('GET', '/metrics/ledger', { 'X-Client': '127.0.0.1' })).status, 200);
});

test('a client elsewhere that asks too much is told so, and nobody else is', async () => {
	let refused = 0;
	for (let round = 0; round < 20 && refused === 0; round++) {
		const answers = await Promise.all(Array.from({ length: 100 }, () => ask('GET', '/api/ledgers?limit=1')));
		for (const answer of answers.filter(({ status }) => status !== 200)) {
			problem(answer, 429);
			assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
			assert.match(answer.headers['x-content-type-options'], /nosniff/);
			refused++;
		}
	}
	assert.ok(refused > 0, 'there is a limit');
	assert.equal((await ask('GET', '/api/ledgers?limit=1', { 'X-Client': '203.0.113.8' })).status, 200);
});

test('clients on the machine itself have no limit', async () => {
	const answers = await Promise.all(Array.from({ length: 600 }, () => ask('GET', '/api/ledgers?limit=1', { 'X-Client': '127.0.0.1' })));
	assert.ok(answers.every(({ status }) => status === 200));
});

test('what a site has verified becomes the actor', async () => {
	const ledger = newLedger();
	for (const who of ['anna', 'Jürgen Groß', 'a "quoted" \\ name']) {
		const answer = await command(ledger, who, 'x');
		assert.equal(answer.status, 201, answer.text);
		assert.equal(answer.json.events[0].actor, who);
	}
	assert.equal((await command(ledger, null, 'x')).json.events[0].actor, null);
	const rows = await sql(`SELECT actor FROM event_log WHERE ledger = '${ledger}' ORDER BY version`);
	assert.deepEqual(rows.flat(), ['anna', 'Jürgen Groß', 'a "quoted" \\ name', '']);
});

test('an actor that is not UTF-8 is refused', async () => {
	const ledger = newLedger();
	problem(await ask('POST', `/api/ledgers/${ledger}/commands`, { 'Content-Type': 'application/json', 'X-Client': '127.0.0.1', 'X-Verified': 'J\u00fcrgen' },
		JSON.stringify(append('x'))), 400);
	assert.equal(await versionOf(ledger), 0);
});

test('the same key of another actor is refused', async () => {
	const ledger = newLedger();
	const headers = { 'Idempotency-Key': uuid() };
	assert.equal((await command(ledger, 'anna', 'x', headers)).status, 201);
	assert.equal((await command(ledger, 'anna', 'x', headers)).status, 200);
	for (const who of ['berta', null, 'Anna', 'anna2']) {
		problem(await command(ledger, who, 'x', headers), 422, { field: 'Idempotency-Key' });
	}
	assert.equal(await versionOf(ledger), 1);
});
