// The log: pages of events, what is sought in them, and each one alone.

import assert from 'node:assert/strict';
import { before } from 'node:test';

import { append, apply, fill, get, logName, newLedger, problem, read, remove, rewind, test, walk } from './client.mjs';

const ledger = newLedger();
const path = `/api/ledgers/${ledger}/events`;
const words = ['Milk', 'ÄPFEL und Birnen', 'straße', 'ΣΊΣΥΦΟΣ', '100% sure_thing', 'back\\slash "quoted"', 'line\nbreak\ttab', '🥛 milkshake'];
let all;

const seek = async (parameters) => (await read(`${path}?${new URLSearchParams(parameters)}`)).events;
const versions = (events) => events.map((event) => event.version);
const down = (from, to = 1) => Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => from - i);
const up = (from, to) => down(to, from).reverse();

before(async () => {
	const made = await fill(ledger, ...words);
	await apply(ledger, remove(made[0].id)); // 9
	await apply(ledger, rewind(9)); // 10
	await apply(ledger, append('last')); // 11
	await apply(ledger, rewind(8)); // 12: 8 ... 11 are inactive
	all = (await read(path)).events;
});

test('a page of events has its members', async () => {
	const answer = await get(path);
	assert.deepEqual(Object.keys(answer.json), ['log', 'version', 'events', 'next']);
	assert.equal(answer.json.log, await logName());
	assert.equal(answer.json.version, 12);
	assert.equal(answer.json.next, null);
	assert.equal(answer.headers['cache-control'], 'no-cache');
	assert.match(answer.headers['content-type'], /^application\/json\b/);
});

test('events come newest first', () => {
	assert.deepEqual(versions(all), down(12));
});

test('events say whether they are active', () => {
	assert.deepEqual(versions(all.filter((event) => event.active)), [12, ...down(7)]);
	assert.ok(all.every((event) => typeof event.active === 'boolean'));
});

test('version= lists events up to it, active as of it', async () => {
	const body = await read(`${path}?version=9`);
	assert.equal(body.version, 9);
	assert.deepEqual(versions(body.events), down(9));
	assert.ok(body.events.every((event) => event.active));
	assert.deepEqual(versions((await seek({ version: 10 })).filter((event) => !event.active)), [9]);
});

test('version= may be 0 but not above the head', async () => {
	assert.deepEqual(await seek({ version: 0 }), []);
	problem(await get(`${path}?version=13`), 404, { version: 12 });
	problem(await get(`${path}?version=x`), 400, { field: 'version' });
	problem(await get(`${path}?version=-1`), 400, { field: 'version' });
});

test('after= lists events after it, oldest first', async () => {
	assert.deepEqual(versions(await seek({ after: 0 })), up(1, 12));
	assert.deepEqual(versions(await seek({ after: 10 })), [11, 12]);
	assert.deepEqual(await seek({ after: 12 }), []);
	assert.deepEqual(await seek({ after: 99 }), [], 'nobody is that far yet');
});

test('after= beyond the head lists nothing, however far', async () => {
	for (const after of ['17', '9223372036854755807', '9223372036854775807']) {
		for (const also of ['', '&q=milk', '&limit=1000']) {
			const page = await read(`${path}?after=${after}${also}`);
			assert.deepEqual([page.events, page.next], [[], null]);
		}
	}
});

test('after= and version= list what lies between', async () => {
	const events = await seek({ after: 4, version: 10 });
	assert.deepEqual(versions(events), up(5, 10));
	assert.deepEqual(versions(events.filter((event) => !event.active)), [9]);
});

test('type= lists events of one type', async () => {
	assert.deepEqual(versions(await seek({ type: 'rewound' })), [12, 10]);
	assert.deepEqual(versions(await seek({ type: 'item-removed' })), [9]);
	assert.deepEqual(await seek({ type: 'item' }), [], 'the whole name');
	assert.deepEqual(await seek({ type: "x'; --" }), []);
});

for (const [text, expected] of [
	['milk', [9, 8, 1]], ['MILK', [9, 8, 1]], ['iLk', [9, 8, 1]], ['äpfel', [2]], ['ÄPFEL UND', [2]], ['Straße', [3]], ['σίσυφο', [4]],
	['%', [5]], ['_', [5]], ['100% SURE_', [5]], ['\\', [6]], ['slash "QUOTED"', [6]], ['"', [6]], ['line\nBREAK\t', [7]], ['\t', [7]], ['🥛', [8]],
	['.*', []], ['content', []], ['item', []], ['milk,', []], ['nowhere', []],
]) {
	test(`q=${JSON.stringify(text)} finds ${expected.length === 0 ? 'nothing' : expected.join(', ')}`, async () => {
		assert.deepEqual(versions(await seek({ q: text })), expected);
	});
}

test('q= looks at strings alone, and at all of them', async () => {
	assert.deepEqual(versions(await seek({ q: '9', type: 'rewound' })), [], 'the version of a rewind is a number');
	assert.deepEqual(versions(await seek({ q: all.at(-1).id, type: 'item-removed' })), [9], 'the id of the removed item is a string');
});

test('q=, type=, after= and version= go together', async () => {
	assert.deepEqual(versions(await seek({ q: 'milk', type: 'item-appended' })), [8, 1]);
	assert.deepEqual(versions(await seek({ q: 'milk', after: 1 })), [8, 9]);
	assert.deepEqual(versions(await seek({ q: 'milk', version: 8 })), [8, 1]);
});

test('q= has at most 100 characters', async () => {
	for (const letter of ['a', 'ä', '🥛']) {
		assert.deepEqual(await seek({ q: letter.repeat(100) }), []);
		problem(await get(`${path}?${new URLSearchParams({ q: letter.repeat(101) })}`), 400, { field: 'q' });
	}
});

test('q= must be UTF-8, without a NUL', async () => {
	problem(await get(`${path}?q=%ff`), 400, { field: 'q' });
	problem(await get(`${path}?q=%ed%a0%80`), 400, { field: 'q' });
	problem(await get(`${path}?q=a%00b`), 400, { field: 'q' });
	problem(await get(`${path}?q=%4`), 400, { field: 'q' });
});

test('a page has 1 to 1000 events', async () => {
	assert.deepEqual(versions((await read(`${path}?limit=1`)).events), [12]);
	assert.equal((await read(`${path}?limit=1000`)).events.length, 12);
	for (const limit of ['0', '1001', '-1', 'x', '', '1e2', '00', '4294967297']) {
		problem(await get(`${path}?limit=${limit}`), 400, { field: 'limit' });
	}
});

test('a page has 50 events where nobody says otherwise', async () => {
	const other = newLedger();
	await fill(other, ...Array.from({ length: 51 }, (_, i) => `n${i}`));
	const pages = await walk(`/api/ledgers/${other}/events`);
	assert.deepEqual(pages.map((page) => page.events.length), [50, 1]);
});

for (const query of ['limit=1', 'limit=5', 'limit=6', 'limit=12', 'limit=13', 'version=9&limit=2', 'q=milk&limit=1', 'type=item-appended&limit=4']) {
	test(`the pages of ?${query} are the whole`, async () => {
		const whole = (await read(`${path}?${query.replace(/&?limit=\d+/, '')}`)).events;
		const pages = await walk(`${path}?${query}`);
		assert.deepEqual(pages.flatMap((page) => page.events), whole);
		const limit = Number(query.match(/limit=(\d+)/)[1]);
		assert.ok(pages.every((page) => page.events.length <= limit));
	});
}

for (const query of ['after=0&limit=1', 'after=0&limit=5', 'after=3&limit=4', 'after=0&q=milk&limit=1', 'after=2&version=10&limit=3']) {
	test(`the pages of ?${query} are the whole, oldest first`, async () => {
		const whole = (await read(`${path}?${query.replace(/&limit=\d+/, '')}`)).events;
		assert.deepEqual((await walk(`${path}?${query}`)).flatMap((page) => page.events), whole);
	});
}

for (const start of ['limit=7', 'after=0&limit=7', 'q=N&limit=7']) {
	test(`a walk from ?${start} stays at its version while others write and rewind`, async () => {
		const other = newLedger();
		await fill(other, ...Array.from({ length: 30 }, (_, i) => `n${i}`));
		const pages = await walk(`/api/ledgers/${other}/events?${start}`, async (page, count) => {
			if (count < 5) {
				await Promise.all([apply(other, append('n more')), apply(other, append('n more')), apply(other, rewind(20))]);
			}
		});
		const found = pages.flatMap((page) => page.events);
		assert.deepEqual(versions(found), start.startsWith('after') ? up(1, 30) : down(30));
		assert.ok(found.every((event) => event.active), 'active as of the first page');
		assert.deepEqual([...new Set(pages.map((page) => page.version))], [30]);
	});
}

test('the next of a search keeps what is sought', async () => {
	const { next } = await read(`${path}?q=${encodeURIComponent('milk')}&type=item-appended&limit=1`);
	const parameters = new URL(next, 'http://localhost').searchParams;
	assert.equal(parameters.get('q'), 'milk');
	assert.equal(parameters.get('type'), 'item-appended');
	assert.equal(parameters.get('version'), '12');
	assert.equal(parameters.get('limit'), '1');
});

test('a search for odd characters walks to its end', async () => {
	const other = newLedger();
	const text = 'a&b=c+d %#/?ä"';
	await fill(other, text, text, text);
	const pages = await walk(`/api/ledgers/${other}/events?${new URLSearchParams({ q: text, limit: 1 })}`);
	assert.deepEqual(versions(pages.flatMap((page) => page.events)), [3, 2, 1]);
});

test('the events of a ledger that does not exist are none', async () => {
	assert.deepEqual(await read(`/api/ledgers/${newLedger()}/events`), { log: await logName(), version: 0, events: [], next: null });
});

test('one event is found by its version', async () => {
	const { active, ...event } = all[3];
	assert.equal(active, false);
	assert.deepEqual(await read(`${path}/9`), event);
});

for (const version of ['0', '13', '-1', 'x', '1.0', '01', '99999999999999999999']) {
	test(`there is no event ${version}`, async () => {
		problem(await get(`${path}/${version}`), 404);
	});
}
