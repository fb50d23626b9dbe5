// Between the second host and PostgreSQL: passes every message on, until it is told to do otherwise.

import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';

const trapTime = 40_000; // milliseconds until a transaction must have come by, whatever else is broken

/** Cuts a row of bytes into the messages of PostgreSQL's protocol. */
class Messages {
	#rest = Buffer.alloc(0);

	/** typed: false for the first message of a client, which has no byte that says what it is. */
	constructor(typed) {
		this.typed = typed;
	}

	take(bytes) {
		const messages = [];
		this.#rest = Buffer.concat([this.#rest, bytes]);
		for (;;) {
			const start = this.typed ? 1 : 0;
			const size = this.#rest.length < start + 4 ? Infinity : start + this.#rest.readUInt32BE(start);
			if (this.#rest.length < size) {
				return messages;
			}
			messages.push(this.#rest.subarray(0, size));
			this.#rest = this.#rest.subarray(size);
			this.typed = true;
		}
	}
}

const kind = (message) => String.fromCharCode(message[0]);

/** Whether the message begins the commit of a transaction that writes: Bind of the statement "commit". */
const isCommit = (message) => kind(message) === 'B' && message.includes('\0commit\0');
const isAppend = (message) => kind(message) === 'B' && message.includes('\0append\0');
const isCommitted = (message) => kind(message) === 'C' && message.includes('COMMIT\0');
const isInTransaction = (message) => kind(message) === 'Z' && message[5] === 'T'.charCodeAt(0);
const isNotification = (message) => kind(message) === 'A';

export class Proxy {
	#pairs = new Set();
	#silent = false; // nothing is passed on; what comes waits
	#deaf = false; // notifications are lost
	#trap = null; // what happens to the next connection that comes to its point
	dropped = 0; // notifications

	/** Listens at path and passes on to target. */
	constructor(path, target) {
		this.path = path;
		this.server = net.createServer({ pauseOnConnect: true }, (client) => this.#join(client, net.connect(target)));
	}

	start() {
		return new Promise((resolve, reject) => {
			this.server.on('error', reject);
			this.server.listen(this.path, () => {
				chmodSync(this.path, 0o777);
				resolve();
			});
		});
	}

	stop() {
		this.server.close();
		this.#pairs.forEach((pair) => pair.cut());
		rmSync(this.path, { force: true });
	}

	#join(client, server) {
		const pair = {
			client, server, stopped: false, writes: false, lost: false, ended: false,
			cut() {
				client.destroy();
				server.destroy();
			},
			flow: (goes) => [client, server].forEach((socket) => (goes ? socket.resume() : socket.pause())),
		};
		const fromClient = new Messages(false);
		const fromServer = new Messages(true);
		this.#pairs.add(pair);
		client.on('data', (bytes) => {
			for (const message of fromClient.take(bytes)) {
				this.#pass(pair, 'client', message, server);
			}
		});
		server.on('data', (bytes) => {
			for (const message of fromServer.take(bytes)) {
				this.#pass(pair, 'server', message, client);
			}
		});
		for (const socket of [client, server]) {
			socket.on('error', () => pair.cut());
			socket.on('close', () => {
				// While nothing is passed on, nobody hears of the other's end either.
				pair.ended = true;
				if (!this.#silent && !pair.stopped) {
					pair.cut();
				}
				if (client.destroyed && server.destroyed) {
					this.#pairs.delete(pair);
				}
			});
		}
		pair.flow(!this.#silent);
	}

	#pass(pair, side, message, to) {
		if (side === 'client' && isAppend(message)) {
			pair.writes = true;
		}
		if (side === 'server' && isNotification(message) && this.#deaf) {
			this.dropped++;
			return;
		}
		if (this.#trap?.springs(pair, side, message)) {
			const { act } = this.#trap;
			this.#trap = null;
			act(pair, message, to);
			return;
		}
		if (side === 'server' && kind(message) === 'Z') {
			pair.writes = false;
		}
		if (!pair.lost) {
			to.write(message);
		}
	}

	/** Waits for the next connection that springs the trap. */
	#set(springs, act) {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.#trap = null;
				reject(new Error('no transaction came by'));
			}, trapTime);
			this.#trap = {
				springs,
				act(...parameters) {
					clearTimeout(timer);
					act(...parameters);
					resolve();
				},
			};
		});
	}

	/** The next commit never reaches PostgreSQL. */
	cutBeforeCommit() {
		return this.#set((pair, side, message) => side === 'client' && pair.writes && isCommit(message), (pair) => {
			pair.lost = true;
			pair.cut();
		});
	}

	/** PostgreSQL has committed; its answer reaches nobody. */
	cutAfterCommit() {
		return this.#set((pair, side, message) => side === 'server' && pair.writes && isCommitted(message), (pair) => {
			pair.lost = true;
			pair.cut();
		});
	}

	/** The program loses its connection as it commits; PostgreSQL only a little later. */
	cutDuringCommit(milliseconds) {
		return this.#set((pair, side, message) => side === 'client' && pair.writes && kind(message) === 'S', (pair, message, to) => {
			pair.lost = true;
			pair.stopped = true;
			to.write(message);
			pair.client.destroy();
			setTimeout(() => pair.cut(), milliseconds);
		});
	}

	/** The next transaction has its locks, and then nothing more is heard of its client for a while. */
	async hangWithLocks(milliseconds, meanwhile) {
		let hung = null;
		await this.#set((pair, side, message) => side === 'server' && isInTransaction(message), (pair, message, to) => {
			hung = pair;
			pair.stopped = true;
			pair.flow(false);
			to.write(message);
		});
		await meanwhile(milliseconds);
		hung.cut();
	}

	/** Half of what a commit needs arrives, then nothing: PostgreSQL waits for the rest with all locks held. */
	async hangHalfWay(milliseconds, meanwhile) {
		let hung = null;
		await this.#set((pair, side, message) => side === 'client' && pair.writes && isCommit(message), (pair, message, to) => {
			hung = pair;
			pair.stopped = true;
			pair.lost = true;
			pair.flow(false);
			to.write(message.subarray(0, message.length >> 1));
		});
		await meanwhile(milliseconds);
		hung.cut();
	}

	/** Whether anything is passed on. */
	silence(silent) {
		this.#silent = silent;
		for (const pair of this.#pairs) {
			if (pair.stopped) {
				continue;
			}
			if (pair.ended && !silent) {
				pair.cut();
			} else {
				pair.flow(!silent);
			}
		}
	}

	/** Whether notifications are lost. */
	suppressNotifications(deaf) {
		this.#deaf = deaf;
	}
}
