// What a client is told: each sentence of the design about the stream itself.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, afterEach, before, test } from 'node:test';

import {
	append, appendMany, heartbeat, logName, metric, newLedger, pause, port, runStreams, socket, sql, startSite, stopSite, until,
} from './site.mjs';
import { Stream, open, range } from './stream.mjs';

before(startSite, { timeout: 60_000 });
after(stopSite, { timeout: 60_000 });
afterEach(() => Stream.closeAll());

function ask(method, path, headers = {}, body = '') {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (incoming) => {
			let text = '';
			incoming.on('data', (chunk) => { text += chunk; });
			incoming.on('end', () => resolve({ status: incoming.statusCode, headers: incoming.headers, text }));
		});
		request.on('error', reject);
		request.end(body);
	});
}

test('a stream begins with its header and a random retry, then says where the log stands', async () => {
	const ledger = newLedger();
	await appendMany(ledger, 3);
	const streams = range(1, 8).map(() => open(ledger));
	for (const stream of streams) {
		const head = await stream.live();
		assert.equal(stream.status, 200);
		assert.match(stream.headers['content-type'], /^text\/event-stream\b/);
		assert.equal(stream.headers['cache-control'], 'no-store');
		assert.deepEqual(head.data, { version: 3, log: await logName() });
		assert.equal(head.id, undefined, 'a head has no id');
		assert.ok(stream.frames[0].retry !== undefined, 'retry comes first');
		const retry = Number(stream.frames[0].retry);
		assert.ok(retry >= 1000 && retry <= 5000, `retry ${retry}`);
		assert.deepEqual(stream.versions, [], 'with neither cursor, nothing from before');
		stream.close();
	}
	assert.ok(new Set(streams.map((stream) => stream.frames[0].retry)).size > 1, 'not all the same retry');
});

test('an event comes within milliseconds, with all its members and its changes', async () => {
	const ledger = newLedger();
	const stream = open(ledger);
	await stream.live();
	const put = '{"a": {"n": 1, "text": "two  blanks: \\"q\\""}, "b": [1, 2]}';
	await sql(`SELECT test.record('${ledger}', 'first', '{"content": "milk  \\u00e4\\n"}', '${put}', '{}')`,
		`SELECT test.record('${ledger}', 'second', '{}', '{"a": 2, "c": true}', '{b}')`);
	await stream.reach(2);
	const [first, second] = stream.events;
	const [row] = await sql(`SELECT e.position, e.id, e.command_id,
		to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM es.events e JOIN es.streams s USING (stream_id)
		WHERE s.name = '${ledger}' AND version = 1`);
	assert.deepEqual(first.data, {
		version: 1, position: Number(row[0]), id: row[1], type: 'first', data: { content: 'milk  \u00e4\n' }, base: 0, actor: 'Anna',
		command_id: row[2], recorded_at: row[3], changes: [
			{ key: 'a', value: { n: 1, text: 'two  blanks: "q"' }, origin: 1 },
			{ key: 'b', value: [1, 2], origin: 1 },
		],
	});
	assert.equal(first.id, '1');
	const changes = second.data.changes.sort((one, other) => one.key.localeCompare(other.key));
	assert.deepEqual(changes, [
		{ key: 'a', value: 2, origin: 2 }, { key: 'b', removed: true }, { key: 'c', value: true, origin: 2 },
	], 'a replaced fact is put, not removed');
	stream.close();
});

test('Last-Event-ID goes before after, after before live; then everything after it, the head, and live', async () => {
	const ledger = newLedger();
	await appendMany(ledger, 10);
	const streams = [
		[open(ledger, '?after=0'), range(1, 10)],
		[open(ledger, '?after=7'), [8, 9, 10]],
		[open(ledger, '?after=2', { lastEventId: 8 }), [9, 10]],
		[open(ledger, '', { lastEventId: 10 }), []],
		[open(ledger), []],
	];
	for (const [stream, missed] of streams) {
		const head = await stream.live();
		assert.deepEqual(stream.versions, missed);
		assert.equal(stream.frames.indexOf(head), missed.length + 1, 'the head comes right after the replay');
		assert.equal(head.data.version, 10);
	}
	await append(ledger);
	for (const [stream, missed] of streams) {
		await stream.reach(11);
		assert.deepEqual(stream.versions, [...missed, 11]);
		stream.close();
	}
});

test('a ledger that does not exist yet is at version 0, and its first event comes', async () => {
	const ledger = newLedger();
	const streams = [open(ledger), open(ledger, '?after=0')];
	for (const stream of streams) {
		assert.equal((await stream.live()).data.version, 0);
	}
	await append(ledger);
	for (const stream of streams) {
		await stream.reach(1);
		assert.deepEqual(stream.versions, [1]);
		stream.close();
	}
});

test('changes are sent up to 500, and up to 64 KiB; beyond, they are null', async () => {
	const ledger = newLedger();
	const stream = open(ledger);
	await stream.live();
	await sql(`SELECT test.put_many('${ledger}', 500)`, `SELECT test.put_many('${ledger}', 501)`,
		`SELECT test.put_many('${ledger}', 10, 6400)`, `SELECT test.put_many('${ledger}', 10, 6600)`);
	await stream.reach(4);
	const counts = stream.events.map((event) => event.data.changes?.length ?? null);
	assert.deepEqual(counts, [500, null, 10, null]);
	stream.close();
});

test('an event too large for a ring becomes a reset at its version', async () => {
	const ledger = newLedger();
	const stream = open(ledger);
	await stream.live();
	await sql(`SELECT test.append('${ledger}', 200000)`, `SELECT test.append('${ledger}', 300000)`, `SELECT test.append('${ledger}')`);
	await stream.reach(3);
	assert.deepEqual(stream.versions, [1, 3], 'an event over three records is sent');
	assert.equal(stream.events[0].data.data.content, 'x'.repeat(200000));
	assert.deepEqual(stream.of('reset').map((frame) => [frame.id, frame.data.version]), [['2', 2]]);
	stream.close();
});

test('a head comes with every heartbeat', async () => {
	const ledger = newLedger();
	await append(ledger);
	const stream = open(ledger);
	await stream.until(() => stream.of('head').length >= 3, 'three heads', 3500 * heartbeat);
	const heads = stream.of('head');
	assert.deepEqual(heads[2].data, { version: 1, log: await logName() });
	const gap = heads[2].at - heads[1].at;
	assert.ok(Math.abs(gap - 1000 * heartbeat) < 400 * heartbeat, `${gap} ms between two`);
	await append(ledger);
	await stream.until(() => stream.of('head').at(-1).data.version === 2, 'a head with the new version', 2500 * heartbeat);
	stream.close();
});

test('whoever cannot be served from where it stands is reset, and goes on from there', async () => {
	const ledger = newLedger();
	await appendMany(ledger, 1500);
	const reset = [
		['older than the ring', open(ledger, '?after=499')],
		['ahead of the log', open(ledger, '?after=1501')],
		['far ahead', open(ledger, '', { lastEventId: '9223372036854775807' })],
		['no version at all', open(ledger, '', { lastEventId: 'abc' })],
		['a negative one', open(ledger, '?after=3', { lastEventId: '-1' })],
	];
	const served = open(ledger, '?after=500');
	await served.live();
	assert.deepEqual(served.versions, range(501, 1500), 'a ring holds the last 1,000');
	for (const [why, stream] of reset) {
		await stream.live();
		assert.deepEqual(stream.frames.slice(0, 3).map((frame) => frame.event), [undefined, 'reset', 'head'], why);
		assert.deepEqual(stream.versions, [], why);
		assert.deepEqual(stream.of('reset')[0].data, { version: 1500, log: await logName() }, why);
		assert.equal(stream.of('reset')[0].id, '1500', why);
	}
	await append(ledger);
	for (const [why, stream] of [...reset, ['served', served]]) {
		await stream.reach(1501);
		assert.equal(stream.versions.at(-1), 1501, why);
		stream.close();
	}
});

test('a cursor below the horizon is reset, one at it is served', async () => {
	const ledger = newLedger();
	await appendMany(ledger, 20);
	await sql(`UPDATE es.streams SET horizon = 11 WHERE name = '${ledger}'`);
	const below = open(ledger, '?after=9');
	const at = open(ledger, '?after=10');
	await Promise.all([below.live(), at.live()]);
	assert.equal(below.of('reset')[0]?.data.version, 20);
	assert.deepEqual(below.versions, []);
	assert.deepEqual(at.versions, range(11, 20));
	below.close();
	at.close();
});

test('a version that was just committed is not taken for one from the future', async () => {
	const ledger = newLedger();
	await append(ledger);
	const first = open(ledger);
	await first.live();
	for (let round = 0; round < 20; round++) {
		// unannounced: the tail does not know of it yet
		const [[version]] = await sql(`SELECT test.append('${ledger}', 10, false)`);
		const stream = open(ledger, `?after=${version}`);
		await stream.live();
		assert.deepEqual(stream.of('reset'), [], `round ${round}`);
		assert.equal(stream.of('head')[0].data.version, Number(version));
		stream.close();
	}
	await first.reach(21);
	assert.deepEqual(first.versions, range(2, 21));
	first.close();
});

test('later subscribers cost no query', async () => {
	const ledger = newLedger();
	await appendMany(ledger, 200);
	const first = open(ledger, '?after=0');
	await first.live();
	const fills = await metric('fills_total');
	const scans = async () => Number((await sql(`SELECT pg_stat_clear_snapshot(); SELECT seq_scan + idx_scan FROM pg_stat_user_tables
		WHERE schemaname = 'es' AND relname = 'facts'`)).at(-1)[0]);
	const statisticsDelay = 1500; // milliseconds: a session reports what it did once a second
	await pause(statisticsDelay);
	const before = await scans();
	const streams = range(0, 199).map((version) => open(ledger, `?after=${version}`));
	for (const [index, stream] of streams.entries()) {
		await stream.live();
		assert.deepEqual(stream.versions, range(index + 1, 200));
		stream.close();
	}
	first.close();
	assert.equal(await metric('fills_total'), fills);
	await pause(statisticsDelay);
	assert.equal(await scans(), before);
});

test('a body is refused', async () => {
	const path = `/sse/ledgers/${newLedger()}`;
	assert.equal((await ask('POST', path, {}, '{}')).status, 405);
	assert.equal((await ask('POST', path, {}, 'x'.repeat(4097))).status, 405);
	assert.equal((await ask('GET', path, { 'Content-Length': '4097' }, 'x'.repeat(4097))).status, 413);
	assert.equal((await ask('POST', path, {}, 'x'.repeat((9 << 20) + 1))).status, 413);
});

test('other paths, methods and parameters are refused in the same form as everywhere', async () => {
	const ledger = newLedger();
	const refused = [
		['GET', `/sse/ledgers/${ledger}?after=x`, 400, 'after'], ['GET', `/sse/ledgers/${ledger}?after=-1`, 400, 'after'],
		['GET', `/sse/ledgers/${ledger}?after=`, 400, 'after'], ['GET', `/sse/ledgers/${ledger}?since=1`, 400, 'since'],
		['GET', `/sse/ledgers/${ledger}?after=1&after=2`, 400, 'after'], ['GET', '/sse/ledgers/Upper', 404],
		['GET', '/sse/ledgers/.dot', 404], ['GET', `/sse/ledgers/${'a'.repeat(64)}`, 404], ['GET', '/sse/ledgers/', 404],
		['GET', `/sse/ledgers/${ledger}/`, 404], ['GET', '/sse/ledgers/a%62', 404], ['GET', '/sse/', 404],
		['POST', `/sse/ledgers/${ledger}`, 405], ['DELETE', `/sse/ledgers/${ledger}`, 405],
	];
	for (const [method, path, status, field] of refused) {
		const answer = await ask(method, path);
		assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
		assert.match(answer.headers['content-type'], /^application\/problem\+json/, path);
		const problem = JSON.parse(answer.text);
		assert.equal(problem.status, status);
		assert.equal(problem.field, field, path);
		if (status === 405) {
			assert.match(answer.headers.allow, /\bGET\b.*\bHEAD\b/);
		}
	}
	const head = await ask('HEAD', `/sse/ledgers/${ledger}`);
	assert.equal(head.status, 200);
	assert.match(head.headers['content-type'], /^text\/event-stream\b/);
	assert.equal(head.headers['cache-control'], 'no-store');
	const options = await ask('OPTIONS', `/sse/ledgers/${ledger}`);
	assert.equal(options.status, 204);
	assert.match(options.headers.allow, /\bGET\b/);
	const longest = new Stream(`/sse/ledgers/${'a'.repeat(63)}`);
	await longest.live();
	longest.close();
});

test('the program explains itself, and refuses what it does not know', async () => {
	const help = await runStreams('--help');
	assert.equal(help.status, 0);
	for (const option of ['--socket', '--database', '--heartbeat', '--help', '--version']) {
		assert.ok(help.out.includes(option), option);
	}
	assert.match((await runStreams('--version')).out, /^sse\.fcgi \d+\.\d+\.\d+\n$/);
	for (const wrong of [['--nothing'], ['--heartbeat', '0'], ['--heartbeat', '31'], ['--heartbeat', 'x'], ['--socket'], ['more']]) {
		const refused = await runStreams(...wrong);
		assert.equal(refused.status, 2, wrong.join(' '));
		assert.match(refused.err, /^sse\.fcgi: .*try sse\.fcgi --help\n$/);
	}
	const second = await runStreams('--socket', socket);
	assert.equal(second.status, 1, 'where someone answers already');
	assert.ok(second.err.includes(socket));
});

test('metrics count what happens', async () => {
	const ledger = newLedger();
	await until(async () => await metric('subscribers') === 0, 'everybody has left');
	const [deliveries, events, bytes] = [await metric('deliveries_total'), await metric('events_total'), await metric('bytes_total')];
	const delays = await metric('delay_seconds_count');
	const streams = range(1, 5).map(() => open(ledger));
	await Promise.all(streams.map((stream) => stream.live()));
	assert.equal(await metric('subscribers'), 5);
	await appendMany(ledger, 3);
	await Promise.all(streams.map((stream) => stream.reach(3)));
	await until(async () => await metric('deliveries_total') === deliveries + 15, 'fifteen deliveries');
	assert.equal(await metric('events_total'), events + 3);
	assert.equal(await metric('delay_seconds_count'), delays + 3);
	assert.ok(await metric('bytes_total') > bytes + 15 * 200);
	assert.ok(await metric('ring_bytes') > 0);
	assert.equal(await metric('database_connected'), 1);
	for (const stream of streams) {
		stream.close();
	}
	await until(async () => await metric('subscribers') === 0, 'everybody has left');
});
