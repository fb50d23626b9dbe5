// Refusals: methods, media types, origins, parameters; the program's and nginx's own in one form.

import assert from 'node:assert/strict';
import { before } from 'node:test';

import { append, base, get, newLedger, fill, post, problem, raw, request, test, versionOf } from './client.mjs';

const ledger = newLedger();
const command = JSON.stringify(append('x'));
const send = (headers) => request('POST', `/api/ledgers/${ledger}/commands`, { headers, body: command });

before(() => fill(ledger, 'a'));

// ---- methods

const reading = [
	'/api/ledgers', `/api/ledgers/${ledger}`, `/api/ledgers/${ledger}/states`, `/api/ledgers/${ledger}/states/1`, `/api/ledgers/${ledger}/events`,
	`/api/ledgers/${ledger}/events/1`, `/api/ledgers/${ledger}/diff`, '/healthz', '/metrics/ledger',
];
const writing = `/api/ledgers/${ledger}/commands`;
const methods = (answer) => answer.headers.allow.split(/,\s*/).sort();

for (const [paths, refused, allowed] of [
	[reading, ['POST', 'PUT', 'PATCH', 'DELETE'], ['GET', 'HEAD', 'OPTIONS']],
	[[writing], ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'], ['OPTIONS', 'POST']],
]) {
	for (const path of paths) {
		const shown = path.replace(ledger, '{ledger}');

		test(`${shown} knows only ${allowed.join(', ')}`, async () => {
			for (const method of refused) {
				const answer = await request(method, path, { headers: { 'Content-Type': 'application/json' }, body: method === 'HEAD' ? undefined : command });
				assert.equal(answer.status, 405, method);
				assert.deepEqual(methods(answer), allowed, method);
				if (method !== 'HEAD') {
					problem(answer, 405);
				}
			}
		});

		test(`OPTIONS of ${shown} says so`, async () => {
			const answer = await request('OPTIONS', path);
			assert.equal(answer.status, 204);
			assert.deepEqual(methods(answer), allowed);
			assert.equal(answer.bytes.length, 0);
			assert.equal(answer.headers['access-control-allow-origin'], undefined);
		});
	}
}

test('the page knows GET and HEAD', async () => {
	for (const method of ['POST', 'PUT', 'DELETE']) {
		const answer = await request(method, '/', { body: '' });
		problem(answer, 405);
		assert.deepEqual(methods(answer), ['GET', 'HEAD']);
	}
});

test('nothing was changed by any method', async () => {
	assert.equal(await versionOf(ledger), 1);
});

test('an unknown method is refused', async () => {
	const answer = await raw(`BREW /api/ledgers/${ledger} HTTP/1.1\r\nHost: ${base.host}\r\nConnection: close\r\n\r\n`);
	assert.ok([400, 405, 501].includes(answer.status), `${answer.status}`);
	problem(answer, answer.status);
});

// ---- what a POST must say

for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json-patch+json', 'application/problem+json', 'json', 'text/json', '']) {
	test(`Content-Type "${type}" is refused`, async () => {
		problem(await send({ 'Content-Type': type }), 415);
		assert.equal(await versionOf(ledger), 1);
	});
}

test('no Content-Type is refused', async () => {
	problem(await send({}), 415);
});

test('Content-Type may have parameters and capitals', async () => {
	for (const type of ['application/json', 'application/json; charset=utf-8', 'application/json;charset=UTF-8', 'Application/JSON']) {
		assert.equal((await post(newLedger(), append('x'), { 'Content-Type': type })).status, 201, type);
	}
});

const own = `http://${base.host}`;
for (const origin of ['null', 'http://evil.example', 'http://127.0.0.1', `http://127.0.0.1:${Number(base.port) + 1}`, `http://localhost:${base.port}`,
	`${own}.evil.example`, `http://evil.example/${base.host}`, `http://user@${base.host}`, `${own}/`, `file://${base.host}`, base.host, 'http://']) {
	test(`a POST from the origin "${origin}" is refused`, async () => {
		const answer = await send({ 'Content-Type': 'application/json', Origin: origin });
		problem(answer, 403);
		assert.equal(await versionOf(ledger), 1);
		assert.equal(answer.headers['access-control-allow-origin'], undefined);
	});
}

test('a POST from the own origin is let in', async () => {
	assert.equal((await post(newLedger(), append('x'), { Origin: own })).status, 201);
	const headers = { Host: `localhost:${base.port}`, Origin: `http://localhost:${base.port}` };
	assert.equal((await post(newLedger(), append('x'), headers)).status, 201);
	assert.equal((await post(newLedger(), append('x'), { Host: 'localhost', Origin: 'http://localhost' })).status, 201);
	assert.equal((await post(newLedger(), append('x'), { Host: 'localhost', Origin: 'https://localhost:443' })).status, 201, 'TLS ends before us');
});

test('a GET from another origin is answered, without a word of CORS', async () => {
	const answer = await get(`/api/ledgers/${ledger}`, { Origin: 'http://evil.example' });
	assert.equal(answer.status, 200);
	assert.deepEqual(Object.keys(answer.headers).filter((name) => name.startsWith('access-control')), []);
});

test('a preflight is answered without a word of CORS', async () => {
	const answer = await request('OPTIONS', writing, {
		headers: { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' },
	});
	assert.equal(answer.status, 204);
	assert.deepEqual(Object.keys(answer.headers).filter((name) => name.startsWith('access-control')), []);
});

// ---- query parameters

for (const path of [...reading, writing]) {
	test(`${path.replace(ledger, '{ledger}')} refuses unknown and repeated parameters`, async () => {
		const ask = (query) => (path === writing
			? request('POST', path + query, { headers: { 'Content-Type': 'application/json' }, body: command }) : get(path + query));
		problem(await ask('?wrong=1'), 400, { field: 'wrong' });
		problem(await ask('?Limit=1'), 400, { field: 'Limit' });
		problem(await ask('?wrong'), 400, { field: 'wrong' });
		problem(await ask('?%77rong=1'), 400, { field: 'wrong' });
		problem(await ask('?&'), 400);
		problem(await ask('?=1'), 400);
		problem(await ask('?%zz=1'), 400);
	});
}

for (const [path, name] of [
	['/api/ledgers', 'limit=1'], [`/api/ledgers/${ledger}`, 'limit=1'], [`/api/ledgers/${ledger}/states/1`, 'log=0'], [`/api/ledgers/${ledger}/states`, 'at=2026-01-01T00:00:00Z'],
	[`/api/ledgers/${ledger}/events`, 'version=1'], [`/api/ledgers/${ledger}/events`, 'q=a'], [`/api/ledgers/${ledger}/diff`, 'to=1'],
]) {
	test(`${path.replace(ledger, '{ledger}')} refuses ${name} twice`, async () => {
		problem(await get(`${path}?${name}&${name}`), 400, { field: name.split('=')[0] });
	});
}

test('an empty query is no query', async () => {
	assert.equal((await get(`/api/ledgers/${ledger}?`)).status, 200);
});

// ---- nginx's own refusals

test('a name that is not ours is 421', async () => {
	for (const host of ['evil.example', `evil.example:${base.port}`, '127.0.0.2', 'localhost.evil.example', '169.254.169.254']) {
		for (const path of ['/', `/api/ledgers/${ledger}`, '/healthz', '/metrics/ledger']) {
			problem(await get(path, { Host: host }), 421);
		}
		problem(await post(ledger, append('x'), { Host: host }), 421);
	}
	assert.equal(await versionOf(ledger), 1);
});

test('our names are localhost and 127.0.0.1, with the port or without', async () => {
	for (const host of ['localhost', `localhost:${base.port}`, '127.0.0.1', base.host, 'LOCALHOST']) {
		assert.equal((await get('/healthz', { Host: host })).status, 200, host);
	}
});

test('no name at all is not ours either', async () => {
	const answer = await raw('GET /api/ledgers HTTP/1.0\r\n\r\n');
	assert.equal(answer.status, 421);
	problem(answer, 421);
	problem(await raw('GET /api/ledgers HTTP/1.1\r\nConnection: close\r\n\r\n'), 400);
});

test('a request line that is too long is 414', async () => {
	problem(await get(`/api/ledgers/${ledger}/events?q=${'a'.repeat(20_000)}`), 414);
});

test('a header that is too large is 431 or 400', async () => {
	const answer = await get(`/api/ledgers/${ledger}`, { 'X-Large': 'a'.repeat(12_000), 'X-Larger': 'a'.repeat(12_000) });
	assert.ok([400, 431].includes(answer.status), `${answer.status}`);
	problem(answer, answer.status);
});

test('what is no HTTP is 400', async () => {
	problem(await raw(`GET /api/ledgers HTTP/1.1\r\nHost: ${base.host}\r\nno header\x00\r\nConnection: close\r\n\r\n`), 400);
});

test('a length that is none is 400', async () => {
	problem(await raw(`POST ${writing} HTTP/1.1\r\nHost: ${base.host}\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n`), 400);
});

test('nothing leads out of the folder of the page', async () => {
	for (const path of ['/../nginx.conf', '/assets/../../nginx/nginx.conf', '/assets/%2e%2e/%2e%2e/nginx/nginx.conf', '/.git/config', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd']) {
		const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: ${base.host}\r\nConnection: close\r\n\r\n`);
		assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
		problem(answer, answer.status);
	}
});

test('a part of a state is not asked for by Range', async () => {
	const answer = await get(`/api/ledgers/${ledger}`, { Range: 'bytes=0-3' });
	assert.equal(answer.status, 200);
	assert.equal(answer.json.version, 1);
});
