// What the tests ask with: one request, and what every answer must look like.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { test as plainTest } from 'node:test';

export const base = new URL(process.env.EVENTLEDGER_URL ?? 'http://127.0.0.1:8080/');

const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
const tooLong = 90_000; // milliseconds: a test that hangs is a failure, not a stuck run

export const uuid = randomUUID;
const strict = new TextDecoder('utf-8', { fatal: true });
export const absentItem = '018f0000-0000-7000-8000-000000000000';

export function test(name, body) {
	plainTest(name, { timeout: tooLong }, body);
}

/** One request.  path is sent as it is; body is a string or a Buffer.  Resolves with whatever was answered. */
export function request(method, path, { headers = {}, body, agent: own = agent, server = base } = {}) {
	const started = performance.now();
	// As bytes: otherwise node sends the headers in the encoding of the body, not as latin1.
	const bytes = body === undefined ? undefined : Buffer.from(body);

	return new Promise((resolve, reject) => {
		const sent = { ...headers };
		if (bytes !== undefined) {
			sent['Content-Length'] ??= bytes.length;
		}
		const outgoing = http.request({ host: server.hostname, port: server.port, method, path, headers: sent, agent: own });
		outgoing.on('error', reject);
		outgoing.on('response', (incoming) => {
			const chunks = [];
			incoming.on('data', (chunk) => chunks.push(chunk));
			incoming.on('error', reject);
			incoming.on('aborted', () => reject(new Error('the answer was cut off')));
			incoming.on('end', () => resolve(answerOf(incoming, Buffer.concat(chunks), performance.now() - started)));
		});
		outgoing.end(bytes);
	});
}

function answerOf(incoming, bytes, milliseconds) {
	return {
		status: incoming.statusCode,
		headers: incoming.headers,
		bytes,
		milliseconds,
		get text() {
			return bytes.toString('utf8');
		},
		get json() {
			return JSON.parse(strict.decode(bytes));
		},
	};
}

export const get = (path, headers) => request('GET', path, { headers });
export const head = (path, headers) => request('HEAD', path, { headers });

/** The body of a GET that must succeed. */
export async function read(path, headers) {
	const answer = await get(path, headers);
	assert.equal(answer.status, 200, `GET ${path}: ${answer.text}`);
	return answer.json;
}

/** Commands to a ledger: an object, an array, or the bytes as they are. */
export function post(ledger, commands, headers = {}) {
	const raw = typeof commands === 'string' || Buffer.isBuffer(commands);
	return request('POST', `/api/ledgers/${ledger}/commands`, {
		headers: { 'Content-Type': 'application/json', ...headers },
		body: raw ? commands : JSON.stringify(commands),
	});
}

/** Commands that must be applied; the answer's body. */
export async function apply(ledger, commands, headers) {
	const answer = await post(ledger, commands, headers);
	assert.equal(answer.status, 201, answer.text);
	return answer.json;
}

export const append = (content) => ({ type: 'append', content });
export const remove = (item) => ({ type: 'remove', item });
export const rewind = (version) => ({ type: 'rewind', version });

/** Appends these, one event each, in one request; the events. */
export const fill = async (ledger, ...contents) => (await apply(ledger, contents.map(append))).events;

/**
 * Sends one command, with the same key again and again, until it is answered: its version.  Where nobody retries, null
 * if it was refused; refused(answer) is called with each answer that is not the last.
 */
export async function postUntilAnswered({ ledger, key, content }, { retries = true, patience = 60_000, rest = 20, refused = () => {} } = {}) {
	const deadline = performance.now() + patience;
	for (;;) {
		const answer = await post(ledger, append(content), { 'Idempotency-Key': key })
			.catch((error) => ({ status: 0, text: error.message, headers: {} }));
		if (answer.status === 201 || (answer.status === 200 && answer.headers['idempotent-replayed'] === 'true')) {
			return answer.json.version;
		}
		refused(answer);
		if (!retries) {
			return null;
		}
		assert.ok([0, 503, 504].includes(answer.status), `${answer.status} ${answer.text}`);
		assert.ok(performance.now() < deadline, `no answer to one command in ${patience} ms: ${answer.status} ${answer.text}`);
		await pause(Math.min(Number(answer.headers['retry-after'] ?? 0) * 1000, 1000) || rest);
	}
}

let made = 0;
const run = randomBytes(4).toString('hex');

/** The name of a ledger that nobody has used. */
export const newLedger = () => `t${run}.${++made}`;

export const contents = (state) => state.items.map((item) => item.content);
export const headOf = (ledger) => read(`/api/ledgers/${ledger}`);
export const versionOf = async (ledger) => (await headOf(ledger)).version;
export const state = (ledger, version) => read(`/api/ledgers/${ledger}/states/${version}`);
export const logName = async () => (await read('/api/ledgers/nobody')).log;

/** All pages from path on, following "next" to its null. */
export async function walk(path, each = async () => {}) {
	const pages = [];
	for (let next = path; next !== null; next = pages.at(-1).next) {
		assert.ok(pages.length < 1000, 'a walk must end');
		pages.push(await read(next));
		assert.notEqual(pages.at(-1).next, undefined, '"next" is always there');
		await each(pages.at(-1), pages.length);
	}
	return pages;
}

/** What every refusal must look like (RFC 9457); further members as given. */
export function problem(answer, status, members = {}) {
	assert.equal(answer.status, status, answer.text);
	assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json\b/);
	const body = answer.json;
	assert.match(body.type, /^(\/|https?:|about:)\S*$/, 'type is a URI reference');
	assert.equal(typeof body.title, 'string');
	assert.notEqual(body.title, '');
	assert.equal(body.status, status);
	assert.equal(typeof body.detail, 'string');
	assert.match(body.detail, /^[^A-Z\s].*[^.\s]$/s, 'detail: lower case, no full stop');
	assert.doesNotMatch(answer.headers['cache-control'] ?? '', /max-age|immutable/, 'no refusal is cached');
	for (const [name, value] of Object.entries(members)) {
		assert.deepEqual(body[name], value, `${name} in ${answer.text}`);
	}
	return body;
}

/** An answer out of its bytes, or null while it is not whole.  Only for answers that tell their length. */
function parse(bytes) {
	const end = bytes.indexOf('\r\n\r\n');
	if (end < 0) {
		return null;
	}
	const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
	const headers = Object.fromEntries(lines.map((line) => {
		const colon = line.indexOf(':');
		return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
	}));
	const body = bytes.subarray(end + 4);
	if (body.length < Number(headers['content-length'] ?? Infinity)) {
		return null;
	}
	return answerOf({ statusCode: Number(first.split(' ')[1]), headers }, body, 0);
}

/** Bytes to the server as they are; what it answers. */
export function raw(bytes, { server = base } = {}) {
	return new Promise((resolve, reject) => {
		let received = Buffer.alloc(0);
		const socket = net.connect(Number(server.port), server.hostname, () => socket.write(bytes));
		socket.setTimeout(20_000, () => socket.destroy(new Error('no answer in 20 s')));
		socket.on('data', (chunk) => {
			received = Buffer.concat([received, chunk]);
			const answer = parse(received);
			if (answer !== null) {
				resolve(answer);
				socket.destroy();
			}
		});
		socket.on('error', reject);
		socket.on('close', () => reject(new Error(`the connection ended after "${received}"`)));
	});
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until the answer is true, for at most the given time. */
export async function until(question, what, milliseconds = 30_000) {
	const deadline = performance.now() + milliseconds;
	while (!(await question())) {
		assert.ok(performance.now() < deadline, `${what}: not within ${milliseconds} ms`);
		await pause(20);
	}
}
