// Straight to the program's socket: connections that idle, and requests that are cut off anywhere.

import assert from 'node:assert/strict';

import { append, apply, contents, fill, get, headOf, newLedger, post, test, versionOf } from './client.mjs';
import { connect, exchange, record, records, type, wholeRequest } from './fastcgi.mjs';
import { ledgerProcess } from './machine.mjs';

const crowd = 200;
// milliseconds; what libfcgi may do to a request behind an idle connection takes two seconds, or for ever
const undelayed = 1000;

const commandFor = (ledger, body, more) => ['POST', `/api/ledgers/${ledger}/commands`, { body, more }];

async function isUndelayed() {
	const ledger = newLedger();
	for (let i = 0; i < 5; i++) {
		const posted = await post(ledger, append('x'));
		assert.equal(posted.status, 201);
		const got = await get(`/api/ledgers/${ledger}`);
		assert.equal(got.status, 200);
		assert.ok(posted.milliseconds < undelayed && got.milliseconds < undelayed, `${posted.milliseconds} ms, ${got.milliseconds} ms`);
	}
}

async function withConnections(prepare) {
	const sockets = await Promise.all(Array.from({ length: crowd }, connect));
	try {
		await Promise.all(sockets.map(prepare));
		await isUndelayed();
	} finally {
		sockets.forEach((socket) => socket.destroy());
	}
	await isUndelayed();
}

test('200 idle connections that are kept alive do not delay a request', () => withConnections(async (socket) => {
	const answer = await exchange(socket, wholeRequest('GET', '/api/ledgers?limit=1'));
	assert.equal(answer.status, 200);
}));

test('200 connections that never say anything do not delay a request', () => withConnections(async () => {}));

test('200 connections that stop in the middle of a header do not delay a request', () => withConnections(async (socket) => {
	socket.write(wholeRequest('GET', '/api/ledgers').subarray(0, 21));
}));

test('200 connections that stop in the middle of a body do not delay a request', () => withConnections(async (socket) => {
	socket.write(wholeRequest(...commandFor(newLedger(), JSON.stringify(append('x')))).subarray(0, -20));
}));

test('a kept connection answers one request after the other', async () => {
	const socket = await connect();
	const ledger = newLedger();
	for (let i = 1; i <= 5; i++) {
		const answer = await exchange(socket, wholeRequest(...commandFor(ledger, JSON.stringify(append(`n${i}`)))));
		assert.equal(answer.status, 201);
		assert.equal(JSON.parse(answer.body).version, i);
		assert.equal((await exchange(socket, wholeRequest('GET', `/api/ledgers/${ledger}`))).status, 200);
	}
	socket.destroy();
});

test('a request that is cut off anywhere has no effect', async () => {
	const ledger = newLedger();
	const whole = wholeRequest(...commandFor(ledger, JSON.stringify(append('cut'))));
	const pid = ledgerProcess();
	const cuts = new Set(Array.from({ length: whole.length }, (_, i) => i).filter((i) => i % 7 === 0 || i > whole.length - 60));
	let boundary = 0;
	for (const part of records(...commandFor(ledger, JSON.stringify(append('cut'))))) {
		[boundary - 1, boundary, boundary + 1, boundary + 7, boundary + 8].filter((at) => at > 0 && at < whole.length).forEach((at) => cuts.add(at));
		boundary += part.length;
	}
	await Promise.all([...cuts].map(async (cut) => {
		const answer = await exchange(await connect(), whole.subarray(0, cut), { cut: true });
		assert.ok(answer === null || answer.status >= 400, `cut after ${cut} of ${whole.length} bytes: ${answer?.status}`);
	}));
	assert.equal(await versionOf(ledger), 0);
	assert.equal((await exchange(await connect(), whole)).status, 201, 'the whole one does have an effect');
	assert.deepEqual(contents(await headOf(ledger)), ['cut']);
	assert.equal(ledgerProcess(), pid);
});

test('a client that is gone before the answer does not harm the next', async () => {
	const ledger = newLedger();
	const pid = ledgerProcess();
	await Promise.all(Array.from({ length: 20 }, async (_, i) => {
		const socket = await connect();
		socket.on('error', () => {});
		socket.write(wholeRequest(...commandFor(ledger, JSON.stringify(append(`gone${i}`)))), () => socket.destroy());
	}));
	await fill(ledger, 'here');
	const head = await headOf(ledger);
	assert.equal(head.items.length, head.version, 'each of them once or not at all');
	assert.equal(new Set(contents(head)).size, head.version);
	assert.equal(ledgerProcess(), pid);
});

test('a body that ends before its length has no effect', async () => {
	const ledger = newLedger();
	const body = JSON.stringify(append('x'));
	const answer = await exchange(await connect(), wholeRequest(...commandFor(ledger, body, { CONTENT_LENGTH: String(body.length + 10) })), { cut: true });
	assert.ok(answer === null || answer.status >= 400, `${answer?.status}`);
	assert.equal(await versionOf(ledger), 0);
});

test('parameters that are cut off inside have no effect', async () => {
	const ledger = newLedger();
	const body = JSON.stringify(append('x'));
	const [begin, parameters, ...rest] = records(...commandFor(ledger, body));
	for (const less of [1, 2, 5, 20]) {
		// The record is whole, its last pair is not.
		const broken = record(type.parameters, parameters.subarray(8, -less));
		const answer = await exchange(await connect(), Buffer.concat([begin, broken, ...rest]), { cut: true });
		assert.ok(answer === null || answer.status >= 400, `${less}: ${answer?.status}`);
	}
	assert.equal(await versionOf(ledger), 0);
});

test('a request in many small pieces is one request', async () => {
	const ledger = newLedger();
	const socket = await connect();
	socket.setNoDelay?.(true);
	const whole = wholeRequest(...commandFor(ledger, JSON.stringify(append('in pieces'))));
	for (let at = 0; at < whole.length - 10; at += 10) {
		await new Promise((resolve) => socket.write(whole.subarray(at, at + 10), resolve));
	}
	const rest = (whole.length - 10) % 10 === 0 ? 10 : (whole.length - 10) % 10;
	const start = Math.ceil((whole.length - 10) / 10) * 10;
	assert.ok(rest > 0);
	assert.equal((await exchange(socket, whole.subarray(start))).status, 201);
	socket.destroy();
	assert.deepEqual(contents(await headOf(ledger)), ['in pieces']);
});

for (const [what, bytes] of [
	['noise', Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 7919 + 13) & 255))],
	['zeros', Buffer.alloc(1000)],
	['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
	['another version', Buffer.from([9, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])],
	['input without a request', record(type.input, '{"type":"append","content":"x"}')],
	['an abort without a request', record(type.abort)],
	['a question for values with many names', record(type.values, Buffer.concat(Array.from({ length: 60 }, () => Buffer.from('\x0f\x00FCGI_MPXS_CONNS\x0e\x00FCGI_MAX_CONNS', 'latin1'))), 0)],
	['a pair of two gigabytes', Buffer.concat([record(type.begin, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])), record(type.parameters, Buffer.from([0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfe, 65])), record(type.parameters), record(type.input)])],
]) {
	test(`${what} on the socket harms nobody`, async () => {
		const pid = ledgerProcess();
		const answer = await exchange(await connect(), bytes, { cut: true });
		assert.ok(answer === null || Number.isNaN(answer.status) || answer.status >= 400, `${answer?.status}`);
		await apply(newLedger(), append('x'));
		assert.equal(ledgerProcess(), pid);
	});
}
