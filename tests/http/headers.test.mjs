// Security headers on everything, and nobody becomes somebody by a header.

import assert from 'node:assert/strict';

import { append, apply, fill, get, logName, newLedger, post, raw, base, request, test } from './client.mjs';

const expected = {
	'x-content-type-options': /^nosniff$/,
	'referrer-policy': /^no-referrer$/,
	'cross-origin-opener-policy': /^same-origin$/,
	'cross-origin-resource-policy': /^same-origin$/,
	'permissions-policy': /camera=\(\)/,
	'content-security-policy': /^default-src 'none'; .*frame-ancestors 'none'/,
};

async function answers() {
	const ledger = newLedger();
	await fill(ledger, 'a');
	const log = await logName();
	const { headers: { etag } } = await get(`/api/ledgers/${ledger}`);
	const cached = `/api/ledgers/${ledger}/states/1?log=${log}`;
	await get(cached);
	return {
		'the page': await get('/'),
		'the page of a ledger': await get('/l/main'),
		'the head': await get(`/api/ledgers/${ledger}`),
		'a 304': await get(`/api/ledgers/${ledger}`, { 'If-None-Match': etag }),
		'a state from the cache': await get(cached),
		'a 304 from the cache': await get(cached, { 'If-None-Match': etag }),
		'a redirection': await get(`/api/ledgers/${ledger}/states?at=2026-01-01T00:00:00Z`),
		'a command': await post(ledger, append('x')),
		'a 204': await request('OPTIONS', `/api/ledgers/${ledger}`),
		'a 400 of the program': await get(`/api/ledgers/${ledger}?x=1`),
		'a 403 of the program': await post(ledger, append('x'), { Origin: 'null' }),
		'a 404 of the program': await get(`/api/ledgers/${ledger}/states/99`),
		'a 405 of the program': await request('DELETE', `/api/ledgers/${ledger}`),
		'a 415 of the program': await post(ledger, append('x'), { 'Content-Type': 'text/plain' }),
		'a 404 of nginx': await get('/nothing'),
		'a 405 of nginx': await request('POST', '/', { body: '' }),
		'a 413 of nginx': await raw(`POST /api/ledgers/${ledger}/commands HTTP/1.1\r\nHost: ${base.host}\r\nContent-Length: 99999999\r\n\r\n`),
		'a 414 of nginx': await get(`/${'a'.repeat(20_000)}`),
		'a 421 of nginx': await get('/', { Host: 'evil.example' }),
		'the health': await get('/healthz'),
		'the metrics': await get('/metrics/ledger'),
	};
}

test('security headers are on the page, on answers and on refusals', async () => {
	for (const [what, { headers }] of Object.entries(await answers())) {
		for (const [name, pattern] of Object.entries(expected)) {
			assert.match(headers[name] ?? '', pattern, `${name} of ${what}`);
		}
	}
});

test('the policy allows no inline script, no evaluation and no other origin', async () => {
	const { headers } = await get('/');
	const policy = headers['content-security-policy'];
	assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/);
	for (const part of ["script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'"]) {
		assert.ok(policy.split('; ').includes(part), part);
	}
});

test('no header of CORS is anywhere', async () => {
	for (const [what, { headers }] of Object.entries(await answers())) {
		assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control')), [], what);
	}
});

test('each header is said once, and none says which version runs here', async () => {
	for (const [what, { headers }] of Object.entries(await answers())) {
		for (const name of ['cache-control', 'content-type', 'content-security-policy', 'etag', 'x-content-type-options']) {
			assert.doesNotMatch(headers[name] ?? '', /nosniff, |default-src.*default-src|json, app|no-store, no/, `${name} of ${what}`);
		}
		assert.doesNotMatch(headers.server ?? '', /\d/, what);
		assert.equal(headers['x-powered-by'], undefined, what);
		assert.equal(headers.status, undefined, what);
	}
});

test('no answer sets a cookie', async () => {
	for (const [what, { headers }] of Object.entries(await answers())) {
		assert.equal(headers['set-cookie'], undefined, what);
	}
});

test('what a client claims to be never becomes the actor', async () => {
	const claims = {
		EVENTLEDGER_ACTOR: 'mallory', 'Eventledger-Actor': 'mallory', 'X-Eventledger-Actor': 'mallory', Actor: 'mallory',
		Authorization: `Basic ${Buffer.from('mallory:secret').toString('base64')}`, 'Remote-User': 'mallory', REMOTE_USER: 'mallory', 'X-Remote-User': 'mallory',
		'X-Forwarded-User': 'mallory', 'X-Auth-Request-User': 'mallory', From: 'mallory', Cookie: 'user=mallory', HTTP_EVENTLEDGER_ACTOR: 'mallory',
	};
	for (const [name, value] of Object.entries(claims)) {
		const { events: [event] } = await apply(newLedger(), append('x'), { [name]: value });
		assert.equal(event.actor, null, name);
	}
	assert.equal((await apply(newLedger(), append('x'), claims)).events[0].actor, null);
});

test('a header cannot pose as another parameter of the program', async () => {
	const ledger = newLedger();
	const answer = await post(ledger, append('x'), { 'Request-Method': 'GET', Request_Uri: '/healthz', 'X-Request-Uri': '/healthz', Proxy: 'http://evil.example' });
	assert.equal(answer.status, 201);
});
