// PostgreSQL stopped, crashed and killed, while everybody asks and writes.

import assert from 'node:assert/strict';

import { append, contents, fill, get, headOf, logName, newLedger, post, problem, test, until, uuid } from './client.mjs';
import { Load } from './load.mjs';
import { ledgerProcess, postmaster, signal, sql, withoutDatabase } from './machine.mjs';

// milliseconds: "within a second", and half of one for a machine that has other things to do
const soon = 1500;

const isBack = () => until(async () => (await get('/healthz')).json.database === 'reachable' && (await get('/api/ledgers?limit=1')).status === 200,
	'the database is back', 60_000);

function unavailable(answer) {
	problem(answer, 503);
	assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
	assert.doesNotMatch(answer.text, /PGSQL|socket|connection to/, 'what the database says is for the log alone');
	assert.ok(answer.milliseconds < soon, `${answer.milliseconds} ms`);
}

test('without PostgreSQL everything is 503 at once, nothing hangs, and it comes back by itself', async () => {
	const ledger = newLedger();
	await fill(ledger, 'before');
	const log = await logName();
	const cached = `/api/ledgers/${ledger}/states/1?log=${log}`;
	await get(cached);
	const pid = ledgerProcess();
	const key = uuid();

	await withoutDatabase(async () => {
		for (let round = 0; round < 3; round++) {
			unavailable(await post(ledger, append('during')));
			unavailable(await post(ledger, append('keyed'), { 'Idempotency-Key': key }));
			for (const path of ['', '/events', '/events/1', '/states/1', '/diff?to=0', '/states?at=2026-01-01T00:00:00Z']) {
				unavailable(await get(`/api/ledgers/${ledger}${path}`));
			}
			unavailable(await get('/api/ledgers'));
		}
		const crowd = await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? post(ledger, append('crowd')) : get(`/api/ledgers/${ledger}`))));
		crowd.forEach(unavailable);

		const health = await get('/healthz');
		assert.ok(health.milliseconds < soon);
		assert.notEqual(health.json.database, 'reachable');
		assert.equal((await get('/metrics/ledger')).status, 200);
		assert.deepEqual(contents((await get(cached)).json), ['before'], 'what never changes is still there');
		problem(await post(ledger, '{'), 400);
	});

	await isBack();
	assert.equal(ledgerProcess(), pid, 'the program has not even ended');
	assert.deepEqual(contents(await headOf(ledger)), ['before'], '503 means not applied');
	assert.equal((await post(ledger, append('keyed'), { 'Idempotency-Key': key })).status, 201, 'a 503 is not remembered');
	// counted once all of a batch is answered
	await until(async () => await reconnects() >= 1, 'a new connection is counted');
});

test('a read that was refused is not kept as an answer', async () => {
	const ledger = newLedger();
	await fill(ledger, 'a');
	const path = `/api/ledgers/${ledger}/states/1?log=${await logName()}`;
	await withoutDatabase(async () => unavailable(await get(path)));
	await isBack();
	assert.deepEqual(contents((await get(path)).json), ['a']);
});

test('nobody notices a restart of PostgreSQL that happened while nobody asked', async () => {
	const ledger = newLedger();
	await until(async () => (await post(ledger, append('a'))).status === 201, 'commands are taken');
	// Every thread of the program has a connection now.
	await Promise.all(Array.from({ length: 64 }, () => get(`/api/ledgers/${ledger}`)));
	await withoutDatabase(async () => {});
	await until(() => sql('SELECT 1').then(() => true, () => false), 'PostgreSQL is back', 60_000);
	const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => (i % 8 === 0 ? post(ledger, append('b')) : get(`/api/ledgers/${ledger}`))));
	assert.deepEqual(answers.map((answer) => answer.status), answers.map((_, i) => (i % 8 === 0 ? 201 : 200)));
});

/** How often the program has lost a connection to the database and made another. */
async function reconnects() {
	const { text } = await get('/metrics/ledger');
	return Number(text.match(/^ledger_reconnects_total (\d+)$/m)[1]);
}

async function underLoad(harm) {
	const made = await reconnects();
	const load = new Load(24);
	await until(() => load.acknowledged.length >= 200, 'clients are served');
	await harm();
	const before = load.acknowledged.length;
	await until(() => load.acknowledged.length >= before + 200, 'clients are served again, without a hand', 60_000);
	await load.stop();
	/* Most of the time that is all there is to notice: what was under way is tried again. */
	assert.ok(await reconnects() > made, 'connections were lost');
	await load.check();
}

/** The process of a session of ledger.fcgi. */
async function backend() {
	const [[pid]] = await sql(`SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'ledger.fcgi writer%' OR usename = 'eventledger_worker' LIMIT 1`);
	return Number(pid);
}

/** Ends every session of the program, as an administrator would. */
async function endSessions() {
	const rows = await sql(`SELECT pid FROM pg_stat_activity WHERE usename = 'eventledger_worker'`);
	rows.flat().forEach((pid) => signal(Number(pid), 'SIGTERM'));
}

test('ended sessions under load lose and double nothing', () => underLoad(endSessions));

test('a crash of PostgreSQL under load loses and doubles nothing', () => underLoad(async () => {
	signal(await backend(), 'SIGKILL');
}));

test('kill -9 of PostgreSQL itself under load loses and doubles nothing', () => underLoad(async () => {
	const pid = postmaster();
	signal(pid, 'SIGKILL');
}));
