// A thousand subscribers: every event exactly once and in order to each of them, while programs are killed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
	append, appendEach, appendMany, metric, newLedger, sql, startSite, startStreams, stopSite, stopStreams, streamsMemory, until,
} from './site.mjs';
import { open } from './stream.mjs';

const crowd = 1000;

before(startSite, { timeout: 60_000 });
after(stopSite, { timeout: 60_000 });

/** One who comes back by id, as a browser does, and checks what every page checks. */
class Follower {
	last;
	resets = 0;
	reconnects = -1;
	stopped = false;

	constructor(ledger, version) {
		this.ledger = ledger;
		this.last = version;
		this.#connect();
	}

	#connect() {
		this.reconnects++;
		const stream = open(this.ledger, '', { lastEventId: this.last, keep: false });
		stream.last = this.last;
		this.stream = stream;
		stream.end(120_000).then(() => {
			this.#note();
			if (!this.stopped) {
				setTimeout(() => this.#connect(), 100 + Math.random() * 400);
			}
		}, () => {});
	}

	#note() {
		this.last = this.stream.last;
		this.disorder ??= this.stream.disorder;
	}

	get version() {
		return this.stream.last;
	}

	stop() {
		this.#note();
		this.stopped = true;
		this.stream.close();
	}
}

let ledger;
let followers;

test('a thousand subscribe', { timeout: 60_000 }, async () => {
	ledger = newLedger();
	await append(ledger);
	const first = open(ledger);
	await first.live();
	const memory = streamsMemory();
	followers = Array.from({ length: crowd }, () => new Follower(ledger, 1));
	await until(async () => await metric('subscribers') === crowd + 1, 'all are there');
	first.close();
	const each = (streamsMemory() - memory) / crowd;
	assert.ok(each <= 1.25, `${each.toFixed(2)} KiB of memory for each, what the allocator keeps included`);
	assert.ok(await metric('fills_total') <= 1, 'with one query');
});

test('single events and bursts reach all, once and in order', { timeout: 120_000 }, async () => {
	await appendEach(ledger, 20);
	await until(() => followers.every((each) => each.version === 21), 'single events');
	await appendMany(ledger, 500);
	await until(() => followers.every((each) => each.version === 521), 'a burst of 500', 60_000);
	assert.ok(followers.every((each) => each.stream.disorder === null && each.reconnects === 0));
	await until(async () => await metric('deliveries_total') === crowd * 520, 'each delivery is counted once');
});

test('killed twice and its connection ended while events are written, nobody misses or doubles one', { timeout: 90_000 }, async () => {
	const writing = (async () => {
		for (let round = 0; round < 8; round++) {
			await appendEach(ledger, 25);
		}
	})();
	for (let round = 0; round < 2; round++) {
		await stopStreams('SIGKILL');
		await startStreams();
		await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sse.fcgi'");
	}
	await writing;
	const [[head]] = await sql(`SELECT max(version) FROM es.events e JOIN es.streams s USING (stream_id) WHERE s.name = '${ledger}'`);
	assert.equal(Number(head), 721);
	await until(() => followers.every((each) => each.version === 721), 'all are complete', 20_000);
	for (const each of followers) {
		each.stop();
		assert.equal(each.disorder, null);
		assert.ok(each.reconnects >= 1);
	}
});
