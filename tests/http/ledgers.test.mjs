// The list of ledgers, and the names that a ledger can have.

import assert from 'node:assert/strict';

import { append, apply, base, fill, get, newLedger, post, problem, raw, read, remove, rewind, test, walk } from './client.mjs';

const find = async (name) => (await walk('/api/ledgers?limit=10000')).flatMap((page) => page.ledgers).find((row) => row.ledger === name);

test('a ledger is listed with version, items and time of its last change', async () => {
	const ledger = newLedger();
	const made = await fill(ledger, 'a', 'b', 'c');
	const { events: [event] } = await apply(ledger, remove(made[0].id));
	const row = await find(ledger);
	assert.deepEqual(row, { ledger, version: 4, items: 2, changed_at: event.recorded_at });
	assert.deepEqual(Object.keys(row), ['ledger', 'version', 'items', 'changed_at']);
});

test('the number of items follows a rewind', async () => {
	const ledger = newLedger();
	await fill(ledger, 'a', 'b', 'c');
	await apply(ledger, rewind(2));
	assert.equal((await find(ledger)).items, 1);
	await apply(ledger, rewind(4));
	assert.equal((await find(ledger)).items, 3);
});

test('ledgers come by name, each once, on pages of any size', async () => {
	const prefix = newLedger();
	const names = ['', '-', '-a', '.', '0', '_', 'a', 'aa', 'b'].map((end) => `${prefix}${end}`);
	for (const name of [...names].reverse()) {
		await apply(name, append('x'));
	}
	for (const limit of [1, 2, 1000]) {
		const found = (await walk(`/api/ledgers?limit=${limit}&after=${prefix.slice(0, -1)}`)).flatMap((page) => {
			assert.ok(page.ledgers.length <= limit);
			return page.ledgers.map((row) => row.ledger);
		}).filter((name) => name.startsWith(prefix));
		assert.equal(new Set(found).size, found.length);
		const sorted = [...found].sort((one, two) => Buffer.compare(Buffer.from(one), Buffer.from(two)));
		assert.deepEqual(found, sorted, 'by bytes');
		for (const name of names) {
			assert.ok(found.includes(name), name);
		}
	}
});

test('a page of ledgers has its members', async () => {
	await apply(newLedger(), append('x'));
	await apply(newLedger(), append('x'));
	const page = await read('/api/ledgers?limit=1');
	assert.deepEqual(Object.keys(page), ['ledgers', 'next']);
	assert.match(page.next, /^\/api\/ledgers\?/);
	const { headers } = await get('/api/ledgers');
	assert.match(headers['content-type'], /^application\/json\b/);
	assert.doesNotMatch(headers['cache-control'] ?? '', /immutable|max-age/);
});

test('a page of ledgers has a limit', async () => {
	for (const limit of ['0', '-1', 'x', '', '10001']) {
		problem(await get(`/api/ledgers?limit=${limit}`), 400, { field: 'limit' });
	}
});

const long = 'n'.repeat(64);
for (const name of ['Main', 'UPPER', '-a', '.a', '_a', '.', '..', long, 'a%20b', 'a%2fb', '%61', 'a!b', 'a~b', 'a:b', 'a@b', 'a,b', "a'b", 'a;b', 'a=b', 'a*b', 'a&b', 'ab%']) {
	test(`no ledger can be called "${name.length > 20 ? '64 letters' : name}"`, async () => {
		for (const rest of ['', '/states/0', '/states?at=2026-01-01T00:00:00Z', '/events', '/events/1', '/diff?to=0']) {
			// nginx resolves ".." itself, and refuses what is no percent-encoding
			const { status } = await get(`/api/ledgers/${name}${rest}`);
			assert.ok(status === 404 || (status === 400 && name === 'ab%'), `${rest}: ${status}`);
		}
		const { status } = await post(name, append('x'));
		assert.ok([404, 405].includes(status) || (status === 400 && name === 'ab%'), `POST: ${status}`);
	});
}

test('a name beyond ASCII is no name', async () => {
	for (const bytes of ['/api/ledgers/caf\u00e9', '/api/ledgers/\u00e4']) {
		const answer = await raw(Buffer.from(`GET ${bytes} HTTP/1.1\r\nHost: ${base.host}\r\nConnection: close\r\n\r\n`, 'utf8'));
		problem(answer, 404);
	}
});

for (const path of ['/api/ledgers/', '/api/ledgers/a/', '/api/ledgers//', '/api//ledgers', '//api/ledgers', '/api/ledgers//a', '/api/ledgers/a//events', '/api/ledgers/a/events/',
	'/api/ledgers/a/states/', '/api/ledgers/a/states/0/', '/api/ledgers/a/commands/', '/api/ledgers/a/diff/', '/api/ledgers/a/../b', '/api/ledgers/./a', '/api/ledgers/a/.',
	'/api/%6cedgers', '/api/ledgers/a/%65vents', '/api/ledgers/a/states/%30', '/api/ledgers/a/nothing', '/api/ledgers/a/states/0/x', '/api/ledgers/a/events/1/x',
	'/api', '/api/', '/api/x', '/sse', '/apix', '/API/ledgers', '/healthz/', '/metrics', '/metrics/', '/metrics/ledger/', '/metrics/other', '/l/', '/l/Main', '/l/a/b', '/nothing', '/index.html/x']) {
	test(`there is nothing at ${path}`, async () => {
		problem(await get(path), 404);
	});
}
