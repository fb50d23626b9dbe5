// If-Match: a command is applied only to the version that its sender has seen.

import assert from 'node:assert/strict';

import { append, contents, fill, headOf, logName, newLedger, post, problem, remove, test, versionOf } from './client.mjs';

const expect = (tag) => ({ 'If-Match': tag });

async function ledgerAt(version) {
	const ledger = newLedger();
	await fill(ledger, ...Array.from({ length: version }, (_, i) => `n${i}`));
	return ledger;
}

for (const [what, tag] of [
	['the version', () => '"3"'],
	['the version and the log', (log) => `"3-${log}"`],
	['a weak version', () => 'W/"3"'],
	['a weak version and the log', (log) => `W/"3-${log}"`],
	['any version', () => '*'],
	['a list that has it last', (log) => `"1", "2-${log}", "3"`],
	['a list that has it first', () => '"3","9"'],
	['a list with the version twice', () => '"3", W/"3"'],
]) {
	test(`If-Match with ${what} lets a command through`, async () => {
		const ledger = await ledgerAt(3);
		const answer = await post(ledger, append('x'), expect(tag(await logName())));
		assert.equal(answer.status, 201, answer.text);
		assert.equal(answer.json.version, 4);
	});
}

for (const [what, tag] of [
	['an older version', () => '"2"'],
	['a newer version', () => '"4"'],
	['a version that only begins the same', () => '"30"'],
	['version 0', () => '"0"'],
	['an older version of this log', (log) => `"2-${log}"`],
	['this version of another log', (log) => `"3-${log === '00000000' ? '11111111' : '00000000'}"`],
	['a weak older version', () => 'W/"2"'],
	['a list without it', () => '"1", "2", W/"4"'],
	['the largest number', () => '"9223372036854775807"'],
]) {
	test(`If-Match with ${what} is refused, and the current version told`, async () => {
		const ledger = await ledgerAt(3);
		problem(await post(ledger, append('x'), expect(tag(await logName()))), 412, { version: 3 });
		assert.equal(await versionOf(ledger), 3);
	});
}

for (const tag of ['3', '"3', '3"', "'3'", '"1", 3', '"1" "3"', 'w/"3"', 'W/3', '*, "3"', '"-1"', '"three"', '""', '"3-"', '"3-x"']) {
	test(`If-Match: ${tag} is malformed`, async () => {
		const ledger = await ledgerAt(3);
		problem(await post(ledger, append('x'), expect(tag)), 400, { field: 'If-Match' });
		assert.equal(await versionOf(ledger), 3);
	});
}

test('"0" means that the ledger must be new', async () => {
	const ledger = newLedger();
	assert.equal((await post(ledger, append('x'), expect('"0"'))).status, 201);
	problem(await post(ledger, append('y'), expect('"0"')), 412, { version: 1 });
});

test('"1" does not match a new ledger', async () => {
	const ledger = newLedger();
	problem(await post(ledger, append('x'), expect('"1"')), 412, { version: 0 });
	assert.equal(await versionOf(ledger), 0);
});

test('the ETag of an answer is the If-Match of the next command', async () => {
	const ledger = newLedger();
	let { headers } = await post(ledger, append('a'));
	for (const content of ['b', 'c', 'd']) {
		const answer = await post(ledger, append(content), expect(headers.etag));
		assert.equal(answer.status, 201);
		headers = answer.headers;
	}
	assert.deepEqual(contents(await headOf(ledger)), ['a', 'b', 'c', 'd']);
});

test('the ETag of the head is the If-Match of the next command', async () => {
	const ledger = await ledgerAt(2);
	const log = await logName();
	assert.equal((await post(ledger, append('x'), expect(`"2-${log}"`))).status, 201);
	problem(await post(ledger, append('x'), expect(`"2-${log}"`)), 412, { version: 3 });
});

test('it is compared once for a whole array', async () => {
	const ledger = await ledgerAt(1);
	const answer = await post(ledger, [append('x'), append('y'), append('z')], expect('"1"'));
	assert.equal(answer.status, 201);
	assert.equal(answer.json.version, 4);
});

test('it refuses the whole array', async () => {
	const ledger = await ledgerAt(1);
	problem(await post(ledger, [append('x'), append('y')], expect('"0"')), 412, { version: 1 });
	assert.equal(await versionOf(ledger), 1);
});

test('of many that expect the same version exactly one wins', async () => {
	const ledger = await ledgerAt(5);
	const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => post(ledger, append(`w${i}`), expect('"5"'))));
	assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
	for (const answer of answers.filter((answer) => answer.status !== 201)) {
		problem(answer, 412, { version: 6 });
	}
	assert.equal(await versionOf(ledger), 6);
});

test('of many that want a new ledger exactly one makes it', async () => {
	const ledger = newLedger();
	const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => post(ledger, append(`w${i}`), expect('"0"'))));
	assert.deepEqual(answers.map((answer) => answer.status).sort(), [201, ...Array(15).fill(412)]);
	assert.equal(await versionOf(ledger), 1);
});

test('a counter of many hands, by If-Match and retry, loses nothing', async () => {
	const ledger = newLedger();
	await Promise.all(Array.from({ length: 6 }, async (_, hand) => {
		for (let i = 0; i < 5; i++) {
			for (let done = false; !done;) {
				const tag = `"${await versionOf(ledger)}"`;
				done = (await post(ledger, append(`${hand}/${i}`), expect(tag))).status === 201;
			}
		}
	}));
	const head = await headOf(ledger);
	assert.equal(head.version, 30);
	assert.equal(new Set(contents(head)).size, 30);
});

test('a refusal for If-Match comes before one for a missing item', async () => {
	const ledger = await ledgerAt(2);
	problem(await post(ledger, remove('018f0000-0000-7000-8000-000000000000'), expect('"1"')), 412, { version: 2 });
});
