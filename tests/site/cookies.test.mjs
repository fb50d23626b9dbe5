// The site with a service that knows who is signed in: auth_request, as site.conf shows it.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before } from 'node:test';

import { actorOf, ask as askSite, command as commandSite, newLedger, problem, test, verifier, versionOf } from './client.mjs';

const site = 'cookies.example.org';
const cookie = (who) => ({ Cookie: `session=${who}-token` });
const ask = (path, options = {}) => askSite(path, { site, ...options });
const command = (ledger, options = {}) => commandSite(ledger, 'x', { site, ...options });
let service;

before(() => new Promise((resolve) => {
	service = http.createServer((request, answer) => {
		const who = /(?:^|; )session=(anna|Jürgen)-token$/.exec(Buffer.from(request.headers.cookie ?? '', 'latin1').toString())?.[1];
		assert.equal(request.method, 'GET');
		answer.writeHead(who === undefined ? 401 : 202, who === undefined ? {} : { 'X-Auth-Request-User': Buffer.from(who).toString('latin1') }).end();
	}).listen(verifier, '127.0.0.1', resolve);
}));
after(() => new Promise((resolve) => {
	service.close(resolve);
	service.closeAllConnections();
}));

test('the service says who it is', async () => {
	for (const who of ['anna', 'Jürgen']) {
		assert.deepEqual((await ask('/api/session', { headers: cookie(who) })).json, { actor: who, writable: true });
		assert.equal(await actorOf(newLedger(), { site, headers: cookie(who) }), who);
	}
});

test('whom it does not know is a guest, whatever they claim', async () => {
	const ledger = newLedger();
	const claims = [{}, cookie('mallory'), { 'X-Auth-Request-User': 'anna' }, { Authorization: `Basic ${Buffer.from('anna:anna secret').toString('base64')}` }];
	for (const headers of claims) {
		assert.deepEqual((await ask('/api/session', { headers })).json, { actor: null, writable: false });
		problem(await command(ledger, { headers }), 403, 'read-only');
		assert.equal((await ask(`/api/ledgers/${ledger}`, { headers })).status, 200);
	}
	assert.equal(await versionOf(ledger), 0);
	assert.equal(await actorOf(ledger, { site, headers: { ...cookie('anna'), 'X-Auth-Request-User': 'mallory' } }), 'anna');
});

test('neither names nor cookies cross from one person to another, cached states included', async () => {
	const ledger = newLedger();
	assert.equal(await actorOf(ledger, { site, headers: cookie('anna') }), 'anna');
	const { log } = (await ask(`/api/ledgers/${ledger}`)).json;
	const paths = ['/api/session', `/api/ledgers/${ledger}/states/1?log=${log}`, `/api/ledgers/${ledger}`];
	const who = (index) => ['anna', 'Jürgen', 'nobody'][index % 3];
	const answers = await Promise.all(Array.from({ length: 45 }, (_, index) => ask(paths[index % 5 % 3], { headers: cookie(who(index)) })));
	answers.forEach((answer, index) => {
		assert.equal(answer.status, 200);
		assert.equal(answer.headers['set-cookie'], undefined);
		if (index % 5 % 3 === 0) {
			assert.equal(answer.json.actor, who(index) === 'nobody' ? null : who(index));
		} else {
			assert.doesNotMatch(answer.body, /anna|actor|token/);
		}
	});
});

test('signing in leads to the service', async () => {
	const answer = await ask('/sign-in?ledger=groceries');
	assert.equal(answer.status, 303);
	assert.equal(answer.headers.location, '/oauth2/start?rd=/l/groceries');
});
