// The head, the state at any version, and the state at a time.

import assert from 'node:assert/strict';
import { before } from 'node:test';

import {
	append, apply, contents, fill, get, head, headOf, logName, newLedger, problem, read, remove, rewind, state, test, walk,
} from './client.mjs';

const ledger = newLedger();
let log;
let events;

before(async () => {
	log = await logName();
	events = [];
	for (const command of [append('a'), [append('b'), append('c')], append('d')]) {
		events.push(...(await apply(ledger, command)).events);
	}
});

test('the head has its members, in this order', async () => {
	const body = await headOf(ledger);
	assert.deepEqual(Object.keys(body), ['log', 'ledger', 'version', 'horizon', 'items', 'next']);
	assert.equal(body.ledger, ledger);
	assert.equal(body.version, 4);
	assert.equal(body.horizon, 1);
	assert.equal(body.next, null);
});

test('the head has an ETag and is asked for again each time', async () => {
	const { headers } = await get(`/api/ledgers/${ledger}`);
	assert.equal(headers.etag, `"4-${log}"`);
	assert.equal(headers['cache-control'], 'no-cache');
	assert.match(headers['content-type'], /^application\/json\b/);
});

test('a ledger that does not exist reads as empty at version 0', async () => {
	const name = newLedger();
	const answer = await get(`/api/ledgers/${name}`);
	assert.deepEqual(answer.json, { log, ledger: name, version: 0, horizon: 1, items: [], next: null });
	assert.equal(answer.headers.etag, `"0-${log}"`);
});

test('state 0 of a ledger that does not exist is empty', async () => {
	const name = newLedger();
	assert.deepEqual(await state(name, 0), { log, ledger: name, version: 0, items: [], next: null });
	problem(await get(`/api/ledgers/${name}/states/1`), 404, { version: 0 });
});

test('a state has the members of the head without horizon', async () => {
	const body = await state(ledger, 3);
	assert.deepEqual(Object.keys(body), ['log', 'ledger', 'version', 'items', 'next']);
	assert.equal(body.version, 3);
	assert.deepEqual(contents(body), ['a', 'b', 'c']);
});

test('a state that names this log never changes', async () => {
	const { headers } = await get(`/api/ledgers/${ledger}/states/3?log=${log}`);
	assert.equal(headers['cache-control'], 'private, max-age=31536000, immutable');
	assert.equal(headers.etag, `"3-${log}"`);
});

test('a state that names no log is asked for again each time', async () => {
	const { headers } = await get(`/api/ledgers/${ledger}/states/3`);
	assert.equal(headers['cache-control'], 'no-cache');
	assert.equal(headers.etag, `"3-${log}"`);
});

test('with and without its log a state is the same', async () => {
	assert.deepEqual(await read(`/api/ledgers/${ledger}/states/2?log=${log}`), await state(ledger, 2));
});

test('a state of another log is gone', async () => {
	const other = log === '00000000' ? '11111111' : '00000000';
	for (const name of [other, 'x', '', `${log}0`, log.slice(0, 7), '%25', 'aaaaaaaaaaaaaaa%C3%A9']) {
		problem(await get(`/api/ledgers/${ledger}/states/2?log=${name}`), 410);
	}
});

test('a version above the head is not there', async () => {
	problem(await get(`/api/ledgers/${ledger}/states/5`), 404, { version: 4 });
	problem(await get(`/api/ledgers/${ledger}/states/5?log=${log}`), 404, { version: 4 });
	problem(await get(`/api/ledgers/${ledger}/states/9223372036854775807`), 404);
	problem(await get(`/api/ledgers/${ledger}/states/9223372036854775808`), 404);
});

for (const name of ['x', '-1', '1.5', '1e0', '0x1', '+1', '01', '1a', '99999999999999999999999999']) {
	test(`"${name}" is no version`, async () => {
		problem(await get(`/api/ledgers/${ledger}/states/${name}`), 404);
	});
}

test('items are sorted by version, and a restored one returns to its place', async () => {
	const other = newLedger();
	const [a, b] = await fill(other, 'a', 'b', 'c');
	await apply(other, [remove(a.id), append('d'), remove(b.id)]);
	await apply(other, rewind(4));
	assert.deepEqual((await headOf(other)).items.map((item) => item.version), [1, 2, 3]);
	await apply(other, rewind(7));
	const { items } = await headOf(other);
	assert.deepEqual(items.map((item) => [item.content, item.version]), [['c', 3], ['d', 5]]);
});

for (const limit of [1, 2, 3, 4, 5]) {
	test(`the pages of a state at limit ${limit} are the whole`, async () => {
		const pages = await walk(`/api/ledgers/${ledger}/states/4?limit=${limit}`);
		assert.deepEqual(pages.flatMap(contents), ['a', 'b', 'c', 'd']);
		assert.ok(pages.every((page) => page.items.length <= limit && page.version === 4));
		assert.equal(pages.length, Math.ceil(4 / limit), 'no empty page at the end');
	});
}

test('the pages of the head stay at its version while others write', async () => {
	const other = newLedger();
	const made = await fill(other, ...Array.from({ length: 10 }, (_, i) => `n${i}`));
	const pages = await walk(`/api/ledgers/${other}?limit=3`, async (page, count) => {
		if (count <= 3) {
			await apply(other, [remove(made[9 - count].id), append(`new${count}`)]);
		}
	});
	assert.deepEqual(pages.flatMap(contents), made.map((event) => event.data.content));
	assert.ok(pages.every((page) => page.version === 10));
});

test('a "next" is a relative URL', async () => {
	const { next } = await read(`/api/ledgers/${ledger}?limit=1`);
	assert.match(next, /^\/api\/ledgers\//);
});

test('a page has at most 10,000 items', async () => {
	for (const limit of ['0', '10001', '-1', 'x', '', '1.0', '%31x']) {
		problem(await get(`/api/ledgers/${ledger}?limit=${limit}`), 400, { field: 'limit' });
		problem(await get(`/api/ledgers/${ledger}/states/2?limit=${limit}`), 400, { field: 'limit' });
	}
	assert.equal((await read(`/api/ledgers/${ledger}?limit=10000`)).items.length, 4);
});

// ---- states?at=

const at = (time) => get(`/api/ledgers/${ledger}/states?at=${encodeURIComponent(time)}`);

async function versionAt(time) {
	const answer = await at(time);
	assert.equal(answer.status, 302, answer.text);
	const [, version] = answer.headers.location.match(/\/api\/ledgers\/[^/]+\/states\/(\d+)(\?log=[0-9a-f]{8})?$/);
	return Number(version);
}

test('states?at= of now is there also while others write', async () => {
	const busy = newLedger();
	let writing = true;
	const writers = Array.from({ length: 8 }, async () => {
		while (writing) {
			await fill(busy, 'x');
		}
	});
	await fill(busy, 'first');
	const found = new Set();
	for (let i = 0; i < 200; i++) {
		const answer = await get(`/api/ledgers/${busy}/states?at=${encodeURIComponent('2100-01-01T00:00:00Z')}`);
		found.add(answer.status);
	}
	writing = false;
	await Promise.all(writers);
	assert.deepEqual([...found], [302]);
});

test('states?at= redirects and is not kept', async () => {
	const answer = await at(events[3].recorded_at);
	assert.equal(answer.status, 302);
	assert.equal(answer.headers['cache-control'], 'no-store');
	assert.equal((await read(answer.headers.location)).version, 4);
	assert.equal((await head(`/api/ledgers/${ledger}/states?at=2026-01-01T00:00:00Z`)).status, 302);
});

test('the state at the time of an event is the state after it', async () => {
	assert.equal(await versionAt(events[0].recorded_at), 1);
	assert.equal(await versionAt(events[3].recorded_at), 4);
});

test('of events of one time the last counts', async () => {
	assert.equal(events[1].recorded_at, events[2].recorded_at);
	assert.equal(await versionAt(events[1].recorded_at), 3);
});

test('a microsecond before an event is the state before it', async () => {
	const micros = (text) => BigInt(Date.parse(`${text.slice(0, 19)}Z`)) * 1000n + BigInt(text.slice(20, 26));
	const format = (time) => `${new Date(Number(time / 1000000n) * 1000).toISOString().slice(0, 19)}.${String(time % 1000000n).padStart(6, '0')}Z`;
	assert.equal(await versionAt(format(micros(events[3].recorded_at) - 1n)), 3);
	assert.equal(await versionAt(format(micros(events[1].recorded_at) - 1n)), 1);
	assert.equal(await versionAt(format(micros(events[0].recorded_at) - 1n)), 0);
});

test('before the first event the version is 0, after the last it is the head', async () => {
	for (const time of ['1970-01-01T00:00:00Z', '2000-02-29T23:59:59Z', '0001-01-01T00:00:00Z']) {
		assert.equal(await versionAt(time), 0, time);
	}
	assert.equal(await versionAt('9999-12-31T23:59:59Z'), 4);
	const answer = await get(`/api/ledgers/${newLedger()}/states?at=2026-01-01T00:00:00Z`);
	assert.match(answer.headers.location, /\/states\/0(\?|$)/);
});

test('an offset moves the time', async () => {
	const date = new Date(Date.parse(events[3].recorded_at) + 1000);
	const local = (hours) => new Date(date.getTime() + hours * 3_600_000).toISOString().slice(0, 23);
	assert.equal(await versionAt(`${local(2)}+02:00`), 4);
	assert.equal(await versionAt(`${local(-5)}-05:00`), 4);
	assert.equal(await versionAt(`${local(-5)}+02:00`), 0, 'seven hours earlier');
	assert.equal(await versionAt(`${local(0)}-00:00`), 4);
	assert.equal(await versionAt(`${local(5.75)}+05:45`), 4);
});

test('fractions of any length and small letters are RFC 3339', async () => {
	assert.equal(await versionAt('9999-01-01t00:00:00z'), 4);
	assert.equal(await versionAt('9999-01-01T00:00:00.5Z'), 4);
	assert.equal(await versionAt('9999-01-01T00:00:00.123456789Z'), 4);
	assert.equal(await versionAt('2016-12-31T23:59:60Z'), 0);
});

for (const time of ['', 'now', '2026', '2026-01-01', '2026-01-01T00:00:00', '2026-01-01 00:00:00', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z',
	'2026-02-30T00:00:00Z', '2025-02-29T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2026-01-01T00:00:61Z', '2026-01-01T00:00:00.Z',
	'2026-01-01T00:00Z', '2026-01-01T00:00:00+2:00', '2026-01-01T00:00:00+25:00', '2026-01-01T00:00:00+0200', '2026-01-01T00:00:00ZZ', ' 2026-01-01T00:00:00Z',
	'1700000000', 'infinity']) {
	test(`"${time}" is no time`, async () => {
		problem(await at(time), 400, { field: 'at' });
	});
}

test('a bare plus sign in a query is a blank, so no time', async () => {
	problem(await get(`/api/ledgers/${ledger}/states?at=2026-01-01T00:00:00+02:00`), 400, { field: 'at' });
	problem(await get(`/api/ledgers/${ledger}/states`), 400, { field: 'at' });
});
