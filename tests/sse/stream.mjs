// A client of one event stream: every frame as it came, and when.

import assert from 'node:assert/strict';
import http from 'node:http';

import { port } from './site.mjs';

/**
 * Frames are { id, event, data, retry, comment, at }, without what is absent; data is parsed, at in milliseconds.
 */
export class Stream {
	frames = [];
	ended = false; // by the server, in whatever way
	#waiting = new Set();
	static #all = new Set();

	/** Closes all that were opened, so that a test that failed leaves none behind. */
	static closeAll() {
		for (const stream of Stream.#all) {
			stream.close();
		}
		Stream.#all.clear();
	}

	/** path: of a ledger or the whole; lastEventId: as a browser sends it. */
	constructor(path, { lastEventId, agent = false, keep = true } = {}) {
		const headers = { Accept: 'text/event-stream' };
		if (lastEventId !== undefined) {
			headers['Last-Event-ID'] = String(lastEventId);
		}
		Stream.#all.add(this);
		this.keep = keep;
		this.last = 0; // the version of the last event or reset
		this.disorder = null; // the first frame that did not follow the one before
		this.request = http.get({ host: '127.0.0.1', port, path, headers, agent }, (incoming) => {
			this.status = incoming.statusCode;
			this.headers = incoming.headers;
			let text = '';
			incoming.setEncoding('utf8');
			incoming.on('data', (chunk) => {
				text += chunk;
				const parts = text.split('\n\n');
				text = parts.pop();
				for (const part of parts) {
					this.#take(part);
				}
				this.#wake();
			});
			incoming.on('close', () => this.#end());
			incoming.on('error', () => this.#end());
		});
		this.request.on('error', () => this.#end());
	}

	#take(part) {
		const frame = { at: performance.now() };
		for (const line of part.split('\n')) {
			const colon = line.indexOf(':');
			const name = line.slice(0, colon) || 'comment';
			const value = line.slice(colon + 1).replace(/^ /, '');
			frame[name] = name === 'data' ? JSON.parse(value) : value;
		}
		if (frame.event === 'reset') {
			this.last = frame.data.version;
		} else if (frame.id !== undefined && frame.event === undefined) {
			const version = Number(frame.id);
			if (this.last !== 0 && version !== this.last + 1) {
				this.disorder ??= `${version} after ${this.last}`;
			}
			this.last = version;
		}
		if (this.keep) {
			this.frames.push(frame);
		}
	}

	#end() {
		this.ended = true;
		this.endedAt ??= performance.now();
		this.#wake();
	}

	#wake() {
		for (const look of this.#waiting) {
			look();
		}
	}

	/** Waits until the question's answer is true; the answer. */
	until(question, what, milliseconds = 10_000) {
		return new Promise((resolve, reject) => {
			const failed = setTimeout(() => {
				this.#waiting.delete(look);
				reject(new assert.AssertionError({
					message: `${what}: not within ${milliseconds} ms; frames: ${JSON.stringify(this.frames).slice(-2000)}`,
				}));
			}, milliseconds);
			const look = () => {
				const answer = question(this);
				if (answer) {
					clearTimeout(failed);
					this.#waiting.delete(look);
					resolve(answer);
				}
			};
			this.#waiting.add(look);
			look();
		});
	}

	get events() {
		return this.frames.filter((frame) => frame.id !== undefined && frame.event === undefined);
	}

	get versions() {
		return this.events.map((frame) => Number(frame.id));
	}

	of(kind) {
		return this.frames.filter((frame) => frame.event === kind);
	}

	/** Waits for the head that ends the replay. */
	live(milliseconds) {
		return this.until(() => this.of('head')[0], 'live', milliseconds);
	}

	/** Waits for this version. */
	reach(version, milliseconds) {
		return this.until(() => this.last >= version, `version ${version}`, milliseconds);
	}

	/** Waits until the server has ended it. */
	end(milliseconds) {
		return this.until(() => this.ended, 'the end', milliseconds);
	}

	close() {
		this.request.destroy();
	}
}

export const open = (ledger, query = '', options) => new Stream(`/sse/ledgers/${ledger}${query}`, options);

export const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
