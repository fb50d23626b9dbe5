// What differs between two versions, and the preview of a rewind.

import assert from 'node:assert/strict';
import { before } from 'node:test';

import { append, apply, fill, get, headOf, logName, newLedger, problem, read, remove, rewind, state, test, walk } from './client.mjs';

const ledger = newLedger();
const path = `/api/ledgers/${ledger}/diff`;
const words = (items) => items.map((item) => item.content);

before(async () => {
	const [a, b] = await fill(ledger, 'a', 'b', 'c'); // 1 2 3
	await apply(ledger, [remove(a.id), append('d')]); // 4 5
	await apply(ledger, [remove(b.id)]); // 6
	await apply(ledger, rewind(4)); // 7: {a, b, c}
});

/** What the difference must be, from the two states alone. */
async function expected(name, from, to) {
	const older = (await state(name, from)).items;
	const newer = (await state(name, to)).items;
	const has = (items, wanted) => items.some((item) => item.id === wanted.id);
	return { added: newer.filter((item) => !has(older, item)), removed: older.filter((item) => !has(newer, item)) };
}

test('a difference has its members', async () => {
	const answer = await get(`${path}?from=3&to=5`);
	const body = answer.json;
	for (const name of ['from', 'to', 'counts', 'added', 'removed', 'changed', 'next']) {
		assert.ok(name in body, name);
	}
	assert.deepEqual(body.counts, { added: 1, removed: 1, changed: 0 });
	assert.deepEqual([body.from, body.to, body.next], [3, 5, null]);
	assert.deepEqual(body.changed, []);
	assert.match(answer.headers['content-type'], /^application\/json\b/);
	assert.doesNotMatch(answer.headers['cache-control'] ?? '', /immutable|max-age/);
});

test('added is in "to" and not in "from", as items', async () => {
	const { items } = await state(ledger, 5);
	const body = await read(`${path}?from=3&to=5`);
	assert.deepEqual(body.added, [items.find((item) => item.content === 'd')]);
	assert.deepEqual(words(body.removed), ['a']);
	assert.deepEqual(Object.keys(body.removed[0]), ['id', 'content', 'version']);
});

test('the other way round added and removed change places', async () => {
	const one = await read(`${path}?from=1&to=6`);
	const other = await read(`${path}?from=6&to=1`);
	assert.deepEqual(other.added, one.removed);
	assert.deepEqual(other.removed, one.added);
});

for (let from = 0; from <= 7; from++) {
	test(`the differences of ${from} and every version are those of the states`, async () => {
		for (let to = 0; to <= 7; to++) {
			const body = await read(`${path}?from=${from}&to=${to}`);
			const { added, removed } = await expected(ledger, from, to);
			assert.deepEqual([body.added, body.removed, body.changed], [added, removed, []], `${from} to ${to}`);
			assert.deepEqual(body.counts, { added: added.length, removed: removed.length, changed: 0 });
		}
	});
}

test('from is the head where it is not given', async () => {
	const body = await read(`${path}?to=0`);
	assert.equal(body.from, 7);
	assert.deepEqual(words(body.removed), ['a', 'b', 'c']);
});

test('to must be given', async () => {
	problem(await get(path), 400, { field: 'to' });
	problem(await get(`${path}?from=1`), 400, { field: 'to' });
});

test('both must be versions that are there', async () => {
	problem(await get(`${path}?from=8&to=1`), 404, { field: 'from', version: 7 });
	problem(await get(`${path}?from=1&to=8`), 404, { field: 'to', version: 7 });
	problem(await get(`${path}?from=x&to=1`), 400, { field: 'from' });
	problem(await get(`${path}?from=1&to=-1`), 400, { field: 'to' });
	problem(await get(`${path}?from=1&to=`), 400, { field: 'to' });
	problem(await get(`${path}?from=1&to=2&limit=0`), 400, { field: 'limit' });
	problem(await get(`${path}?from=1&to=2&limit=10001`), 400, { field: 'limit' });
});

test('a ledger that does not exist differs in nothing', async () => {
	const body = await read(`/api/ledgers/${newLedger()}/diff?to=0`);
	assert.deepEqual([body.from, body.to, body.counts], [0, 0, { added: 0, removed: 0, changed: 0 }]);
});

test('the preview of a rewind is what the rewind does', async () => {
	const other = newLedger();
	const made = await fill(other, 'a', 'b', 'c', 'd', 'e');
	await apply(other, [remove(made[1].id), append('f'), remove(made[3].id)]);
	for (const target of [8, 3, 9, 7, 2, 10, 1, 14]) {
		const { version, items } = await headOf(other);
		const preview = await read(`/api/ledgers/${other}/diff?to=${target - 1}`);
		assert.equal(preview.from, version);
		assert.equal((await apply(other, rewind(target), { 'If-Match': `"${version}"` })).version, version + 1);
		const gone = new Set(preview.removed.map((item) => item.id));
		const after = [...items.filter((item) => !gone.has(item.id)), ...preview.added].sort((one, two) => one.version - two.version);
		assert.deepEqual((await headOf(other)).items, after, `the rewind of ${target}`);
		const done = await read(`/api/ledgers/${other}/diff?from=${version}&to=${version + 1}`);
		assert.deepEqual([done.counts, done.added, done.removed], [preview.counts, preview.added, preview.removed]);
	}
});

for (const limit of [1, 2, 3, 7, 100]) {
	test(`the pages of a difference at limit ${limit} are the whole, with the counts of the whole`, async () => {
		const other = newLedger();
		const made = await fill(other, ...Array.from({ length: 9 }, (_, i) => `n${i}`));
		await apply(other, [...made.slice(2, 6).map((event) => remove(event.id)), append('x'), append('y'), append('z')]);
		const whole = await expected(other, 9, 16);
		const pages = await walk(`/api/ledgers/${other}/diff?from=9&to=16&limit=${limit}`);
		const all = (name) => pages.flatMap((page) => page[name]);
		assert.deepEqual(all('added'), whole.added);
		assert.deepEqual(all('removed'), whole.removed);
		for (const page of pages) {
			assert.deepEqual(page.counts, { added: 3, removed: 4, changed: 0 });
			assert.ok(page.added.length + page.removed.length + page.changed.length <= limit);
		}
		assert.equal(pages.length, Math.ceil(7 / limit));
	});
}

test('the pages of a difference from the head stay at its version while others write', async () => {
	const other = newLedger();
	await fill(other, ...Array.from({ length: 8 }, (_, i) => `n${i}`));
	const pages = await walk(`/api/ledgers/${other}/diff?to=0&limit=3`, async () => {
		await apply(other, append('more'));
		await apply(other, rewind(3));
	});
	assert.deepEqual(words(pages.flatMap((page) => page.removed)), Array.from({ length: 8 }, (_, i) => `n${i}`));
	assert.deepEqual([...new Set(pages.map((page) => page.from))], [8]);
});

test('a difference names its log', async () => {
	assert.equal((await read(`${path}?to=1`)).log ?? await logName(), await logName());
});
