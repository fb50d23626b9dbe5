// Everything in containers: started with one command, taken apart while people use it, upgraded, taken down.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';

import { test as pageTest } from '../browser/browser.mjs';
import { append, contentsOf, newLedger } from '../browser/client.mjs';
import { base, get } from '../http/client.mjs';
import { Load } from './load.mjs';
import { compose, container, docker, healthy, inside, inspect, lasting, read, run, services, signal, until } from './machine.mjs';

const minutes = 60_000; // in milliseconds
const kept = newLedger(); // filled at the start, looked at after everything

after(() => compose('down', '--volumes', '--remove-orphans'));

test('docker compose up builds, starts, and gives the page', { timeout: 9 * minutes }, async () => {
	await compose('up', '--build', '--detach');
	await healthy();
	const page = await get('/');
	assert.equal(page.status, 200);
	assert.match(page.text, /<script type="module"/);
	assert.match(page.headers['content-security-policy'], /default-src 'none'/);
	assert.deepEqual(await read('/healthz'), { status: 'ok', database: 'reachable' });
	assert.equal((await get('/metrics/ledger')).status, 403, 'the metrics are not for those outside');
	assert.equal((await get('/', { Host: 'elsewhere.example' })).status, 421, 'a name that is not ours');
});

test('what runs once has ended well', async () => {
	for (const service of ['secrets', 'migrate']) {
		const { State } = await inspect(service);
		assert.deepEqual([State.Status, State.ExitCode], ['exited', 0], service);
	}
	assert.match(await docker('logs', await container('migrate')), /installed: log [0-9a-f]{8}, schema version/);
});

test('only web has a network, and only this machine reaches it', async () => {
	for (const service of services) {
		const { HostConfig, NetworkSettings } = await inspect(service);
		if (service !== 'web') {
			assert.equal(HostConfig.NetworkMode, 'none', service);
			assert.deepEqual(NetworkSettings.Ports, {}, service);
		}
	}
	assert.deepEqual((await inspect('web')).NetworkSettings.Ports, { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: base.port }] });
});

test('no container may do more than it must', async () => {
	for (const service of lasting) {
		const status = await inside(service, 'cat /proc/1/status');
		assert.match(status, /^Uid:\t(?!0\t)\d+\t/m, `${service}: not root`);
		assert.match(status, /^CapEff:\t0+$/m, `${service}: no capability`);
		assert.match(status, /^CapBnd:\t0+$/m, `${service}: none to get`);
		assert.match(status, /^NoNewPrivs:\t1$/m, service);
		await assert.rejects(inside(service, 'touch /usr/here /here'), /Read-only file system/, service);
	}
});

test('the passwords are only where they are needed', async () => {
	const password = (await inside('db', 'cat /run/secrets/database/password')).trim();
	assert.match(password, /^[0-9a-f]{48}$/);
	for (const service of services) {
		assert.ok(!JSON.stringify(await inspect(service)).includes(password), `${service} does not show it`);
		const logs = await run('bash', ['-c', 'docker logs "$1" 2>&1', 'bash', await container(service)]);
		assert.ok(!logs.includes(password), `nor log it: ${service}`);
	}
	for (const service of ['ledger', 'sse', 'web']) {
		await assert.rejects(inside(service, 'ls /run/secrets/database/password'), /No such file/, service);
	}
	for (const role of ['postgres', 'eventledger_worker']) {
		await assert.rejects(inside('db', 'psql -w -U "$1" eventledger -c "select 1"', role), /no password supplied/, role);
	}
});

test('the log can be looked at with psql, and not changed', async () => {
	await append(kept, 'milk', 'eggs');
	const psql = ['exec', '-T', 'db', 'psql', '-At', '-U', 'eventledger_reader', 'eventledger', '-c'];
	assert.equal(await compose(...psql, `select version, summary from event_log where ledger = '${kept}'`), '1|milk\n2|eggs\n');
	await assert.rejects(compose(...psql, 'delete from es.events'), /permission denied/);
});

pageTest('two pages see each other\'s changes', async ({ open }) => {
	const ledger = newLedger();
	const [one, other] = [await open(ledger), await open(ledger)];
	await Promise.all([one.live(), other.live()]);
	await one.add('milk');
	await other.shows(['milk']);
	await other.add('eggs');
	await one.shows(['milk', 'eggs']);
	await one.rewind(1);
	await one.asked();
	await one.confirm();
	await other.shows([]);
	assert.deepEqual(await contentsOf(ledger), []);
}, { timeout: 3 * minutes });

test('a program that ends is started again, and nobody is refused meanwhile', { timeout: 3 * minutes }, async () => {
	const load = new Load(4, { retries: false, subscribers: 1 });
	try {
		await load.proceeds('at the start');
		for (let round = 0; round < 3; round++) {
			const before = await signal('ledger', 'TERM', 'ledger.fcgi');
			assert.equal(before.length, 2, 'two processes, each on a socket of its own');
			await load.proceeds('both were told to end');
			await until(async () => {
				const now = await signal('ledger', '0', 'ledger.fcgi');
				return now.length === 2 && now.every((id) => !before.includes(id));
			}, 'both are others now');
		}
		await signal('sse', 'TERM', 'sse.fcgi');
		await load.proceeds('sse.fcgi was told to end');
		await load.stop();
		assert.deepEqual(load.refusals, []);
		await load.check();
	} finally {
		await load.close();
	}
});

/** What is done to it while people use it.  Each may cost a retry, and nothing else. */
const troubles = {
	'ledger.fcgi is killed': () => signal('ledger', 'KILL', 'ledger.fcgi'),
	'sse.fcgi is killed': () => signal('sse', 'KILL', 'sse.fcgi'),
	'nginx is killed': () => signal('web', 'KILL', 'nginx'),
	'the container of ledger crashes': () => crash('ledger'),
	'the container of web crashes': () => crash('web'),
	'the container of the database crashes': () => crash('db'),
	'sse is killed by hand, and started': async () => {
		await docker('kill', await container('sse'));
		await compose('up', '--detach', '--no-build');
	},
	'the database is killed by hand, and started': async () => {
		await docker('kill', await container('db'));
		await until(async () => (await get('/healthz')).json.database === 'unreachable', 'the programs notice');
		await compose('up', '--detach', '--no-build');
	},
	'everything is restarted': () => compose('restart'),
	'another number of processes': async () => {
		await run('docker-compose', ['up', '--detach', '--no-build'], { EVENTLEDGER_PROCESSES: '4' });
		assert.equal((await signal('ledger', '0', 'ledger.fcgi')).length, 4);
		assert.equal((await inside('web', 'nginx -p /run/nginx/ -c nginx.conf -T 2>/dev/null | grep -c "server unix:.*ledger-"')).trim(), '4');
	},
	'a password that comes too late, and other names': async () => {
		await run('docker-compose', ['up', '--detach', '--no-build'], {
			POSTGRES_PASSWORD: 'another: one', EVENTLEDGER_NAMES: 'ledger.example.org 127.0.0.1 localhost',
		});
		await healthy();
		assert.match(await docker('logs', await container('secrets')), /counts with the first start only/);
	},
	'an upgrade': async () => {
		// of the functions, too: they and their triggers are made anew while everybody writes
		appendFileSync(`${process.env.EVENTLEDGER_SOURCE}/sql/functions/append.sql`, '-- of another release\n');
		const file = `${process.env.EVENTLEDGER_SOURCE}/configure.ac`;
		writeFileSync(file, readFileSync(file, 'utf8').replace(/^(AC_INIT\(\[eventledger\], \[)[^\]]*/m, '$199.0.0'));
		await compose('up', '--build', '--detach');
		for (const [service, program] of [['ledger', 'ledger.fcgi'], ['sse', 'sse.fcgi'], ['web', 'eventledger-hold']]) {
			assert.match(await inside(service, '"/usr/libexec/eventledger/$1" --version', program), /99\.0\.0/, service);
		}
	},
};

/** Kills the first process of a container from outside: Docker starts the container again by itself. */
async function crash(service) {
	const { State, RestartCount } = await inspect(service);
	process.kill(State.Pid, 'SIGKILL');
	await until(async () => (await inspect(service)).RestartCount > RestartCount, `${service} is started again`);
}

pageTest('through crashes, restarts and an upgrade nothing acknowledged is lost, and every page catches up', async ({ open }) => {
	const load = new Load(4, { subscribers: 3 });
	const ledger = newLedger();
	const items = [];
	try {
		const page = await open(ledger);
		await page.live();
		for (const [trouble, cause] of Object.entries(troubles)) {
			await Promise.race([cause(), load.ended]);
			await load.proceeds(trouble);
			await healthy();
			items.push(trouble);
			await append(ledger, trouble);
			await page.shows(items);
		}
		await load.stop();
		await load.check();
		assert.ok(load.acknowledged.length > 500, `${load.acknowledged.length} commands`);
	} finally {
		await load.close();
	}
}, { timeout: 12 * minutes });

test('down and up keeps the log', { timeout: 2 * minutes }, async () => {
	const before = await read(`/api/ledgers/${kept}`);
	await compose('down');
	assert.equal(await docker('ps', '--all', '--quiet', '--filter', 'label=com.docker.compose.project'), '', 'no container is left');
	await compose('up', '--detach', '--no-build');
	assert.deepEqual(await read(`/api/ledgers/${kept}`), before);
	assert.deepEqual(before.items.map(({ content }) => content), ['milk', 'eggs']);
});

test('every program stops in time when it is told to', { timeout: 2 * minutes }, async () => {
	await compose('stop');
	for (const service of lasting) {
		const { State } = await inspect(service);
		assert.equal(State.ExitCode, 0, `${service} ended by itself`);
	}
});
