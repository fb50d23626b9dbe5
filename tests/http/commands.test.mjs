// POST .../commands: what it answers, and what it records.

import assert from 'node:assert/strict';

import {
	absentItem, append, apply, contents, fill, headOf, logName, newLedger, post, problem, read, remove, rewind, test, uuid, versionOf,
} from './client.mjs';
import { sql } from './machine.mjs';

const uuidText = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const members = ['version', 'position', 'id', 'type', 'data', 'base', 'actor', 'command_id', 'recorded_at'];

test('the first append makes version 1', async () => {
	const ledger = newLedger();
	const answer = await post(ledger, append('milk'));
	assert.equal(answer.status, 201);
	assert.match(answer.headers['content-type'], /^application\/json\b/);
	assert.deepEqual(Object.keys(answer.json), ['log', 'version', 'events']);
	assert.equal(answer.json.version, 1);
	assert.match(answer.json.log, /^[0-9a-f]{8}$/);
	assert.equal(answer.json.events.length, 1);
	assert.equal(answer.headers['cache-control'], 'no-store');
	assert.equal(answer.headers['idempotent-replayed'], undefined);
});

test('the ETag of a 201 is the new version and the log', async () => {
	const ledger = newLedger();
	await post(ledger, append('milk'));
	const answer = await post(ledger, [append('eggs'), append('tea')]);
	assert.equal(answer.headers.etag, `"3-${answer.json.log}"`);
});

test('an event has its members, in this order', async () => {
	const { events: [event] } = await apply(newLedger(), append('milk'));
	assert.deepEqual(Object.keys(event), members);
	assert.equal(event.version, 1);
	assert.ok(Number.isSafeInteger(event.position) && event.position >= 1);
	assert.equal(event.type, 'item-appended');
	assert.deepEqual(event.data, { content: 'milk' });
	assert.equal(event.base, 0);
	assert.equal(event.actor, null);
	assert.match(event.command_id, uuidText);
});

test('the id of an event is a uuid of version 7 and of now', async () => {
	const from = Date.now();
	const { events: [event] } = await apply(newLedger(), append('milk'));
	assert.match(event.id, uuidText);
	assert.equal(event.id[14], '7');
	assert.match(event.id[19], /[89ab]/);
	const time = parseInt(event.id.replace('-', '').slice(0, 12), 16);
	assert.ok(time >= from - 1000 && time <= Date.now() + 1000, 'the id begins with the time');
});

test('recorded_at is in UTC with microseconds and Z', async () => {
	const from = Date.now();
	const { events: [event] } = await apply(newLedger(), append('milk'));
	assert.match(event.recorded_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
	assert.ok(Math.abs(Date.parse(event.recorded_at) - from) < 10_000);
});

test('an event is the same object in the answer, in the list and alone', async () => {
	const ledger = newLedger();
	const { events: [event] } = await apply(ledger, append('milk "and" \\ \u{1F95B}\ttea'));
	const { events: [listed] } = await read(`/api/ledgers/${ledger}/events`);
	assert.deepEqual(listed, { ...event, active: true });
	assert.deepEqual(Object.keys(listed), [...members, 'active']);
	const alone = await read(`/api/ledgers/${ledger}/events/1`);
	assert.deepEqual(alone, event);
	assert.deepEqual(Object.keys(alone), members);
});

test('the item of an append has the id of its event', async () => {
	const ledger = newLedger();
	const { events: [event] } = await apply(ledger, append('milk'));
	assert.deepEqual((await headOf(ledger)).items, [{ id: event.id, content: 'milk', version: 1 }]);
	assert.deepEqual(Object.keys((await headOf(ledger)).items[0]), ['id', 'content', 'version']);
});

test('a removal tells which item and what it was', async () => {
	const ledger = newLedger();
	const [milk] = await fill(ledger, 'milk', 'eggs');
	const { version, events: [event] } = await apply(ledger, remove(milk.id));
	assert.equal(version, 3);
	assert.equal(event.type, 'item-removed');
	assert.deepEqual(event.data, { item: milk.id, content: 'milk' });
	assert.equal(event.base, 2);
	assert.deepEqual(contents(await headOf(ledger)), ['eggs']);
});

test('a rewind tells its target, and its base is right before that', async () => {
	const ledger = newLedger();
	await fill(ledger, 'milk', 'eggs', 'tea');
	const { events: [event] } = await apply(ledger, rewind(2));
	assert.equal(event.type, 'rewound');
	assert.deepEqual(event.data, { version: 2 });
	assert.equal(event.base, 1);
});

test('an array makes one event a command, in its order', async () => {
	const ledger = newLedger();
	const { version, events } = await apply(ledger, [append('a'), append('b'), append('c')]);
	assert.equal(version, 3);
	assert.deepEqual(events.map((event) => [event.version, event.data.content, event.base]), [[1, 'a', 0], [2, 'b', 1], [3, 'c', 2]]);
	assert.equal(new Set(events.map((event) => event.command_id)).size, 1);
	assert.equal(new Set(events.map((event) => event.id)).size, 3);
	assert.deepEqual(events.map((event) => event.id), events.map((event) => event.id).sort(), 'ids increase');
	assert.deepEqual(events.map((event) => event.position - events[0].position), [0, 1, 2]);
});

test('an array of one is an array', async () => {
	assert.equal((await apply(newLedger(), [append('a')])).events.length, 1);
});

test('an array sees what it did before', async () => {
	const ledger = newLedger();
	const [milk] = await fill(ledger, 'milk');
	const { version } = await apply(ledger, [remove(milk.id), append('eggs'), rewind(2)]);
	assert.equal(version, 4);
	assert.deepEqual(contents(await headOf(ledger)), ['milk'], 'the rewind of the removal in the same array');
});

test('an array can end with the rewind of what it just did', async () => {
	const ledger = newLedger();
	await apply(ledger, [append('a'), append('b'), rewind(2)]);
	assert.deepEqual(contents(await headOf(ledger)), ['a']);
});

for (const [what, commands, status, members] of [
	['a missing item', [append('x'), remove(absentItem)], 404, { index: 1, field: 'item' }],
	['a member of a wrong type', [append('x'), append('y'), { type: 'append', content: 7 }], 400, { index: 2, field: 'content' }],
	['an unknown command', [append('x'), { type: 'explode' }], 400, { index: 1, field: 'type' }],
	['an empty content', [append('x'), append(' ')], 422, { index: 1, field: 'content' }],
	['a rewind above the head', [append('x'), rewind(99)], 404, { index: 1, field: 'version' }],
	['a rewind that is not the last', [append('x'), rewind(1), append('y')], 400, { index: 1 }],
	['an element that is no object', [append('x'), null, append('y')], 400, { index: 1 }],
]) {
	test(`${what} refuses the whole array`, async () => {
		const ledger = newLedger();
		await fill(ledger, 'milk');
		problem(await post(ledger, commands), status, members);
		const head = await headOf(ledger);
		assert.equal(head.version, 1);
		assert.deepEqual(contents(head), ['milk']);
	});
}

test('removing the same item twice in one array refuses both', async () => {
	const ledger = newLedger();
	const [milk] = await fill(ledger, 'milk');
	problem(await post(ledger, [remove(milk.id), remove(milk.id)]), 404, { index: 1, field: 'item' });
	assert.deepEqual(contents(await headOf(ledger)), ['milk']);
});

test('an item can be removed once', async () => {
	const ledger = newLedger();
	const [milk] = await fill(ledger, 'milk');
	await apply(ledger, remove(milk.id));
	const body = problem(await post(ledger, remove(milk.id)), 404, { field: 'item' });
	assert.equal(body.index, undefined, 'no index where there is no array');
	assert.equal(await versionOf(ledger), 2);
});

test('an item of another ledger is not there', async () => {
	const [milk] = await fill(newLedger(), 'milk');
	const ledger = newLedger();
	await fill(ledger, 'eggs');
	problem(await post(ledger, remove(milk.id)), 404, { field: 'item' });
});

test('an item that no uuid names is not there', async () => {
	problem(await post(newLedger(), remove('milk')), 404, { field: 'item' });
});

test('the same content twice makes two items', async () => {
	const ledger = newLedger();
	const [first] = await fill(ledger, 'milk', 'milk');
	await apply(ledger, remove(first.id));
	assert.deepEqual((await headOf(ledger)).items.map((item) => item.version), [2]);
});

test('a refused command leaves no ledger behind', async () => {
	const ledger = newLedger();
	problem(await post(ledger, remove(absentItem)), 404);
	assert.equal(await versionOf(ledger), 0);
	assert.deepEqual(await sql(`SELECT count(*) FROM es.streams AS s JOIN es.events USING (stream_id) WHERE s.name = '${ledger}'`), [['0']]);
	const { ledgers } = await read(`/api/ledgers?limit=10000`);
	assert.ok(!ledgers.some((row) => row.ledger === ledger), 'it exists from its first event');
});

test('a ledger called by every kind of name', async () => {
	for (const name of ['0', 'a', `z${uuid()}`, 'x.y_z-0..', `${'n'.repeat(43)}${Date.now()}`.slice(0, 63).padEnd(63, 'q')]) {
		assert.equal((await post(name, append('x'))).status, 201, name);
		assert.equal((await headOf(name)).ledger, name);
	}
});

test('versions and positions are dense under parallel posts to several ledgers', async () => {
	const ledgers = [newLedger(), newLedger(), newLedger()];
	const answers = await Promise.all([...Array(90).keys()].map((i) => apply(ledgers[i % 3], append(`n${i}`))));
	for (const ledger of ledgers) {
		const events = (await read(`/api/ledgers/${ledger}/events?after=0&limit=1000`)).events;
		assert.deepEqual(events.map((event) => event.version), [...Array(30).keys()].map((i) => i + 1));
		const times = events.map((event) => event.recorded_at);
		assert.deepEqual(times, [...times].sort(), 'time never goes back');
	}
	assert.equal(new Set(answers.map((answer) => answer.events[0].position)).size, 90);
	assert.deepEqual(await sql('SELECT count(*) = max(position) AND min(position) = 1 FROM es.events'), [['t']]);
	assert.deepEqual(await sql('SELECT count(*) FROM (SELECT recorded_at < lag(recorded_at) OVER (ORDER BY position) AS back FROM es.events) AS e WHERE back'), [['0']]);
});

test('every answer names the same log', async () => {
	const log = await logName();
	const ledger = newLedger();
	assert.equal((await apply(ledger, append('x'))).log, log);
	assert.equal((await headOf(ledger)).log, log);
	assert.equal((await read(`/api/ledgers/${ledger}/states/1`)).log, log);
	assert.equal((await read(`/api/ledgers/${ledger}/events`)).log, log);
	assert.deepEqual(await sql('SELECT log FROM es.log'), [[log]]);
});
