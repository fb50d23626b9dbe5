// ETag, 304, HEAD, and the one cache of nginx: states that name their log.

import assert from 'node:assert/strict';
import { before } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { append, apply, contents, fill, get, head, logName, newLedger, problem, read, request, rewind, test } from './client.mjs';

const ledger = newLedger();
const path = `/api/ledgers/${ledger}`;
let log;

before(async () => {
	log = await logName();
	await fill(ledger, ...Array.from({ length: 40 }, (_, i) => `a content of some length, so that it is worth compressing: ${i}`));
});

function unmodified(answer, etag) {
	assert.equal(answer.status, 304);
	assert.equal(answer.bytes.length, 0);
	assert.equal(answer.headers.etag?.replace(/^W\//, ''), etag);
}

/** How many states the program itself has answered with 200. */
async function statesAnswered() {
	const { text } = await get('/metrics/ledger');
	return Number(text.match(/^ledger_http_requests_total\{route="state",code="200"\} (\d+)$/m)?.[1] ?? 0);
}

for (const [what, tags] of [
	['its tag', () => `"40-${log}"`],
	['its weak tag', () => `W/"40-${log}"`],
	['any tag', () => '*'],
	['a list', () => `"1-${log}", "40-${log}"`],
	['a list of weak tags', () => `W/"1-${log}",W/"40-${log}"`],
]) {
	for (const [kind, where] of [['the head', () => path], ['a state with its log', () => `${path}/states/40?log=${log}`], ['a state without', () => `${path}/states/40`]]) {
		test(`If-None-Match with ${what} on ${kind} is 304`, async () => {
			unmodified(await get(where(), { 'If-None-Match': tags() }), `"40-${log}"`);
			unmodified(await head(where(), { 'If-None-Match': tags() }), `"40-${log}"`);
		});
	}
}

for (const tags of ['"39-LOG"', '"40-00000000"', '"40"', '40-LOG', '"4-LOG"', 'nonsense', '"40-LOG']) {
	test(`If-None-Match: ${tags} is 200`, async () => {
		for (const where of [path, `${path}/states/40?log=${log}`, `${path}/states/40`]) {
			const answer = await get(where, { 'If-None-Match': tags.replace('LOG', log) });
			assert.equal(answer.status, 200);
			assert.equal(answer.json.version, 40);
		}
	});
}

test('a 304 says how long it may be kept, as the 200 does', async () => {
	const tag = { 'If-None-Match': `"40-${log}"` };
	assert.equal((await get(path, tag)).headers['cache-control'], 'no-cache');
	assert.equal((await get(`${path}/states/40`, tag)).headers['cache-control'], 'no-cache');
	assert.match((await get(`${path}/states/40?log=${log}`, tag)).headers['cache-control'], /immutable/);
});

test('the head stops being unmodified with the next event', async () => {
	const other = newLedger();
	await fill(other, 'a');
	const { headers } = await get(`/api/ledgers/${other}`);
	assert.equal((await get(`/api/ledgers/${other}`, { 'If-None-Match': headers.etag })).status, 304);
	await fill(other, 'b');
	const answer = await get(`/api/ledgers/${other}`, { 'If-None-Match': headers.etag });
	assert.equal(answer.status, 200);
	assert.equal(answer.headers.etag, `"2-${log}"`);
});

for (const [kind, where] of [['the head', () => path], ['a state with its log', () => `${path}/states/39?log=${log}`], ['a state without', () => `${path}/states/39`]]) {
	test(`${kind} compressed is the same, with a weak tag that gives 304`, async () => {
		const plain = await get(where());
		assert.equal(plain.headers['content-encoding'], undefined);
		const packed = await get(where(), { 'Accept-Encoding': 'gzip' });
		assert.equal(packed.headers['content-encoding'], 'gzip');
		assert.match(packed.headers.vary, /Accept-Encoding/i);
		assert.deepEqual(JSON.parse(gunzipSync(packed.bytes)), plain.json);
		assert.equal(packed.headers.etag, `W/${plain.headers.etag}`);
		for (const encoding of ['gzip', 'identity']) {
			const again = await get(where(), { 'Accept-Encoding': encoding, 'If-None-Match': packed.headers.etag });
			unmodified(again, plain.headers.etag);
		}
	});
}

test('one event is unmodified too', async () => {
	const { headers } = await get(`${path}/events/3`);
	if (headers.etag !== undefined) {
		unmodified(await get(`${path}/events/3`, { 'If-None-Match': headers.etag }), headers.etag);
	}
});

// ---- HEAD

const kept = ({ date, connection, 'keep-alive': alive, 'transfer-encoding': encoding, 'content-length': length, ...rest }) => rest;

for (const [what, where] of [
	['the head', () => path],
	['a ledger that does not exist', () => `/api/ledgers/${newLedger()}`],
	['a state', () => `${path}/states/7`],
	['a state with its log', () => `${path}/states/8?log=${log}`],
	['the state at a time', () => `${path}/states?at=2000-01-01T00:00:00Z`],
	['events', () => `${path}/events`],
	['one event', () => `${path}/events/3`],
	['a difference', () => `${path}/diff?to=3`],
	['the ledgers', () => '/api/ledgers?limit=1'],
	['the health', () => '/healthz'],
	['the metrics', () => '/metrics/ledger'],
	['the page', () => '/'],
	['a path that is not there', () => '/api/ledgers/a/nothing'],
	['a version above the head', () => `${path}/states/99`],
	['a wrong parameter', () => `${path}?wrong=1`],
	['a method that is not allowed', () => `${path}/commands`],
]) {
	test(`HEAD of ${what} is GET without the body`, async () => {
		const where_ = where();
		const first = await head(where_);
		const full = await get(where_);
		assert.equal(first.status, full.status);
		assert.equal(first.bytes.length, 0);
		assert.deepEqual(kept(first.headers), kept(full.headers));
		if (first.headers['content-length'] !== undefined && what !== 'the metrics') {
			assert.equal(Number(first.headers['content-length']), full.bytes.length);
		}
	});
}

test('HEAD, then GET of a state gives a body', async () => {
	const where = `${path}/states/11?log=${log}`;
	assert.equal((await head(where)).bytes.length, 0);
	assert.equal((await get(where)).json.version, 11);
	assert.equal((await get(where)).json.items.length, 11);
});

test('GET, then HEAD of a state gives no body', async () => {
	const where = `${path}/states/12?log=${log}`;
	const full = await get(where);
	assert.equal(full.json.version, 12);
	for (let i = 0; i < 2; i++) {
		const answer = await head(where);
		assert.equal(answer.status, 200);
		assert.equal(answer.bytes.length, 0);
		assert.equal(answer.headers.etag, full.headers.etag);
	}
	assert.equal((await get(where)).text, full.text);
});

test('304, then GET of a state gives a body', async () => {
	const where = `${path}/states/13?log=${log}`;
	unmodified(await get(where, { 'If-None-Match': `"13-${log}"` }), `"13-${log}"`);
	assert.equal((await get(where)).json.version, 13);
});

test('a connection is still good after HEAD, 304 and refusals', async () => {
	const { Agent } = await import('node:http');
	const agent = new Agent({ keepAlive: true, maxSockets: 1 });
	for (const [method, where, status] of [['HEAD', path, 200], ['GET', path, 200], ['HEAD', `${path}/states/99`, 404], ['GET', `${path}/states/1`, 200],
		['OPTIONS', path, 204], ['DELETE', path, 405], ['GET', path, 200]]) {
		assert.equal((await request(method, where, { agent })).status, status);
	}
	agent.destroy();
});

// ---- the cache

test('a state that names its log is computed once', async () => {
	const other = newLedger();
	await fill(other, ...Array.from({ length: 1000 }, (_, i) => `an item that takes its time, number ${i}`));
	const where = `/api/ledgers/${other}/states/1000?log=${log}`;
	await Promise.all(Array.from({ length: 40 }, () => get('/healthz'))); // the connections are there
	const before_ = await statesAnswered();
	const answers = await Promise.all(Array.from({ length: 40 }, () => get(where)));
	for (const answer of answers) {
		assert.equal(answer.status, 200);
		assert.equal(answer.text, answers[0].text);
		assert.equal(answer.headers['cache-control'], 'private, max-age=31536000, immutable');
		assert.equal(answer.headers.etag, `"1000-${log}"`);
	}
	assert.equal(await statesAnswered() - before_, 1, 'forty pages cost one query');
});

test('a state that names no log is computed each time', async () => {
	const where = `${path}/states/15`;
	const before_ = await statesAnswered();
	for (let i = 0; i < 3; i++) {
		assert.equal((await get(where)).json.version, 15);
	}
	assert.equal(await statesAnswered() - before_, 3);
});

test('each page of a state is kept by its own URL', async () => {
	const first = await read(`${path}/states/16?log=${log}&limit=10`);
	const second = await read(first.next);
	assert.deepEqual([contents(first).length, contents(second).length], [10, 6]);
	assert.deepEqual(await read(`${path}/states/16?log=${log}&limit=10`), first);
});

test('"not yet there" is not kept', async () => {
	const other = newLedger();
	await fill(other, 'a');
	const where = `/api/ledgers/${other}/states/2?log=${log}`;
	problem(await get(where), 404);
	await fill(other, 'b');
	assert.deepEqual(contents(await read(where)), ['a', 'b']);
});

test('what never changes does not change by a rewind', async () => {
	const other = newLedger();
	await fill(other, 'a', 'b');
	const where = `/api/ledgers/${other}/states/2?log=${log}`;
	const first = await get(where);
	await apply(other, rewind(1));
	assert.equal((await get(where)).text, first.text);
	assert.equal((await get(`/api/ledgers/${other}/states/2`)).text, first.text, 'nor does the one that is not kept');
});

test('two ledgers and two versions are never mixed up', async () => {
	const names = [newLedger(), newLedger()];
	for (const name of names) {
		await fill(name, `${name}/1`, `${name}/2`);
	}
	for (let round = 0; round < 2; round++) {
		for (const name of names) {
			assert.deepEqual(contents(await read(`/api/ledgers/${name}/states/1?log=${log}`)), [`${name}/1`]);
			assert.deepEqual(contents(await read(`/api/ledgers/${name}/states/2?log=${log}`)), [`${name}/1`, `${name}/2`]);
		}
	}
});

test('the head shows a command as soon as it is answered', async () => {
	const other = newLedger();
	for (let i = 1; i <= 20; i++) {
		await apply(other, append(`n${i}`));
		assert.equal((await read(`/api/ledgers/${other}`)).version, i);
	}
});
