// Those who watch: pages that follow the rule of every client, slow ones among them, and connections that do harm.

import http from 'node:http';
import net from 'node:net';

import { pause, request } from '../http/client.mjs';
import { Random } from './random.mjs';
import { hosts } from './site.mjs';

const silence = 40_000; // milliseconds after which a page opens its stream anew
const patience = 30_000; // milliseconds that a state may take to be fetched in all

/** A page: the rule of section "Server-sent events" and nothing else. */
export class Subscriber {
	seen = 0; // events applied
	resets = []; // { from, to }
	faults = []; // what may never happen
	connections = 0;
	heads = 0;
	#items = new Map(); // id to { id, content, version }
	#closed = false;
	#retry = 1000;
	#request = null;
	#work = Promise.resolve(); // frames are applied one after the other, though a state is fetched in between

	/** slow: stops reading every now and then, for longer than the program has patience. */
	constructor(seed, number, ledger, { slow = false } = {}) {
		this.random = new Random(seed, `subscriber ${number}`);
		this.host = hosts[number % hosts.length];
		this.name = `subscriber ${number} of ${ledger} at the ${this.host.name} host${slow ? ' (slow)' : ''}`;
		this.ledger = ledger;
		this.slow = slow;
		this.start = 0;
		this.last = 0;
		this.#run();
	}

	get items() {
		return [...this.#items.values()].sort((one, other) => one.version - other.version);
	}

	close() {
		this.#closed = true;
		this.#request?.destroy();
	}

	async #run() {
		while (!this.#closed) {
			await this.#connect();
			await this.#work;
			await pause(this.#closed ? 0 : this.#retry);
		}
	}

	/** Resolves when the stream ends, however that comes. */
	#connect() {
		return new Promise((resolve) => {
			this.connections++;
			const headers = { Accept: 'text/event-stream' };
			let path = `/sse/ledgers/${this.ledger}?after=${this.last}`;
			if (this.random.chance(0.5)) {
				path = `/sse/ledgers/${this.ledger}`;
				headers['Last-Event-ID'] = String(this.last);
			}
			this.#request = http.get(new URL(path, this.host.server), { headers, agent: false }, (incoming) => {
				let text = '';
				const paused = this.slow ? setInterval(() => {
					incoming.pause();
					setTimeout(() => incoming.resume(), this.random.between(500, 14_000));
				}, 16_000) : undefined;
				if (incoming.statusCode !== 200) {
					this.faults.push(`status ${incoming.statusCode}: an EventSource never comes back from that`);
				}
				incoming.setEncoding('utf8');
				incoming.on('data', (chunk) => {
					const parts = (text + chunk).split('\n\n');
					text = parts.pop();
					for (const part of parts) {
						this.#work = this.#work.then(() => this.#take(part)).catch((error) => this.faults.push(error.message));
					}
				});
				incoming.on('error', () => {});
				incoming.on('close', () => {
					clearInterval(paused);
					resolve();
				});
			});
			this.#request.setTimeout(silence, () => this.#request.destroy());
			this.#request.on('error', resolve);
		});
	}

	async #take(part) {
		const frame = Object.fromEntries(part.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]));
		if (frame.retry !== undefined) {
			this.#retry = Number(frame.retry);
		}
		if (frame.data === undefined) {
			return;
		}
		const data = JSON.parse(frame.data);
		if (frame.event === 'head') {
			this.heads++;
			if (data.version > this.last && !this.#closed) {
				this.faults.push(`head ${data.version} follows ${this.last}`);
			}
		} else if (frame.event === 'reset') {
			this.resets.push({ from: this.last, to: data.version });
			await this.#load(data.version);
		} else if (data.version === this.last + 1) {
			this.seen++;
			await this.#apply(data);
		} else if (data.version > this.last) {
			this.faults.push(`${data.version} follows ${this.last}`);
			await this.#load(data.version);
		}
	}

	async #apply({ version, changes }) {
		if (changes === null) {
			await this.#load(version);
			return;
		}
		for (const change of changes) {
			if (change.removed) {
				this.#items.delete(change.key);
			} else {
				this.#items.set(change.key, { id: change.key, content: change.value.content, version: change.origin });
			}
		}
		this.last = version;
	}

	/** Fetches a whole state, from whichever host answers. */
	async #load(version) {
		const deadline = performance.now() + patience;
		for (let i = 0; performance.now() < deadline; i++) {
			const host = hosts[i % hosts.length];
			const answer = await request('GET', `/api/ledgers/${this.ledger}/states/${version}?limit=10000`, { server: host.server }).catch(() => null);
			if (answer?.status === 200) {
				this.#items = new Map(answer.json.items.map((item) => [item.id, item]));
				this.last = version;
				return;
			}
			await pause(300);
		}
		throw new Error(`the state of version ${version} could not be had`);
	}
}

/** Connections that are a burden: they never read, read a byte a second, or never finish what they ask. */
export class Burden {
	#sockets = new Set();
	#timers = [];
	#stopped = false;
	ended = 0; // by the other side

	constructor(ledger) {
		const stream = `GET /sse/ledgers/${ledger}?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`;
		const half = Buffer.from([1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 1, 0, 200, 0, 0, 14, 3]);
		for (const host of hosts) {
			const web = { port: Number(host.server.port), host: '127.0.0.1' };
			for (let i = 0; i < 3; i++) {
				this.#keep(web, stream, (socket) => socket.pause());
				this.#keep(web, stream, (socket) => this.#sip(socket));
				this.#keep(web, 'POST /api/ledgers/never/commands HTTP/1.1\r\nHost: loc');
				this.#keep({ path: host.socket('sse') }, half);
				this.#keep({ path: host.socket('ledger') }, half);
			}
		}
	}

	/** A byte a second. */
	#sip(socket) {
		socket.pause();
		const timer = setInterval(() => socket.read(1), 1000);
		socket.on('close', () => clearInterval(timer));
	}

	/** Opens it anew each time the other side has had enough. */
	#keep(target, bytes, then = () => {}) {
		if (this.#stopped) {
			return;
		}
		const socket = net.connect(target, () => {
			socket.write(bytes);
			then(socket);
		});
		this.#sockets.add(socket);
		socket.on('error', () => {});
		socket.on('close', () => {
			this.#sockets.delete(socket);
			this.ended++;
			this.#timers.push(setTimeout(() => this.#keep(target, bytes, then), 500));
		});
	}

	stop() {
		this.#stopped = true;
		this.#timers.forEach(clearTimeout);
		this.#sockets.forEach((socket) => socket.destroy());
	}
}
