// Those who write and read while things break, and a record of all that they were answered.

import http from 'node:http';

import { append, pause, remove, request, rewind } from '../http/client.mjs';
import { Random } from './random.mjs';
import { hosts } from './site.mjs';

const longestPause = 100; // milliseconds between two commands of one writer
const commandTime = 90_000; // milliseconds until somebody who repeats a command must have been answered
const contents = ['milk', 'eggs', 'tea', 'Käse', '牛乳', 'x'.repeat(300), 'two\nlines'];

/** One try: { host, sent, ended, status, text } in milliseconds of performance.now(); status 0: no answer, text says why. */
async function attempt(attempts, host, method, path, options) {
	const sent = performance.now();
	const answer = await request(method, path, { server: host.server, ...options })
		.catch((error) => ({ status: 0, text: `${error.code ?? ''} ${error.message}`, headers: {} }));
	attempts.push({
		host: host.name, path, sent, ended: performance.now(), status: answer.status, cutOff: options.cutOff ?? false,
		text: answer.status === 200 || answer.status === 201 ? '' : answer.text.slice(0, 300),
	});
	return answer;
}

export class Load {
	attempts = []; // all of everybody
	commands = []; // { name, key, keyed, ledger, type, count, first, last, ids, versions, ifMatch, refused, unknown }
	samples = []; // what was read: { ledger, version, items: [[id, content, version] ...] }
	overdue = []; // commands that nobody answered in time
	#stopped = false;
	#clients;

	constructor(seed, { ledgers, writers, readers }) {
		this.ledgers = ledgers.map((name) => ({ name, version: 0, items: [] }));
		this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
		this.#clients = [
			...Array.from({ length: writers }, (_, i) => this.#write(new Random(seed, `writer ${i}`), i)),
			...Array.from({ length: readers }, (_, i) => this.#read(new Random(seed, `reader ${i}`))),
		];
	}

	get acknowledged() {
		return this.commands.filter((command) => command.last !== null).length;
	}

	/** For how many milliseconds nobody has been refused. */
	get troubleFree() {
		return performance.now() - (this.attempts.findLast((each) => !each.cutOff && [0, 503, 504].includes(each.status))?.ended ?? 0);
	}

	async stop() {
		this.#stopped = true;
		await Promise.all(this.#clients);
		this.agent.destroy();
	}

	// ---- writing

	#request(random, name, ledger) {
		let made = 0;
		const content = () => append(`${name}.${++made} ${random.pick(contents)}`); // never the same twice
		const removal = () => (ledger.items.length > 0 ? remove(random.pick(ledger.items)) : content());
		const rewinding = () => (ledger.version > 0 ? rewind(random.between(1, ledger.version)) : content());
		const kinds = [
			[50, 'append', () => content()],
			[20, 'remove', removal],
			[10, 'rewind', rewinding],
			[15, 'array', () => Array.from({ length: random.between(1, 20) }, () => (random.chance(0.7) ? content() : removal()))],
			[5, 'array that rewinds', () => [content(), removal(), rewinding()]],
		];
		const [, type, make] = random.weighted(kinds);
		return { type, body: make() };
	}

	async #write(random, number) {
		for (let i = 0; !this.#stopped; i++) {
			const ledger = random.pick(this.ledgers);
			const { type, body } = this.#request(random, `${number}/${i}`, ledger);
			// What has no key is sent once, and known by its content.
			const keyed = type !== 'append' || random.chance(0.8);
			const command = {
				name: `${number}/${i}`, key: keyed ? random.uuid() : null, keyed, ledger: ledger.name, type, count: Array.isArray(body) ? body.length : 1,
				first: null, last: null, ids: null, versions: null, ifMatch: random.chance(0.05) ? ledger.version : null, refused: null, unknown: false,
			};
			this.commands.push(command);
			await this.#send(random, ledger, command, JSON.stringify(body));
			await pause(random.between(0, longestPause));
		}
	}

	/** Sends until it is answered, to one host or the other; sometimes gives up. */
	async #send(random, ledger, command, body) {
		const deadline = performance.now() + commandTime;
		const headers = { 'Content-Type': 'application/json', ...(command.keyed ? { 'Idempotency-Key': command.key } : {}) };
		if (command.ifMatch !== null) {
			headers['If-Match'] = `"${command.ifMatch}"`;
		}
		while (performance.now() < deadline) {
			// A client that hangs up in the middle, a few milliseconds after it has asked.
			const cutOff = random.chance(0.02);
			const agent = cutOff ? new http.Agent() : this.agent;
			const hangUp = cutOff ? setTimeout(() => agent.destroy(), random.between(0, 10)) : undefined;
			const answer = await attempt(this.attempts, random.pick(hosts), 'POST', `/api/ledgers/${ledger.name}/commands`, { headers, body, agent, cutOff });
			clearTimeout(hangUp);
			switch (answer.status) {
			case 200:
			case 201:
				this.#acknowledge(ledger, command, answer.json);
				return;
			case 503: // says: not applied
				break;
			case 0:
			case 504:
				command.unknown = true;
				break;
			default:
				command.refused = answer.status;
				return;
			}
			if (random.chance(0.1) || (command.unknown && !command.keyed)) {
				return;
			}
			await pause(answer.status === 503 ? random.between(100, 1000) : random.between(0, 100));
		}
		this.overdue.push(command);
	}

	#acknowledge(ledger, command, { version, events }) {
		command.key ??= events[0].command_id;
		command.last = version;
		command.first = version - events.length + 1;
		command.ids = events.map((event) => event.id);
		command.versions = events.map((event) => event.version);
		ledger.version = Math.max(ledger.version, version);
		ledger.items.push(...events.filter((event) => event.type === 'item-appended').map((event) => event.id));
		ledger.items.splice(0, ledger.items.length - 30); // the newest are the likeliest to be there still
	}

	// ---- reading

	async #read(random) {
		let log = '';
		while (!this.#stopped) {
			const ledger = random.pick(this.ledgers);
			// An immutable answer, which nginx keeps; the head; and the events.
			const [, path] = random.weighted([
				[5, `/api/ledgers/${ledger.name}/states/${random.between(0, ledger.version)}?${log === '' ? '' : `log=${log}&`}limit=10000`],
				[3, `/api/ledgers/${ledger.name}?limit=10000`],
				[2, `/api/ledgers/${ledger.name}/events?limit=20`],
			]);
			const answer = await attempt(this.attempts, random.pick(hosts), 'GET', path, { agent: this.agent });
			if (answer.status === 200) {
				const body = answer.json;
				log = body.log;
				if (body.items !== undefined && body.next === null) {
					this.samples.push({ ledger: ledger.name, version: body.version, items: body.items.map((item) => [item.id, item.content, item.version]) });
					this.samples.splice(0, this.samples.length - 2000);
				}
			}
			await pause(random.between(50, 250));
		}
	}
}
