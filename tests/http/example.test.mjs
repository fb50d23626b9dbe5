// The worked example of the design, through HTTP and through psql.

import assert from 'node:assert/strict';
import { before } from 'node:test';

import { append, apply, contents, newLedger, post, problem, read, remove, rewind, state, test, versionOf } from './client.mjs';
import { sql } from './machine.mjs';

const ledger = newLedger();
const states = [
	[],
	['milk'],
	['milk', 'eggs'],
	['eggs'],
	['milk', 'eggs'],
	['milk', 'eggs', 'tea'],
	['milk'],
	['milk', 'eggs', 'tea'],
];
const bases = [0, 1, 2, 2, 4, 1, 5];
const active = [7, 5, 4, 2, 1];

before(async () => {
	const milk = (await apply(ledger, append('milk'))).events[0].id;
	for (const command of [append('eggs'), remove(milk), rewind(3), append('tea'), rewind(2), rewind(6)]) {
		await apply(ledger, command);
	}
});

test('the head is the last state', async () => {
	const head = await read(`/api/ledgers/${ledger}`);
	assert.equal(head.version, 7);
	assert.deepEqual(contents(head), states[7]);
});

states.forEach((expected, version) => {
	test(`state ${version} is {${expected.join(', ')}}`, async () => {
		assert.deepEqual(contents(await state(ledger, version)), expected);
	});

	test(`psql: state_at ${version} is {${expected.join(', ')}}`, async () => {
		const rows = await sql(`SELECT value->>'content' FROM es.state_at('${ledger}', ${version})`);
		assert.deepEqual(rows.flat(), expected);
	});
});

test('a restored item is the same item in the same place', async () => {
	const first = (await state(ledger, 2)).items;
	assert.deepEqual((await state(ledger, 7)).items.slice(0, 2), first);
	assert.deepEqual(first.map((item) => item.version), [1, 2]);
});

test('the events tell their bases', async () => {
	const { events } = await read(`/api/ledgers/${ledger}/events?after=0`);
	assert.deepEqual(events.map((event) => event.base), bases);
});

test('active at 7 are 7, 5, 4, 2, 1', async () => {
	const { events } = await read(`/api/ledgers/${ledger}/events`);
	assert.deepEqual(events.filter((event) => event.active).map((event) => event.version), active);
});

for (const [version, expected] of [[3, [3, 2, 1]], [4, [4, 2, 1]], [5, [5, 4, 2, 1]], [6, [6, 1]]]) {
	test(`active as of ${version} were ${expected.join(', ')}`, async () => {
		const { events } = await read(`/api/ledgers/${ledger}/events?version=${version}`);
		assert.deepEqual(events.map((event) => event.version), [...Array(version).keys()].map((i) => version - i));
		assert.deepEqual(events.filter((event) => event.active).map((event) => event.version), expected);
	});
}

test('psql: event_log tells the story', async () => {
	const rows = await sql(`SELECT version, type, active, summary, actor FROM event_log WHERE ledger = '${ledger}' ORDER BY version`);
	assert.deepEqual(rows.map((row) => row[1]), ['item-appended', 'item-appended', 'item-removed', 'rewound', 'item-appended', 'rewound', 'rewound']);
	assert.deepEqual(rows.filter((row) => row[2] === 't').map((row) => Number(row[0])), [1, 2, 4, 5, 7]);
	for (const [row, word] of [[0, 'milk'], [1, 'eggs'], [2, 'milk'], [3, '3'], [4, 'tea'], [5, '2'], [6, '6']]) {
		assert.ok(rows[row][3].includes(word), `the summary "${rows[row][3]}" says "${word}"`);
	}
	assert.ok(rows.every((row) => row[4] === ''), 'nobody is logged in');
});

test('psql: event_log needs no schema name and no condition', async () => {
	assert.ok((await sql('select * from event_log')).length >= 7);
});

test('psql: diff says what came and what went', async () => {
	const rows = await sql(`SELECT change, coalesce(to_value, from_value)->>'content' FROM es.diff('${ledger}', 6, 7)`);
	assert.deepEqual(rows, [['added', 'eggs'], ['added', 'tea']]);
	assert.deepEqual(await sql(`SELECT change, from_value->>'content' FROM es.diff('${ledger}', 2, 3)`), [['removed', 'milk']]);
});

test('psql: rewind_preview says what a rewind would do', async () => {
	const rows = await sql(`SELECT change, coalesce(value_now, value_then)->>'content' FROM es.rewind_preview('${ledger}', 7)`);
	assert.deepEqual(rows, [['goes', 'eggs'], ['goes', 'tea']]);
	assert.equal(await versionOf(ledger), 7, 'a preview changes nothing');
});

test('psql: the reader cannot change the log', async () => {
	for (const statement of [
		`UPDATE es.events SET data = '{}'`, 'DELETE FROM es.events', 'TRUNCATE es.events', 'DELETE FROM es.facts',
		`INSERT INTO es.streams (name) VALUES ('x')`,
	]) {
		await assert.rejects(sql(statement), /permission denied/);
	}
});

test('rewinding of rewinds: redo of a redo of an undo', async () => {
	const other = newLedger();
	await apply(other, append('one'));
	await apply(other, append('two'));
	const expected = [];
	for (const [target, items] of [[2, ['one']], [3, ['one', 'two']], [4, ['one']], [5, ['one', 'two']], [1, []], [7, ['one', 'two']]]) {
		const { version, events } = await apply(other, rewind(target));
		expected.push([version, items]);
		assert.equal(events[0].base, target - 1);
		assert.deepEqual(contents(await read(`/api/ledgers/${other}`)), items, `after the rewind of ${target}`);
	}
	for (const [version, items] of expected) {
		assert.deepEqual(contents(await state(other, version)), items, `state ${version} later`);
	}
});

test('an inactive event can be rewound', async () => {
	const other = newLedger();
	await apply(other, [append('one'), append('two'), append('three')]);
	await apply(other, rewind(2)); // 2 and 3 are inactive now
	await apply(other, rewind(3));
	assert.deepEqual(contents(await read(`/api/ledgers/${other}`)), ['one', 'two']);
});

test('rewinding the newest event of a ledger, again and again, goes back and forth', async () => {
	const other = newLedger();
	let { version } = await apply(other, append('one'));
	for (let i = 0; i < 6; i++) {
		({ version } = await apply(other, rewind(version)));
		assert.deepEqual(contents(await read(`/api/ledgers/${other}`)), i % 2 === 0 ? [] : ['one']);
	}
});

test('an event that is not there cannot be rewound', async () => {
	problem(await post(ledger, rewind(8)), 404, { field: 'version' });
	problem(await post(ledger, rewind(9007199254740991)), 404, { field: 'version' });
	problem(await post(newLedger(), rewind(1)), 404, { field: 'version' });
	assert.equal(await versionOf(ledger), 7);
});
