// How long, how many, how large: each limit from both sides.

import assert from 'node:assert/strict';

import {
	append, apply, base, contents, fill, get, headOf, logName, newLedger, post, problem, raw, read, remove, rewind, test, versionOf, walk,
} from './client.mjs';

const longest = 10_000; // code points of a content
const largest = 8 << 20; // bytes of a body

async function content(text) {
	const ledger = newLedger();
	const answer = await post(ledger, append(text));
	return answer.status === 201 ? (await headOf(ledger)).items[0].content : answer;
}

for (const [what, letter] of [['one byte', 'a'], ['two bytes', 'ä'], ['three bytes', '漢'], ['four bytes', '🥛']]) {
	test(`a content has 10,000 code points of ${what}`, async () => {
		assert.equal(await content(letter.repeat(longest)), letter.repeat(longest));
	});

	test(`a content has not 10,001 code points of ${what}`, async () => {
		problem(await content(letter.repeat(longest + 1)), 422, { field: 'content' });
	});
}

test('escaped surrogates count as the one character they are', async () => {
	const ledger = newLedger();
	assert.equal((await post(ledger, `{"type":"append","content":"${'\\ud83e\\udd5b'.repeat(longest)}"}`)).status, 201);
	problem(await post(ledger, `{"type":"append","content":"${'\\ud83e\\udd5b'.repeat(longest + 1)}"}`), 422);
});

test('white space around a content is trimmed', async () => {
	assert.equal(await content('  milk '), 'milk');
	assert.equal(await content('\n\t milk and\n\teggs \t\n'), 'milk and\n\teggs');
	assert.equal(await content('\u00a0\u3000milk\u2003\ufeff'), 'milk');
});

test('white space around a content does not count', async () => {
	assert.equal(await content(` ${'a'.repeat(longest)}\n`), 'a'.repeat(longest));
	assert.equal(await content(' '.repeat(20_000) + 'a'), 'a');
});

test('the event too holds the content trimmed', async () => {
	const { events } = await apply(newLedger(), append('  milk '));
	assert.deepEqual(events[0].data, { content: 'milk' });
});

for (const text of ['', ' ', '\n\t \n', '\u00a0', '\u3000\u2003']) {
	test(`${JSON.stringify(text)} is no content`, async () => {
		problem(await content(text), 422, { field: 'content' });
	});
}

for (const code of [0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0d, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f]) {
	const name = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
	test(`the control character ${name} is refused`, async () => {
		problem(await content(`a${String.fromCodePoint(code)}b`), 422, { field: 'content' });
	});
}

test('tab, newline and U+00A0 are no forbidden control characters', async () => {
	assert.equal(await content('a\tb\nc\u00a0d'), 'a\tb\nc\u00a0d');
});

// ---- arrays

test('an array has 1000 commands', async () => {
	const ledger = newLedger();
	const { version, events } = await apply(ledger, Array.from({ length: 1000 }, (_, i) => append(`n${i}`)));
	assert.equal(version, 1000);
	assert.equal(events.length, 1000);
	assert.deepEqual(contents(await headOf(ledger)), Array.from({ length: 1000 }, (_, i) => `n${i}`));
});

test('an array has not 1001 commands, nor none', async () => {
	const ledger = newLedger();
	problem(await post(ledger, Array.from({ length: 1001 }, () => append('x'))), 400);
	problem(await post(ledger, []), 400);
	assert.equal(await versionOf(ledger), 0);
});

// ---- bodies

const sized = (size) => {
	const text = '{"type":"append","content":"a"}';
	return text + ' '.repeat(size - text.length);
};

test('a body of 8 MiB is read', async () => {
	const ledger = newLedger();
	assert.equal((await post(ledger, sized(largest))).status, 201);
	assert.deepEqual(contents(await headOf(ledger)), ['a']);
});

test('a body of 8 MiB and one byte is too large', async () => {
	const ledger = newLedger();
	problem(await post(ledger, sized(largest + 1)), 413);
	assert.equal(await versionOf(ledger), 0);
});

test('a body beyond what nginx reads is too large in the same words', async () => {
	const start = `POST /api/ledgers/${newLedger()}/commands HTTP/1.1\r\nHost: ${base.host}\r\nContent-Type: application/json\r\nConnection: close\r\n`;
	const body = problem(await raw(`${start}Content-Length: 1000000000\r\n\r\n`), 413);
	const own = problem(await post(newLedger(), sized(largest + 1)), 413);
	assert.equal(body.type, own.type);
	assert.equal(body.title, own.title);
});

test('a large array comes back whole', async () => {
	const ledger = newLedger();
	const text = 'x'.repeat(8000);
	const { events } = await apply(ledger, Array.from({ length: 1000 }, (_, i) => append(`${i} ${text}`)));
	assert.equal(events.length, 1000);
	assert.equal(events[999].data.content, `999 ${text}`);
});

test('a body in chunks is read like one with a length', async () => {
	const ledger = newLedger();
	const text = '{"type":"append","content":"in chunks"}';
	const answer = await raw(`POST /api/ledgers/${ledger}/commands HTTP/1.1\r\nHost: ${base.host}\r\nContent-Type: application/json\r\n`
		+ `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n${text.slice(0, 5)}\r\n${(text.length - 5).toString(16)}\r\n${text.slice(5)}\r\n0\r\n\r\n`);
	assert.equal(answer.status, 201);
	assert.deepEqual(contents(await headOf(ledger)), ['in chunks']);
});

// ---- pages

const pageMost = 4 << 20; // bytes of data; their ids, versions and times come on top

test('a page ends at 4 MiB, and "next" goes on', async () => {
	const ledger = newLedger();
	for (let i = 0; i < 6; i++) {
		await apply(ledger, Array.from({ length: 200 }, (_, k) => append(`${i}.${k} ${'x'.repeat(9000)}`)));
	}
	const log = await logName();
	for (const [path, name] of [
		[`/api/ledgers/${ledger}?limit=10000`, 'items'], [`/api/ledgers/${ledger}/states/1200?log=${log}&limit=10000`, 'items'],
		[`/api/ledgers/${ledger}/events?limit=1000`, 'events'], [`/api/ledgers/${ledger}/events?limit=1000&after=0`, 'events'],
		[`/api/ledgers/${ledger}/diff?from=0&to=1200&limit=10000`, 'added'], [`/api/ledgers/${ledger}/diff?to=0&limit=10000`, 'removed'],
	]) {
		let largestPage = 0;
		let count = 0;
		const versions = [];
		for (let next = path; next !== null;) {
			const answer = await get(next);
			assert.equal(answer.status, 200, answer.text.slice(0, 300));
			largestPage = Math.max(largestPage, answer.bytes.length);
			count++;
			versions.push(...answer.json[name].map((element) => element.version));
			({ next } = answer.json);
		}
		assert.ok(largestPage <= pageMost * 1.1, `${path}: a page of ${largestPage} bytes`);
		assert.ok(largestPage >= pageMost * 0.9 && count <= 4, `${path}: pages are filled`);
		assert.equal(new Set(versions).size, 1200, path);
		assert.equal(versions.length, 1200, path);
	}
});

test('a page has 1000 items where nobody says otherwise', async () => {
	const ledger = newLedger();
	await apply(ledger, Array.from({ length: 1000 }, (_, i) => append(`n${i}`)));
	assert.equal((await headOf(ledger)).next, null, 'exactly full, and nothing more');
	await fill(ledger, 'one more');
	const pages = await walk(`/api/ledgers/${ledger}`);
	assert.deepEqual(pages.map((page) => page.items.length), [1000, 1]);
});

test('a ledger holds 100,000 items, and not one more', async () => {
	const ledger = newLedger();
	for (let i = 0; i < 100; i++) {
		await apply(ledger, Array.from({ length: 1000 }, (_, k) => append(`${i}.${k}`)));
	}
	problem(await post(ledger, append('one more')), 422);
	assert.equal(await versionOf(ledger), 100_000);

	const { items: [first] } = await read(`/api/ledgers/${ledger}?limit=1`);
	problem(await post(ledger, [remove(first.id), append('x'), append('y')]), 422);
	await apply(ledger, [remove(first.id), append('in its place')]);
	problem(await post(ledger, append('one more')), 422);
	await apply(ledger, rewind(100_000));
	await fill(ledger, 'the last place');
	problem(await post(ledger, append('one more')), 422);

	// One request looks at no more than 20,000 events, and says where to go on.
	const pages = await walk(`/api/ledgers/${ledger}/events?q=${encodeURIComponent('0.7')}&type=item-appended&limit=1000`);
	assert.ok(pages.length >= 6, `${pages.length} pages`);
	const found = pages.flatMap((page) => page.events).map((event) => event.version);
	const expected = Array.from({ length: 100_000 }, (_, i) => i).filter((i) => `${Math.floor(i / 1000)}.${i % 1000}`.includes('0.7')).map((i) => i + 1).reverse();
	assert.deepEqual(found, expected);
	const nothing = await read(`/api/ledgers/${ledger}/events?q=nowhere`);
	assert.deepEqual(nothing.events, []);
	assert.notEqual(nothing.next, null, 'only null means the end');
	assert.equal((await walk(nothing.next)).at(-1).next, null);

	const all = (await walk(`/api/ledgers/${ledger}?limit=10000`)).flatMap((page) => page.items);
	assert.equal(all.length, 100_000);
	assert.equal(new Set(all.map((item) => item.id)).size, 100_000);
	assert.equal((await apply(ledger, rewind(1))).version, 100_005);
	assert.deepEqual((await headOf(ledger)).items, []);
});
