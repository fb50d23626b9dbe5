// ledger.fcgi killed, told to stop, and stopped, while everybody writes.

import assert from 'node:assert/strict';

import { append, fill, get, newLedger, pause, post, read, test, until, uuid, versionOf } from './client.mjs';
import { ledgerProcess, signal, sql, successor } from './machine.mjs';
import { Load } from './load.mjs';

test('kill -9 of ledger.fcgi under load loses and doubles nothing', async () => {
	const load = new Load(32);
	/* Once more where by chance it had nothing in hand when it was killed. */
	for (let round = 0; round < 3 || (load.refusals.length === 0 && round < 20); round++) {
		const before = load.acknowledged.length;
		await until(() => load.acknowledged.length >= before + 200, 'clients are served');
		const pid = ledgerProcess();
		signal(pid, 'SIGKILL');
		await successor(pid);
	}
	const before = load.acknowledged.length;
	await until(() => load.acknowledged.length >= before + 200, 'clients are served again, without a hand');
	await load.stop();
	assert.ok(load.refusals.length > 0, 'somebody noticed');
	await load.check();
});

test('SIGTERM of ledger.fcgi under load refuses nothing', async () => {
	const load = new Load(16, { retries: false });
	const readers = [1, 2, 3, 4].map(async () => {
		while (!load.stopped) {
			await read(`/api/ledgers/${load.ledgers[0]}?limit=5`);
		}
	});
	for (let round = 0; round < 3; round++) {
		const before = load.acknowledged.length;
		await until(() => load.acknowledged.length >= before + 100, 'clients are served');
		const pid = ledgerProcess();
		signal(pid, 'SIGTERM');
		await successor(pid);
	}
	const before = load.acknowledged.length;
	await until(() => load.acknowledged.length >= before + 100, 'clients are served');
	await load.stop();
	await Promise.all(readers);
	assert.deepEqual(load.refusals, [], 'no client saw anything but 201');
	await load.check();
});

test('SIGTERM ends ledger.fcgi within 10 s though connections are kept', async () => {
	await get('/api/ledgers?limit=1');
	const pid = ledgerProcess();
	const started = performance.now();
	signal(pid, 'SIGTERM');
	await successor(pid);
	assert.ok(performance.now() - started < 11_000);
	assert.equal((await get('/healthz')).status, 200);
});

test('SIGTERM ends ledger.fcgi within 10 s though the database stands still', async () => {
	const ledger = newLedger();
	await fill(ledger, 'before');
	const pid = ledgerProcess();
	const rows = await sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'ledger.fcgi%'");
	const backends = rows.flat().map(Number);
	assert.ok(backends.length > 1, 'it is connected');
	backends.forEach((backend) => signal(backend, 'SIGSTOP'));
	try {
		const waiting = [
			...Array.from({ length: 6 }, () => get(`/api/ledgers/${ledger}`)),
			...Array.from({ length: 3 }, (_, i) => post(ledger, append(`n${i}`))),
		].map((answer) => answer.catch(() => null));
		await pause(200);
		const started = performance.now();
		signal(pid, 'SIGTERM');
		await successor(pid);
		assert.ok(performance.now() - started < 11_000);
		const answers = await Promise.all(waiting);
		/* its successor serves those that had not been read yet */
		answers.forEach((answer) => assert.match(String(answer?.status), /^(200|201|50[234])$/));
	} finally {
		backends.forEach((backend) => signal(backend, 'SIGCONT'));
	}
	await until(async () => (await get(`/api/ledgers/${ledger}`)).status === 200, 'its successor serves', 30_000);
});

test('a ledger.fcgi that stands still for a while answers everybody afterwards', async () => {
	const ledger = newLedger();
	const pid = ledgerProcess();
	signal(pid, 'SIGSTOP');
	let answered = 0;
	const waiting = Array.from({ length: 24 }, (_, i) => post(ledger, append(`n${i}`)).finally(() => { answered++; }));
	try {
		await pause(2000);
		assert.equal(answered, 0, 'it does stand still');
	} finally {
		signal(pid, 'SIGCONT');
	}
	const answers = await Promise.all(waiting);
	assert.deepEqual(answers.map((answer) => answer.status), Array(24).fill(201));
	assert.deepEqual(answers.map((answer) => answer.json.version).sort((a, b) => a - b), Array.from({ length: 24 }, (_, i) => i + 1));
	assert.equal(ledgerProcess(), pid);
});

test('a ledger.fcgi that stands still under load loses and doubles nothing', async () => {
	const load = new Load(16);
	await until(() => load.acknowledged.length >= 100, 'clients are served');
	const pid = ledgerProcess();
	signal(pid, 'SIGSTOP');
	await pause(1000);
	signal(pid, 'SIGCONT');
	const before = load.acknowledged.length;
	await until(() => load.acknowledged.length >= before + 100, 'clients are served again');
	await load.stop();
	await load.check();
});

test('a crowd that is killed half-way and comes back with its keys is applied once', async () => {
	const ledger = newLedger();
	const keys = Array.from({ length: 40 }, () => uuid());
	const send = (key, i) => post(ledger, [append(`${i} a`), append(`${i} b`)], { 'Idempotency-Key': key }).catch(() => null);
	const first = Promise.all(keys.map(send));
	signal(ledgerProcess(), 'SIGKILL');
	await first;
	await until(async () => (await get('/healthz')).status === 200, 'it is back');
	const answers = await Promise.all(keys.map(send));
	assert.ok(answers.every((answer) => [200, 201].includes(answer.status)));
	assert.equal(await versionOf(ledger), 80);
	const rows = await sql(`SELECT command_id, count(*) FROM es.events JOIN es.streams USING (stream_id) WHERE name = '${ledger}' GROUP BY 1`);
	assert.deepEqual(rows.map(([key, count]) => `${key} ${count}`).sort(), keys.map((key) => `${key} 2`).sort());
});
