// The site as it is installed: two people with passwords, and guests who may look.

import assert from 'node:assert/strict';

import { actorOf, append, ask, command, curl, log, logText, name, newLedger, people, plain, problem, test, until, uuid, versionOf } from './client.mjs';

test('HTTP leads to HTTPS, and to no other name', async () => {
	for (const host of [name, 'evil.example']) {
		const answer = await curl('-H', `Host: ${host}`, `http://127.0.0.1:${plain}/l/groceries?x=1`);
		assert.equal(answer.status, 308);
		assert.equal(answer.headers.location, `https://${name}/l/groceries?x=1`);
		assert.equal(answer.headers['strict-transport-security'], undefined, 'which only counts over TLS');
	}
});

test('it speaks HTTP/2, and tells browsers to stay with TLS, whatever it answers', async () => {
	const paths = { '/': 200, '/l/groceries': 200, '/api/session': 200, '/api/ledgers/groceries': 200, '/nowhere': 404, '/api/ledgers/x/y': 404, '/sign-in': 401 };
	for (const [path, status] of Object.entries(paths)) {
		const answer = await ask(path);
		assert.equal(answer.protocol, 'HTTP/2', path);
		assert.equal(answer.status, status, path);
		assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000', path);
		assert.match(answer.headers['content-security-policy'], /default-src 'none'/, path);
	}
});

test('the session is who one is and whether one may write, and nobody keeps it', async () => {
	const expected = [[undefined, { actor: null, writable: false }], ['anna', { actor: 'anna', writable: true }], ['berta', { actor: 'berta', writable: true }]];
	for (const [who, session] of expected) {
		const answer = await ask('/api/session', { who });
		assert.equal(answer.status, 200);
		assert.deepEqual(answer.json, session);
		assert.equal(answer.headers['cache-control'], 'private, no-store');
		assert.match(answer.headers.vary, /Authorization/);
		assert.match(answer.headers.vary, /Cookie/);
	}
});

test('whoever signed in is the actor of what they do', async () => {
	const ledger = newLedger();
	assert.equal(await actorOf(ledger, { who: 'anna' }), 'anna');
	assert.equal(await actorOf(ledger, { who: 'berta' }), 'berta');
	const { events } = (await ask(`/api/ledgers/${ledger}/events`)).json;
	assert.deepEqual(events.map(({ actor }) => actor), ['berta', 'anna']);
});

test('a guest reads everything and changes nothing', async () => {
	const ledger = newLedger();
	const [key, other] = [uuid(), uuid()];
	assert.equal((await command(ledger, 'milk', { who: 'anna', headers: { 'Idempotency-Key': key } })).status, 201);
	const { items: [item] } = (await ask(`/api/ledgers/${ledger}`)).json;
	assert.equal(item.content, 'milk');
	const commands = [append('x'), { type: 'remove', item: item.id }, { type: 'rewind', version: 1 }, [append('a'), append('b')], append('milk')];
	for (const body of commands) {
		problem(await ask(`/api/ledgers/${ledger}/commands`, { body }), 403, 'read-only');
		problem(await ask(`/api/ledgers/${ledger}/commands`, { body, headers: { 'Idempotency-Key': other } }), 403, 'read-only');
	}
	problem(await command(ledger, 'milk', { headers: { 'Idempotency-Key': key } }), 403, 'read-only');
	assert.equal(await versionOf(ledger), 1);
	const stream = await ask(`/sse/ledgers/${ledger}?after=0`, { more: ['--max-time', '1'] }).catch((error) => error);
	assert.match(String(stream), /timed out/, 'the stream stays open');
});

test('the same key of another person is not the same request', async () => {
	const ledger = newLedger();
	const headers = { 'Idempotency-Key': uuid() };
	assert.equal((await command(ledger, 'x', { who: 'anna', headers })).status, 201);
	assert.equal((await command(ledger, 'x', { who: 'anna', headers })).status, 200);
	assert.equal((await command(ledger, 'x', { who: 'berta', headers })).status, 422);
	assert.equal(await versionOf(ledger), 1);
});

const basic = (text) => `Basic ${Buffer.from(text).toString('base64')}`;

test('a forged Authorization header never becomes an actor', async () => {
	const ledger = newLedger();
	const forged = [
		basic('anna:wrong'), basic('anna:'), basic('anna'), basic('mallory:anna secret'), basic('mallory:'), basic(':'), basic(''),
		basic('anna\0:anna secret'), basic('anna:berta secret'), 'Basic', 'Basic %%%', 'Bearer anna', 'Digest username="anna"', 'anna', 'basic',
	];
	for (const value of forged) {
		const headers = { Authorization: value };
		problem(await command(ledger, 'x', { headers }), 401, 'unauthorized');
		problem(await ask('/api/session', { headers }), 401, 'unauthorized');
		problem(await ask(`/sse/ledgers/${ledger}`, { headers }), 401, 'unauthorized');
		problem(await ask('/', { headers }), 401, 'unauthorized');
	}
	assert.match((await ask('/api/session', { headers: { Authorization: basic('anna:wrong') } })).headers['www-authenticate'], /^Basic realm="Eventledger"/);
	assert.equal(await versionOf(ledger), 0);
});

test('of two Authorization headers none gets an unverified name through', async () => {
	const ledger = newLedger();
	const right = ['-H', `Authorization: ${basic(`anna:${people.anna}`)}`];
	const wrong = ['-H', `Authorization: ${basic('mallory:x')}`];
	for (const protocol of ['--http2', '--http1.1']) {
		for (const more of [[...right, ...wrong], [...wrong, ...right]]) {
			const answer = await command(ledger, 'x', { more: [...more, protocol] });
			if (answer.status === 201) {
				assert.equal(answer.json.events[0].actor, 'anna');
			} else {
				assert.ok([400, 401].includes(answer.status), answer.body);
			}
		}
	}
});

test('no other header makes a name, or a guest somebody who may write', async () => {
	const ledger = newLedger();
	for (const header of ['X-Auth-Request-User', 'X-Forwarded-User', 'Remote-User', 'Eventledger-Actor', 'EVENTLEDGER_ACTOR', 'Eventledger-Writable', 'EVENTLEDGER_WRITABLE', 'Proxy-Authorization']) {
		const headers = { [header]: header.toLowerCase().endsWith('writable') ? '1' : 'anna' };
		problem(await command(ledger, 'x', { headers }), 403, 'read-only');
		assert.deepEqual((await ask('/api/session', { headers })).json, { actor: null, writable: false }, header);
		assert.equal(await actorOf(newLedger(), { who: 'berta', headers }), 'berta', header);
	}
	assert.equal(await versionOf(ledger), 0);
});

test('signing in asks for the password, and leads back to a ledger and nowhere else', async () => {
	const refused = await ask('/sign-in?ledger=groceries');
	problem(refused, 401, 'unauthorized');
	assert.match(refused.headers['www-authenticate'], /^Basic/);
	assert.equal((await ask('/sign-in?ledger=groceries', { headers: { Authorization: basic('anna:wrong') } })).status, 401);
	const targets = { 'ledger=groceries': '/l/groceries', '': '/', 'ledger=//evil.example': '/', 'ledger=../x': '/', 'ledger=%2f%2fevil.example': '/', 'ledger=a%0d%0aX:b': '/' };
	for (const [query, location] of Object.entries(targets)) {
		const answer = await ask(`/sign-in?${query}`, { who: 'anna' });
		assert.equal(answer.status, 303, query);
		assert.equal(answer.headers.location, location, query);
	}
});

test('a site may be closed: without a name nothing is seen, cached or not', async () => {
	const site = 'closed.example.org';
	const ledger = newLedger();
	assert.equal(await actorOf(ledger, { who: 'anna', site }), 'anna');
	const { log: logName } = (await ask(`/api/ledgers/${ledger}`, { who: 'anna', site })).json;
	const state = `/api/ledgers/${ledger}/states/1?log=${logName}`;
	for (const who of ['anna', 'anna', 'berta']) {
		assert.equal((await ask(state, { who, site })).json.items.length, 1);
	}
	await until(() => log().some(({ path, cache }) => path === state.split('?')[0] && cache === 'HIT'), 'it is in the cache');
	for (const path of [state, '/', `/l/${ledger}`, '/api/session', `/api/ledgers/${ledger}`, `/sse/ledgers/${ledger}`, '/assets/x.js']) {
		problem(await ask(path, { site }), 401, 'unauthorized');
		problem(await ask(path, { site, headers: { Authorization: basic('anna:wrong'), 'If-None-Match': '*' } }), 401, 'unauthorized');
	}
	problem(await command(ledger, 'x', { site }), 401, 'unauthorized');
	assert.deepEqual((await ask('/api/session', { who: 'berta', site })).json, { actor: 'berta', writable: true });
	assert.equal((await ask('/healthz', { site })).status, 200);
});

test('sessions that are asked for at the same time do not mix', async () => {
	const who = (index) => [undefined, 'anna', 'berta'][index % 3];
	const answers = await Promise.all(Array.from({ length: 45 }, (_, index) => ask('/api/session', { who: who(index) })));
	answers.forEach((answer, index) => assert.deepEqual(answer.json, { actor: who(index) ?? null, writable: who(index) !== undefined }));
});

test('behind a proxy each client is known by its own address; from anybody else that is only a claim', async () => {
	const ledger = newLedger();
	await ask(`/api/ledgers/${ledger}/events/7`, { from: '203.0.113.9' });
	await ask(`/api/ledgers/${ledger}/events/8`, { from: '203.0.113.9', more: ['--interface', '127.0.0.2'] });
	const seen = (version) => log().find(({ path }) => path === `/api/ledgers/${ledger}/events/${version}`)?.client;
	await until(() => seen(8) !== undefined, 'both are logged');
	assert.equal(seen(7), '203.0.113.9');
	assert.equal(seen(8), '127.0.0.2');
	problem(await ask('/metrics/ledger', { from: '203.0.113.9' }), 403, 'forbidden');
});

test('the log tells ledger and version, and nothing of what people write', async () => {
	const ledger = newLedger();
	await command(ledger, 'a secretcontent', { who: 'anna', headers: { 'User-Agent': 'secretagent' } });
	await ask(`/api/ledgers/${ledger}/events?q=secretsearch`, { who: 'anna' });
	await ask(`/api/ledgers/${ledger}/states/1`, { headers: { Cookie: 'x=secretcookie', Referer: 'https://secret.example/' } });
	await ask(`/sse/ledgers/${ledger}`, { headers: { 'Last-Event-ID': '1' }, more: ['--max-time', '1'] }).catch(() => {});
	const lines = () => log().filter((line) => line.ledger === ledger);
	await until(() => lines().length === 4, 'all four are logged');
	assert.deepEqual(lines().map(({ method, path, version, status, protocol }) => [method, path, version, status, protocol]), [
		['POST', `/api/ledgers/${ledger}/commands`, '1', 201, 'HTTP/2.0'],
		['GET', `/api/ledgers/${ledger}/events`, '', 200, 'HTTP/2.0'],
		['GET', `/api/ledgers/${ledger}/states/1`, '1', 200, 'HTTP/2.0'],
		['GET', `/sse/ledgers/${ledger}`, '1', 200, 'HTTP/2.0'],
	]);
	assert.doesNotMatch(logText(), /secret|anna|Basic/);
});
