// What may break around a stream, and what its client sees of it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, afterEach, before, test } from 'node:test';

import { EventSource } from 'eventsource';

import {
	append, appendEach, appendMany, heartbeat, logName, metric, newLedger, pause, port, socket, sql, startDatabase, startSite, startStreams, startSupervised,
	stopDatabase, stopSite, stopStreams, streamsLog, streamsMemory, until,
} from './site.mjs';
import { Stream, open, range } from './stream.mjs';

before(startSite, { timeout: 60_000 });
after(stopSite, { timeout: 60_000 });
afterEach(() => Stream.closeAll());

const endListening = () => sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sse.fcgi'");

test('an event that was not announced is found by the poll within its second, and counted', async () => {
	const ledger = newLedger();
	const stream = open(ledger);
	await stream.live();
	await append(ledger);
	await stream.reach(1);
	await pause(1200); // whatever was suspected before is settled
	const missed = await metric('missed_notifications_total');
	const sent = performance.now();
	await sql(`SELECT test.append('${ledger}', 10, false)`);
	await stream.reach(2, 2500);
	assert.ok(performance.now() - sent < 2000, `${performance.now() - sent} ms`);
	await until(async () => await metric('missed_notifications_total') === missed + 1, 'it is counted');
	await append(ledger);
	await stream.reach(3);
	await pause(2200);
	assert.equal(await metric('missed_notifications_total'), missed + 1, 'one that was announced is not');
	stream.close();
});

test('when its connection is ended, the tail comes back and misses nothing', async () => {
	const ledger = newLedger();
	const stream = open(ledger);
	await stream.live();
	const reconnects = await metric('database_reconnects_total');
	const missed = await metric('missed_notifications_total');
	for (let round = 0; round < 3; round++) {
		await Promise.all([endListening(), appendEach(ledger, 10)]);
		await append(ledger);
		await stream.reach(11 * (round + 1));
	}
	assert.deepEqual(stream.versions, range(1, 33));
	assert.deepEqual(stream.of('reset'), []);
	await until(async () => await metric('database_reconnects_total') === reconnects + 3, 'three connections more');
	await pause(1500);
	assert.equal(await metric('missed_notifications_total'), missed, 'what came while it was away counts as nothing missed');
	assert.match(streamsLog(), /^level=error msg="the log cannot be read" reason="/m);
	assert.match(streamsLog(), /^level=info msg="the log can be read again"/m);
	stream.close();
});

test('a past that cannot be read in time is given up: its readers load the state, the others go on', async () => {
	const [slow, quick] = [newLedger(), newLedger()];
	await appendEach(slow, 5);
	await append(quick);
	const beside = open(quick);
	await beside.live();
	const [[stream]] = await sql(`SELECT stream_id FROM es.streams WHERE name = '${slow}'`);
	await sql(`CREATE OR REPLACE FUNCTION es.event_changes(stream bigint, version bigint)
		RETURNS TABLE (key text, value jsonb, origin bigint) LANGUAGE plpgsql STABLE AS $$ BEGIN
			IF stream = ${stream} AND version <= 5 THEN PERFORM pg_sleep(60); END IF;
			RETURN QUERY SELECT f.key, f.value, f.origin FROM es.facts AS f WHERE f.stream_id = stream AND f.since = version;
		END $$`);
	try {
		const late = open(slow, '?after=1');
		await until(() => late.of('reset').length > 0, 'it is told to load the state', 30_000);
		assert.deepEqual(late.of('reset')[0].data, { version: 5, log: await logName() });
		const sent = performance.now();
		await Promise.all([append(slow), append(quick)]);
		await Promise.all([late.reach(6), beside.reach(2)]);
		assert.ok(performance.now() - sent < 3000, `${performance.now() - sent} ms`);
		assert.deepEqual(beside.of('reset'), []);
	} finally {
		await sql(readFileSync(new URL('../../sql/functions/event_changes.sql', import.meta.url), 'utf8'));
	}
	await until(async () => await metric('database_connected') === 1, 'it is connected');
});

test('the database away and back costs subscribers nothing but delay', async () => {
	const ledger = newLedger();
	await append(ledger);
	const stream = open(ledger, '?after=0');
	const beside = open(newLedger(), '?after=0');
	await Promise.all([stream.live(), beside.live()]);
	stopDatabase();
	let late;
	try {
		const heads = stream.of('head').length;
		await until(async () => await metric('database_connected') === 0, 'it is noticed');
		await stream.until(() => stream.of('head').length >= heads + 2, 'heartbeats go on', 4000 * heartbeat);
		assert.deepEqual(stream.of('head').at(-1).data.version, 1, 'with the last head known');
		late = open(newLedger());
		const known = open(ledger, '?after=0');
		await known.live();
		assert.deepEqual(known.versions, [1], 'what is in memory is served');
		known.close();
		await late.until(() => late.frames.some((frame) => frame.comment !== undefined), 'a comment', 3000 * heartbeat);
		assert.equal(late.status, 200, 'a newcomer is let in and kept alive');
		assert.deepEqual(late.of('head'), []);
	} finally {
		startDatabase();
	}
	await late.live();
	await append(ledger);
	await stream.reach(2);
	assert.deepEqual(stream.versions, [1, 2]);
	assert.deepEqual([stream.ended, beside.ended, stream.of('reset').length], [false, false, 0]);
	for (const each of [stream, beside, late]) {
		each.close();
	}
});

test('another log resets everybody, also downwards', async () => {
	const ledgers = [newLedger(), newLedger(), newLedger()];
	await appendMany(ledgers[0], 5);
	await appendMany(ledgers[1], 3);
	const streams = ledgers.map((ledger) => open(ledger));
	await Promise.all(streams.map((stream) => stream.live()));
	const changes = await metric('log_changes_total');

	await sql('SELECT es.renew_log()');
	const log = await logName();
	await Promise.all(streams.map((stream) => stream.until(() => stream.of('reset').length === 1, 'a reset')));
	assert.deepEqual(streams.map((stream) => stream.of('reset')[0].data), [5, 3, 0].map((version) => ({ version, log })));
	assert.equal(await metric('log_changes_total'), changes + 1);

	// a backup from before: the same log, but what was sent last is not there
	await sql(`ALTER TABLE es.events DISABLE TRIGGER USER; ALTER TABLE es.facts DISABLE TRIGGER USER;
		DELETE FROM es.events WHERE version > 2 AND stream_id IN (SELECT stream_id FROM es.streams WHERE name IN ('${ledgers.join("','")}'));
		DELETE FROM es.facts WHERE since > 2 AND stream_id IN (SELECT stream_id FROM es.streams WHERE name IN ('${ledgers.join("','")}'));
		ALTER TABLE es.events ENABLE TRIGGER USER; ALTER TABLE es.facts ENABLE TRIGGER USER`);
	await Promise.all(streams.map((stream) => stream.until(() => stream.of('reset').length === 2, 'another reset')));
	assert.deepEqual(streams.map((stream) => stream.of('reset')[1].data.version), [2, 2, 0]);
	for (const [index, stream] of streams.entries()) {
		const head = stream.of('head').at(-1).data.version;
		await append(ledgers[index]);
		await stream.reach(head + 1);
		assert.equal(stream.versions.at(-1), [3, 3, 1][index], 'and it goes on from there');
		assert.equal(stream.ended, false);
		stream.close();
	}
});

test('half a request holds nobody up', async () => {
	const ledger = newLedger();
	const stream = open(ledger);
	await stream.live();
	// BEGIN_REQUEST, and parameters of which only a part ever comes
	const half = Buffer.from([1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 200, 0, 0, 14, 3]);
	const holding = range(1, 20).map(() => net.connect(socket, function send() { this.write(half); }));
	const getValues = net.connect(socket, function send() { this.write(Buffer.from([1, 9, 0, 0, 0, 4, 0, 0, 2, 0, 65, 66])); });
	await new Promise((resolve) => { getValues.on('error', () => {}).on('close', resolve); });
	await append(ledger);
	const sent = performance.now();
	await stream.reach(1);
	const other = open(ledger, '?after=0');
	await other.live();
	assert.ok(performance.now() - sent < 1000);
	for (const connection of holding) {
		connection.destroy();
	}
	stream.close();
	other.close();
});

test('clients that never read are closed after 10 s without progress, and take no memory of the program', async () => {
	const ledger = newLedger();
	await append(ledger);
	const good = open(ledger);
	await good.live();
	const closes = await metric('slow_closes_total');
	const count = 40;
	const deaf = [];
	for (const _ of range(1, count)) {
		const connection = net.connect(port, '127.0.0.1');
		connection.on('error', () => {});
		connection.pause();
		connection.write(`GET /sse/ledgers/${ledger} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
		deaf.push(connection);
	}
	await until(async () => await metric('subscribers') >= count + 1, 'all are subscribed');
	const memory = streamsMemory();
	for (let round = 1; round <= 10; round++) {
		await appendMany(ledger, 20, 10_000);
		await good.reach(1 + 20 * round);
	}
	const grown = streamsMemory() - memory;
	assert.ok(grown < 16 * 1024, `${grown} KiB more for ${count} clients that were sent 4 MB each`);
	await until(async () => await metric('slow_closes_total') >= closes + count, 'they are closed', 16_000);
	assert.equal(await metric('slow_closes_total'), closes + count, 'and nobody else is');
	assert.equal(good.ended, false);
	assert.deepEqual(good.versions, range(2, 201));
	for (const connection of deaf) {
		connection.destroy();
	}
	good.close();
});

/** An EventSource that nobody here wrote, with the check that every page makes. */
function watch(ledger) {
	const seen = { versions: [], resets: 0, heads: 0, errors: 0, source: new EventSource(`http://127.0.0.1:${port}/sse/ledgers/${ledger}?after=0`) };
	seen.source.onmessage = (message) => {
		assert.equal(Number(message.lastEventId), JSON.parse(message.data).version);
		seen.versions.push(Number(message.lastEventId));
	};
	seen.source.addEventListener('reset', () => { seen.resets++; });
	seen.source.addEventListener('head', () => { seen.heads++; });
	seen.source.onerror = () => { seen.errors++; };
	return seen;
}

test('killed and started again, every EventSource is complete within seconds, nothing missed, nothing doubled', async () => {
	const ledger = newLedger();
	const seen = range(1, 10).map(() => watch(ledger));
	await appendMany(ledger, 5);
	await until(() => seen.every((each) => each.versions.length === 5), 'all live');
	for (let round = 0; round < 2; round++) {
		const ended = await stopStreams('SIGKILL');
		assert.equal(ended.signal, 'SIGKILL');
		await appendMany(ledger, 5);
		await pause(round * 1500); // long enough for some to be told to try again by nginx
		await startStreams();
		await appendMany(ledger, 5);
	}
	const restarted = performance.now();
	await until(() => seen.every((each) => each.versions.at(-1) === 25), 'all complete', 8000);
	assert.ok(performance.now() - restarted < 8000);
	for (const each of seen) {
		assert.deepEqual(each.versions, range(1, 25));
		assert.equal(each.resets, 0);
		assert.ok(each.errors >= 1, 'it did lose its connection');
		each.source.close();
	}
});

test('while the program is down, nginx answers with a stream that says when to try again', async () => {
	await stopStreams('SIGKILL');
	const stream = open(newLedger());
	await stream.end();
	assert.equal(stream.status, 200);
	assert.match(stream.headers['content-type'], /^text\/event-stream\b/);
	assert.ok(Number(stream.frames[0].retry) >= 1000);
	await startStreams();
});

test('SIGTERM ends the streams in good order, spread, and the program with status 0', async () => {
	const ledger = newLedger();
	await append(ledger);
	const streams = range(1, 200).map(() => open(ledger));
	await Promise.all(streams.map((stream) => stream.live()));
	const asked = performance.now();
	const stopping = stopStreams('SIGTERM');
	await append(ledger);
	const ended = await stopping;
	const took = performance.now() - asked;
	assert.deepEqual(ended, { status: 0, signal: null });
	assert.ok(took < 10_000, `${took} ms`);
	await Promise.all(streams.map((stream) => stream.end()));
	const times = streams.map((stream) => stream.endedAt - asked).sort((one, other) => one - other);
	assert.ok(times.at(-1) - times[0] > 500, `all within ${times.at(-1) - times[0]} ms`);
	const most = Math.max(...times.map((time) => times.filter((other) => other >= time && other < time + 40).length));
	assert.ok(most <= 60, `${most} at once`);
	assert.ok(streams.some((stream) => stream.last === 2), 'those not yet ended still live');
	await startStreams();
	const resumed = open(ledger, '', { lastEventId: 1 });
	await resumed.reach(2);
	resumed.close();
});

test('with the socket on file descriptor 0 a restart refuses nobody', async () => {
	const ledger = newLedger();
	await stopStreams('SIGTERM');
	const supervisor = await startSupervised();
	try {
		const first = open(ledger);
		await first.live();
		for (let round = 1; round <= 3; round++) {
			const killed = supervisor.program();
			process.kill(killed, 'SIGKILL');
			await until(() => supervisor.program() !== killed, 'it is gone'); // or started again already
			const waiting = range(1, 20).map(() => open(ledger, '?after=0'));
			await append(ledger);
			for (const stream of waiting) {
				await stream.reach(round);
				assert.equal(stream.status, 200);
				assert.equal(stream.headers['x-accel-buffering'], undefined);
				assert.deepEqual(stream.versions, range(1, round), 'it waited in the backlog');
				stream.close();
			}
			assert.notEqual(supervisor.program(), killed);
		}
	} finally {
		await supervisor.stop();
	}
	await startStreams();
});
