// Idempotency-Key: a command is applied exactly once, however often it is sent.

import assert from 'node:assert/strict';

import { append, apply, fill, newLedger, post, problem, read, remove, rewind, test, uuid, versionOf } from './client.mjs';
import { sql } from './machine.mjs';

const keyed = (key, more) => ({ 'Idempotency-Key': key, ...more });

test('the key is the command_id of the events', async () => {
	const key = uuid();
	const { events } = await apply(newLedger(), [append('a'), append('b')], keyed(key));
	assert.deepEqual(events.map((event) => event.command_id), [key, key]);
});

test('without a key the server makes one each time', async () => {
	const ledger = newLedger();
	const first = await apply(ledger, append('a'));
	const second = await apply(ledger, append('a'));
	assert.notEqual(first.events[0].command_id, second.events[0].command_id);
});

test('the same request again gets the first answer, and is not applied again', async () => {
	const ledger = newLedger();
	const key = uuid();
	const first = await post(ledger, append('a'), keyed(key));
	const second = await post(ledger, append('a'), keyed(key));
	assert.equal(first.status, 201);
	assert.equal(first.headers['idempotent-replayed'], undefined);
	assert.equal(second.status, 200);
	assert.equal(second.headers['idempotent-replayed'], 'true');
	assert.equal(second.text, first.text);
	assert.equal(second.headers.etag, first.headers.etag);
	assert.equal(await versionOf(ledger), 1);
});

test('the first answer comes again after others have written', async () => {
	const ledger = newLedger();
	const key = uuid();
	const first = await post(ledger, [append('a'), append('b')], keyed(key));
	await fill(ledger, 'c', 'd');
	await apply(ledger, rewind(1));
	const second = await post(ledger, [append('a'), append('b')], keyed(key));
	assert.equal(second.status, 200);
	assert.deepEqual(second.json, first.json);
	assert.equal(second.headers.etag, first.headers.etag);
	assert.equal(await versionOf(ledger), 5);
});

test('a replayed rewind does not rewind again', async () => {
	const ledger = newLedger();
	await fill(ledger, 'a', 'b');
	const key = uuid();
	const first = await post(ledger, rewind(2), keyed(key));
	const second = await post(ledger, rewind(2), keyed(key));
	assert.deepEqual([first.status, second.status], [201, 200]);
	assert.equal(second.text, first.text);
});

test('a replayed removal is not "no such item"', async () => {
	const ledger = newLedger();
	const [item] = await fill(ledger, 'a');
	const key = uuid();
	await apply(ledger, remove(item.id), keyed(key));
	assert.equal((await post(ledger, remove(item.id), keyed(key))).status, 200);
});

test('the case of a key does not matter', async () => {
	const ledger = newLedger();
	const key = uuid();
	await apply(ledger, append('a'), keyed(key));
	assert.equal((await post(ledger, append('a'), keyed(key.toUpperCase()))).status, 200);
});

test('the same key with another body is refused', async () => {
	const ledger = newLedger();
	const key = uuid();
	await apply(ledger, append('a'), keyed(key));
	problem(await post(ledger, append('b'), keyed(key)), 422, { field: 'Idempotency-Key' });
	problem(await post(ledger, [append('a')], keyed(key)), 422, { field: 'Idempotency-Key' });
	assert.equal(await versionOf(ledger), 1);
});

test('the same key with another ledger is refused', async () => {
	const ledger = newLedger();
	const other = newLedger();
	const key = uuid();
	await apply(ledger, append('a'), keyed(key));
	problem(await post(other, append('a'), keyed(key)), 422, { field: 'Idempotency-Key' });
	assert.equal(await versionOf(other), 0);
	assert.equal((await post(ledger, append('a'), keyed(key))).status, 200, 'and the first is still remembered');
});

test('the key is looked at before If-Match', async () => {
	const ledger = newLedger();
	const key = uuid();
	await apply(ledger, append('a'), keyed(key, { 'If-Match': '"0"' }));
	const again = await post(ledger, append('a'), keyed(key, { 'If-Match': '"0"' }));
	assert.equal(again.status, 200, 'the version it wanted is gone, but it was applied');
	assert.equal(again.headers['idempotent-replayed'], 'true');
});

test('a key reused for another body is 422 even where If-Match fails', async () => {
	const ledger = newLedger();
	const key = uuid();
	await apply(ledger, append('a'), keyed(key));
	problem(await post(ledger, append('b'), keyed(key, { 'If-Match': '"0"' })), 422);
});

test('a refusal for If-Match is not remembered', async () => {
	const ledger = newLedger();
	await fill(ledger, 'a');
	const key = uuid();
	problem(await post(ledger, append('b'), keyed(key, { 'If-Match': '"0"' })), 412);
	assert.equal((await post(ledger, append('b'), keyed(key, { 'If-Match': '"1"' }))).status, 201);
});

test('a refusal by a rule is not remembered', async () => {
	const ledger = newLedger();
	const key = uuid();
	problem(await post(ledger, rewind(1), keyed(key)), 404);
	problem(await post(ledger, append(''), keyed(key)), 422);
	problem(await post(ledger, '{', keyed(key)), 400);
	assert.equal((await post(ledger, append('b'), keyed(key))).status, 201);
});

test('the same key many times in parallel is applied exactly once', async () => {
	const ledger = newLedger();
	const key = uuid();
	const answers = await Promise.all(Array.from({ length: 24 }, () => post(ledger, append('a'), keyed(key))));
	assert.deepEqual(answers.map((answer) => answer.status).sort(), [...Array(23).fill(200), 201]);
	assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
	for (const answer of answers) {
		assert.equal(answer.headers['idempotent-replayed'], answer.status === 200 ? 'true' : undefined);
	}
	assert.equal(await versionOf(ledger), 1);
	assert.deepEqual(await sql(`SELECT count(*) FROM es.events WHERE command_id = '${key}'`), [['1']]);
});

test('the same key in parallel for two ledgers is applied in one of them', async () => {
	for (let round = 0; round < 5; round++) {
		const ledgers = [newLedger(), newLedger()];
		const key = uuid();
		const answers = await Promise.all([...ledgers, ...ledgers].map((ledger) => post(ledger, append('a'), keyed(key))));
		assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 201, 422, 422]);
		const versions = await Promise.all(ledgers.map(versionOf));
		assert.equal(versions[0] + versions[1], 1);
	}
});

test('the same key in parallel for two bodies is applied for one of them', async () => {
	const ledger = newLedger();
	const key = uuid();
	const answers = await Promise.all(['a', 'b', 'a', 'b'].map((content) => post(ledger, append(content), keyed(key))));
	assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 201, 422, 422]);
	assert.equal(await versionOf(ledger), 1);
});

test('the refused one of a crowd does not harm the others', async () => {
	const ledger = newLedger();
	const key = uuid();
	await apply(ledger, append('first'), keyed(key));
	const answers = await Promise.all(Array.from({ length: 12 }, (_, i) =>
		(i % 3 === 0 ? post(ledger, append('other'), keyed(key)) : post(ledger, append(`n${i}`), keyed(uuid())))));
	assert.deepEqual(answers.map((answer) => answer.status), answers.map((_, i) => (i % 3 === 0 ? 422 : 201)));
	assert.equal(await versionOf(ledger), 9);
});

for (const key of ['x', '1', '018f0000-0000-7000-8000', '018f0000-0000-7000-8000-00000000000g', '{018f0000-0000-7000-8000-000000000000}',
	'018f0000-0000-7000-8000-0000000000000', '018f0000000070008000000000000000']) {
	test(`the key "${key}" is no uuid`, async () => {
		const ledger = newLedger();
		problem(await post(ledger, append('a'), keyed(key)), 400, { field: 'Idempotency-Key' });
		assert.equal(await versionOf(ledger), 0);
	});
}

test('what the key stands for is kept in the table commands', async () => {
	const ledger = newLedger();
	const key = uuid();
	await fill(ledger, 'a');
	await apply(ledger, [append('b'), append('c')], keyed(key));
	const rows = await sql(`SELECT first_version, last_version FROM es.commands WHERE command_id = '${key}'`);
	assert.deepEqual(rows, [['2', '3']]);
	const { events } = await read(`/api/ledgers/${ledger}/events`);
	assert.equal(events[2].command_id === key, false);
	assert.deepEqual(await sql(`SELECT count(*) FROM es.commands WHERE command_id = '${events[2].command_id}'`), [['0']], 'no row without a key');
});
