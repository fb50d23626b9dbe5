// People who write and pages that listen, through whatever happens: who writes sends again with the same key until there
// is an answer, who listens comes back with the last id, as a browser does.

import assert from 'node:assert/strict';
import http from 'node:http';

import { base, newLedger, postUntilAnswered, uuid } from '../http/client.mjs';
import { pause, read, until } from './machine.mjs';

const writing_pause = 40; // milliseconds between a writer's commands: a load, not a flood
const answer_deadline = 90_000; // milliseconds for one command, with all its retries

/** One page's event stream, with the check of the version that every client makes. */
class Subscriber {
	last = 0;
	connections = 0;
	disorder = null; // the first event that was neither the next one nor an old one
	#closed = false;
	#request = null;

	constructor(ledger) {
		this.ledger = ledger;
		this.done = this.#run();
	}

	async #run() {
		while (!this.#closed) {
			await new Promise((resolve) => this.#listen(resolve));
			await pause(this.#closed ? 0 : 100);
		}
	}

	#listen(ended) {
		const headers = { Accept: 'text/event-stream', 'Last-Event-ID': String(this.last) };
		this.#request = http.get({
			host: base.hostname, port: base.port, path: `/sse/ledgers/${this.ledger}`, headers, agent: false,
		}, (incoming) => {
			let text = '';
			this.connections++;
			incoming.setEncoding('utf8');
			incoming.on('data', (chunk) => {
				const frames = (text + chunk).split('\n\n');
				text = frames.pop();
				frames.forEach((frame) => this.#take(frame));
			});
			incoming.on('error', () => {});
			incoming.on('close', ended);
		});
		this.#request.on('error', ended);
	}

	#take(frame) {
		const id = frame.match(/^id: (\d+)$/m);
		if (id === null) {
			return;
		}
		const version = Number(id[1]);
		if (/^event: reset$/m.test(frame)) {
			this.last = version; // a page loads the state of this version
		} else if (version === this.last + 1) {
			this.last = version;
		} else if (version > this.last) {
			this.disorder ??= `${version} after ${this.last}`;
		}
	}

	close() {
		this.#closed = true;
		this.#request.destroy();
		return this.done;
	}
}

export class Load {
	ledgers = [newLedger(), newLedger()];
	acknowledged = []; // { ledger, key, content, version }
	refusals = []; // what was not 200 or 201; with retries, it led to one more try
	#stopped = false;

	constructor(writers, { retries = true, subscribers = 0 } = {}) {
		this.retries = retries;
		this.subscribers = this.ledgers.flatMap((ledger) => Array.from({ length: subscribers }, () => new Subscriber(ledger)));
		this.writers = Array.from({ length: writers }, (_, number) => this.#write(number));
		this.ended = Promise.all(this.writers);
		this.ended.catch(() => {}); // looked at by stop()
	}

	async #write(number) {
		for (let i = 0; !this.#stopped; i++) {
			const command = { ledger: this.ledgers[(number + i) % this.ledgers.length], key: uuid(), content: `${number}/${i}` };
			const version = await this.#send(command);
			if (version !== null) {
				this.acknowledged.push({ ...command, version });
			}
			await pause(writing_pause);
		}
	}

	#send(command) {
		return postUntilAnswered(command, {
			retries: this.retries, patience: answer_deadline, rest: 50,
			refused: (answer) => this.refusals.push(`${answer.status} ${answer.text}`),
		});
	}

	/** Waits until commands that were sent from now on are answered, and every subscriber has seen them. */
	async proceeds(what) {
		const before = this.acknowledged.length;
		await Promise.race([this.ended, until(() => this.acknowledged.length >= before + 20, `${what}: commands are answered`, 120_000)]);
		await this.caughtUp(what);
	}

	async caughtUp(what) {
		for (const ledger of this.ledgers) {
			const { version } = await read(`/api/ledgers/${ledger}`);
			await until(() => this.subscribers.every((one) => one.ledger !== ledger || one.last >= version),
				`${what}: every subscriber has version ${version} of ${ledger}`);
		}
	}

	async stop() {
		this.#stopped = true;
		await this.ended;
	}

	/** Every acknowledged command is in the log once, at the version that its answer said; nothing else is. */
	async check() {
		for (const ledger of this.ledgers) {
			const events = [];
			for (let next = `/api/ledgers/${ledger}/events?after=0&limit=1000`; next !== null;) {
				const page = await read(next);
				events.push(...page.events);
				next = page.next;
			}
			const expected = this.acknowledged.filter((command) => command.ledger === ledger).sort((one, two) => one.version - two.version);
			assert.deepEqual(
				events.map((event) => [event.version, event.command_id, event.data.content]),
				expected.map(({ version, key, content }) => [version, key, content]),
			);
			assert.deepEqual(events.map(({ version }) => version), events.map((_, index) => index + 1), 'dense');
		}
		await this.caughtUp('at the end');
		assert.deepEqual(this.subscribers.map(({ disorder }) => disorder).filter(Boolean), []);
	}

	async close() {
		this.#stopped = true;
		await Promise.all(this.subscribers.map((one) => one.close()));
	}
}
