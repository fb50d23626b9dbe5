// JSON is strict, and so is what stands in it.

import assert from 'node:assert/strict';

import { append, apply, contents, headOf, newLedger, post, problem, test, versionOf } from './client.mjs';

const bytes = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const around = (...inner) => bytes('{"type":"append","content":"a', ...inner, 'b"}');

async function refused(body, status, members) {
	const ledger = newLedger();
	const answer = problem(await post(ledger, body), status, members);
	assert.equal(await versionOf(ledger), 0, 'nothing was applied');
	return answer;
}

for (const [what, body] of Object.entries({
	'an empty body': '',
	'blanks alone': ' \n ',
	'half an object': '{"type":"append","content":"a"',
	'half a string': '{"type":"append","content":"a',
	'something behind': '{"type":"append","content":"a"} x',
	'a second object behind': '{"type":"append","content":"a"}{"type":"append","content":"b"}',
	'a NUL behind': bytes('{"type":"append","content":"a"}', [0]),
	'a byte order mark': bytes([0xef, 0xbb, 0xbf], '{"type":"append","content":"a"}'),
	'UTF-16': Buffer.from('{"type":"append","content":"a"}', 'utf16le'),
	'a name twice': '{"type":"append","content":"a","content":"b"}',
	'a name twice with the same value': '{"type":"append","type":"append","content":"a"}',
	'a name twice, once escaped': '{"type":"append","content":"a","\\u0063ontent":"b"}',
	'a name twice deep inside': '{"type":"append","content":{"a":1,"a":1}}',
	'a name twice with escaped slashes': '{"type":"append","content":{"a/b":1,"a\\/b":1}}',
	'a name without quotes': '{type:"append","content":"a"}',
	'single quotes': "{'type':'append','content':'a'}",
	'a comma at the end': '{"type":"append","content":"a",}',
	'a comma at the end of an array': '[{"type":"append","content":"a"},]',
	'a missing comma': '{"type":"append" "content":"a"}',
	'a comment': '{"type":"append",/* x */"content":"a"}',
	'a comment of a line': '{"type":"append","content":"a"} // x',
	'NaN': '{"type":"rewind","version":NaN}',
	'Infinity': '{"type":"rewind","version":Infinity}',
	'-Infinity': '{"type":"rewind","version":-Infinity}',
	'TRUE': '{"type":"append","content":TRUE}',
	'nul': '{"type":"append","content":nul}',
	'a leading zero': '{"type":"rewind","version":01}',
	'a plus sign': '{"type":"rewind","version":+1}',
	'a hexadecimal number': '{"type":"rewind","version":0x1}',
	'a number that ends with a point': '{"type":"rewind","version":1.}',
	'a number that begins with a point': '{"type":"rewind","version":.5}',
	'a number without its exponent': '{"type":"rewind","version":1e}',
	'a minus sign alone': '{"type":"rewind","version":-}',
	'a bare newline in a string': around('\n'),
	'a bare tab in a string': around('\t'),
	'a bare NUL in a string': around([0]),
	'an unknown escape': around('\\x41'),
	'an escape at the end': '{"type":"append","content":"a\\"}',
	'half a \\u escape': around('\\u12'),
	'a \\u escape with other letters': around('\\u12g4'),
	'an escaped NUL': around('\\u0000'),
	'an escaped NUL in a name': '{"type":"append","content":"a","x\\u0000":1}',
	'a high surrogate alone': around('\\ud83d'),
	'a low surrogate alone': around('\\udc00'),
	'surrogates the wrong way round': around('\\udc00\\ud83d'),
	'a high surrogate before another character': around('\\ud83d\\u0041'),
	'two high surrogates': around('\\ud83d\\ud83d'),
	'a byte that is never UTF-8': around([0xff]),
	'a continuation byte alone': around([0x80]),
	'half a character': around([0xe2, 0x82]),
	'an overlong slash': around([0xc0, 0xaf]),
	'an overlong character of three bytes': around([0xe0, 0x80, 0xaf]),
	'a surrogate in UTF-8': around([0xed, 0xa0, 0x80]),
	'a code point above U+10FFFF': around([0xf4, 0x90, 0x80, 0x80]),
	'Latin-1': around([0xe4]),
	'a form feed between tokens': bytes('{"type":', [0x0c], '"append","content":"a"}'),
	'a no-break space between tokens': '{"type":\u00a0"append","content":"a"}',
	'2^53': '{"type":"rewind","version":9007199254740992}',
	'-2^53': '{"type":"rewind","version":-9007199254740992}',
	'2^63': '{"type":"rewind","version":9223372036854775808}',
	'2^64 + 1': '{"type":"rewind","version":18446744073709551617}',
	'a number of 400 digits': `{"type":"rewind","version":${'9'.repeat(400)}}`,
	'null': 'null',
	'true': 'true',
	'a string': '"append"',
	'a number': '7',
	'an array in an array': '[[{"type":"append","content":"a"}]]',
	'an empty object': '{}',
	'an empty array': '[]',
})) {
	test(`${what} is refused`, () => refused(body, 400));
}

test('2^53 - 1 is a number like others', async () => {
	await refused('{"type":"rewind","version":9007199254740991}', 404, { field: 'version' });
});

test('16,384 values are read, one more is not, and neither are millions of them', async () => {
	const many = (values) => `{"type":"append","content":[${Array(values - 3).fill('{}').join()}]}`;
	await refused(many(16_384), 400, { field: 'content' });
	assert.match((await refused(many(16_385), 400)).detail, /too many values/);
	assert.match((await refused(`[${'{},'.repeat(2_700_000)}{}]`, 400)).detail, /too many values/);
});

test('a depth of 32 is read, a depth of 33 is not', async () => {
	const deep = (depth) => `{"type":"append","content":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
	await refused(deep(32), 400, { field: 'content' });
	const ledger = newLedger();
	const body = problem(await post(ledger, deep(33)), 400);
	assert.notEqual(body.field, 'content', 'it does not get as far as the member');
	await refused(deep(100_000), 400);
	await refused('['.repeat(1_000_000), 400);
	await refused('{"a":'.repeat(1_000_000), 400);
});

for (const [what, body, field] of [
	['no type', '{"content":"a"}', 'type'],
	['a type that is a number', '{"type":1,"content":"a"}', 'type'],
	['a type that is null', '{"type":null}', 'type'],
	['an unknown type', '{"type":"Append","content":"a"}', 'type'],
	['no content', '{"type":"append"}', 'content'],
	['a content that is null', '{"type":"append","content":null}', 'content'],
	['a content that is a number', '{"type":"append","content":1}', 'content'],
	['a content that is an object', '{"type":"append","content":{}}', 'content'],
	['an unknown member', '{"type":"append","content":"a","colour":"red"}', 'colour'],
	['the member of another command', '{"type":"append","content":"a","version":1}', 'version'],
	['no item', '{"type":"remove"}', 'item'],
	['an item that is a number', '{"type":"remove","item":1}', 'item'],
	['an unknown member of a removal', '{"type":"remove","item":"x","content":"a"}', 'content'],
	['no version', '{"type":"rewind"}', 'version'],
	['a version that is a string', '{"type":"rewind","version":"1"}', 'version'],
	['a version with a fraction', '{"type":"rewind","version":1.5}', 'version'],
	['a version of true', '{"type":"rewind","version":true}', 'version'],
	['an actor', '{"type":"append","content":"a","actor":"mallory"}', 'actor'],
	['a member with an empty name', '{"type":"append","content":"a","":1}', undefined],
]) {
	test(`a command with ${what} is refused${field === undefined ? '' : `, and "${field}" named`}`, () =>
		refused(body, 400, field === undefined ? {} : { field }));
}

test('version 0 and below cannot be rewound', async () => {
	for (const version of ['0', '-1', '-0']) {
		const ledger = newLedger();
		await apply(ledger, append('a'));
		const answer = await post(ledger, `{"type":"rewind","version":${version}}`);
		assert.ok([400, 404].includes(answer.status), `${version}: ${answer.status}`);
		problem(answer, answer.status, { field: 'version' });
		assert.equal(await versionOf(ledger), 1);
	}
});

test('blanks between tokens are allowed', async () => {
	const ledger = newLedger();
	assert.equal((await post(ledger, ' \t\r\n{ "type"\n:\t"append" , "content" : "a" }\r\n ')).status, 201);
	assert.deepEqual(contents(await headOf(ledger)), ['a']);
});

test('the order of members does not matter, nor do escapes in names', async () => {
	const ledger = newLedger();
	assert.equal((await post(ledger, '{"content":"a","\\u0074ype":"\\u0061ppend"}')).status, 201);
});

test('every character comes back as it was', async () => {
	const ledger = newLedger();
	const texts = ['ä', '漢字', '🥛🥛', '\u{10ffff}', '\ufffd', '\ue000', '"quoted"', 'back\\slash', 'a/b', '</script>', 'tab\there', 'line\nline', 'e\u0301', 'in\u2028between', 'a\u200db', "it's", '%s%n', '{"a":1}', '\\u0041', 'null'];
	await apply(ledger, texts.map(append));
	assert.deepEqual(contents(await headOf(ledger)), texts);
});

test('escapes of all kinds mean their characters', async () => {
	const ledger = newLedger();
	await post(ledger, '{"type":"append","content":"x\\u00e4\\ud83e\\udd5b\\/\\\\\\"\\n\\t\\u0041y"}');
	assert.deepEqual(contents(await headOf(ledger)), ['x\u00e4\u{1f95b}/\\"\n\tAy']);
});

test('contents are not brought into another Unicode form', async () => {
	const ledger = newLedger();
	await apply(ledger, [append('é'), append('e\u0301')]);
	assert.deepEqual(contents(await headOf(ledger)), ['é', 'e\u0301']);
});
