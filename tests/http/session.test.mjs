// Who one is: what the site says with parameters that no header of a client can set.

import assert from 'node:assert/strict';

import { append, get, newLedger, post, problem, request, test, versionOf } from './client.mjs';
import { connect, exchange, wholeRequest } from './fastcgi.mjs';

const ask = async (method, path, body, more) => {
	const answer = await exchange(await connect(), wholeRequest(method, path, { body, more }));
	return { status: answer.status, body: answer.body === '' ? null : JSON.parse(answer.body) };
};
const session = async (more) => (await ask('GET', '/api/session', '', more)).body;

test('without accounts everybody is nobody, and may write', async () => {
	const answer = await get('/api/session', { Authorization: 'Basic bWFsbG9yeTp4', Cookie: 'session=1' });
	assert.equal(answer.status, 200);
	assert.equal(answer.text, '{"actor":null,"writable":true}');
	assert.equal(answer.headers['cache-control'], 'private, no-store');
	assert.match(answer.headers.vary, /Authorization, Cookie/);
	assert.equal(answer.headers.etag, undefined);
});

test('the session knows GET and HEAD, and no parameter', async () => {
	assert.equal((await request('HEAD', '/api/session')).status, 200);
	assert.equal((await request('HEAD', '/api/session')).text, '');
	problem(await request('POST', '/api/session', { headers: { 'Content-Type': 'application/json' }, body: '{}' }), 405);
	problem(await get('/api/session?actor=anna'), 400);
	problem(await get('/api/session/'), 404);
	assert.equal((await request('OPTIONS', '/api/session')).headers.allow, 'GET, HEAD, OPTIONS');
});

test('the program says what the site has told it', async () => {
	assert.deepEqual(await session({}), { actor: null, writable: true });
	assert.deepEqual(await session({ EVENTLEDGER_ACTOR: 'Jürgen "J" \\ Groß', EVENTLEDGER_WRITABLE: '1' }), { actor: 'Jürgen "J" \\ Groß', writable: true });
	assert.deepEqual(await session({ EVENTLEDGER_ACTOR: 'anna', EVENTLEDGER_WRITABLE: '0' }), { actor: 'anna', writable: false });
	assert.equal((await ask('GET', '/api/session', '', { EVENTLEDGER_ACTOR: Buffer.from([0xFF]) })).status, 400);
	assert.equal((await ask('GET', '/api/session', '', { EVENTLEDGER_ACTOR: 'x'.repeat(257) })).status, 400);
});

test('who may not write is refused, whatever the site calls it', async () => {
	const ledger = newLedger();
	const path = `/api/ledgers/${ledger}/commands`;
	const body = JSON.stringify(append('x'));
	for (const writable of ['0', 'no', 'true', '2', '11', ' 1']) {
		const answer = await ask('POST', path, body, { EVENTLEDGER_WRITABLE: writable });
		assert.equal(answer.status, 403, writable);
		assert.equal(answer.body.type, '/problems/read-only');
		assert.deepEqual(await session({ EVENTLEDGER_WRITABLE: writable }), { actor: null, writable: false });
	}
	assert.equal(await versionOf(ledger), 0);
	assert.equal((await ask('POST', path, body, { EVENTLEDGER_WRITABLE: '1' })).status, 201);
	assert.equal((await ask('GET', `/api/ledgers/${ledger}`, '', { EVENTLEDGER_WRITABLE: '0' })).body.version, 1);
});

test('a client cannot say that it may not, or may', async () => {
	const headers = { 'Eventledger-Writable': '0', EVENTLEDGER_WRITABLE: '0', HTTP_EVENTLEDGER_WRITABLE: '0' };
	assert.equal((await post(newLedger(), append('x'), headers)).status, 201);
});
