// What one client may take, and what it is told beyond that.

import assert from 'node:assert/strict';

import { append, ask, newLedger, people, problem, test, until } from './client.mjs';
import { connect, openStreams } from './streams.mjs';

const authorization = `Basic ${Buffer.from(`anna:${people.anna}`).toString('base64')}`;

test('a client that sends too much is told when to go on, and nobody else is', async () => {
	const ledger = newLedger();
	const client = await connect();
	const answers = await Promise.all(Array.from({ length: 700 }, () => client.post(`/api/ledgers/${ledger}/commands`, append('x'), {
		'x-forwarded-for': '203.0.113.20', authorization,
	})));
	client.close();
	const refused = answers.filter(({ status }) => status !== 201);
	assert.ok(refused.length > 0, 'there is a limit');
	assert.ok(refused.length < 600, 'it lets a burst pass');
	for (const { status, headers, body } of refused) {
		assert.equal(status, 429, body);
		assert.match(headers['content-type'], /^application\/problem\+json/);
		assert.match(headers['retry-after'], /^[1-9]\d*$/);
	}
	assert.equal((await ask(`/api/ledgers/${ledger}`)).json.version, answers.length - refused.length, 'what was refused is not done');
	assert.equal((await ask('/api/session', { from: '203.0.113.21' })).status, 200);
});

test('a stream too many is asked to come back, as EventSource understands it, and then gets in', async () => {
	const ledger = newLedger();
	const from = '203.0.113.30';
	const taken = await openStreams(ledger, 200, from);
	assert.ok(taken.every(({ text }) => text.includes('event: head')), '200 streams are live');
	const [beyond] = await openStreams(ledger, 1, from);
	await until(() => beyond.ended, 'it is not left hanging');
	assert.equal(beyond.status, 200);
	assert.match(beyond.headers['content-type'], /^text\/event-stream/);
	assert.match(beyond.headers['cache-control'], /no-store/);
	assert.match(beyond.text, /^retry: [2-6]000\n\n$/);
	const [other] = await openStreams(ledger, 1, '203.0.113.31');
	assert.match(other.text, /event: head/);
	taken.close();
	await until(async () => {
		const [again] = await openStreams(ledger, 1, from);
		again.close();
		return again.text.includes('event: head');
	}, 'there is room again');
	other.close();
});

test('a stream is refused for good only where coming back is of no use', async () => {
	problem(await ask('/sse/ledgers/Not-A-Name'), 404, 'not-found');
	problem(await ask('/sse/ledgers/x', { headers: { Authorization: 'Basic eA==' } }), 401, 'unauthorized');
});
