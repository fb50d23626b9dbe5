// Many requests over few connections: HTTP/2 as a browser uses it.

import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { after } from 'node:test';

import { certificate, name, tls, until } from './client.mjs';

const streams_a_connection = 100; // nginx allows 128

// A test that fails may leave connections open, and node would not end before they do.
const sessions = [];
after(() => sessions.forEach((session) => session.destroy()));

/** A connection to the site. */
export function connect() {
	return new Promise((resolve, reject) => {
		const session = http2.connect(`https://${name}:${tls}`, { host: '127.0.0.1', servername: name, ca: readFileSync(certificate), lookup: (_, options, found) => (options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)) });
		sessions.push(session);
		session.on('error', reject);
		session.on('connect', () => resolve({
			get: (path, headers) => exchange(session, { ':path': path, ':authority': name, ...headers }),
			post: (path, body, headers) => whole(exchange(session, {
				':method': 'POST', ':path': path, ':authority': name, 'content-type': 'application/json', ...headers,
			}, JSON.stringify(body))),
			close: () => session.close(),
			destroy: () => session.destroy(),
		}));
	});
}

/** A request whose answer grows: status, headers, text, whether it has ended. */
function exchange(session, headers, body) {
	const answer = { status: 0, headers: {}, text: '', ended: false, failed: null };
	const stream = session.request(headers, { endStream: body === undefined });
	stream.setEncoding('utf8');
	stream.on('response', (got) => {
		answer.status = got[':status'];
		answer.headers = got;
	});
	stream.on('data', (chunk) => { answer.text += chunk; });
	stream.on('close', () => { answer.ended = true; });
	stream.on('error', (error) => { answer.failed = error; });
	answer.close = () => stream.close();
	if (body !== undefined) {
		stream.end(body);
	}
	return answer;
}

async function whole(answer) {
	await until(() => answer.ended, 'an answer');
	if (answer.failed !== null) {
		throw answer.failed;
	}
	return { status: answer.status, headers: answer.headers, body: answer.text };
}

/** Event streams of a client from afar, each with its first frames, or at its end. */
export async function openStreams(ledger, count, from) {
	const connections = [];
	const opened = [];
	for (let at = 0; at < count; at++) {
		if (at % streams_a_connection === 0) {
			connections.push(await connect());
		}
		opened.push(connections.at(-1).get(`/sse/ledgers/${ledger}`, { 'x-forwarded-for': from }));
	}
	await until(() => opened.every(({ ended, text }) => ended || text.includes('event: head')), 'the streams are live or refused');
	opened.close = () => connections.forEach((connection) => connection.destroy());
	for (const one of opened) {
		one.close = opened.close;
	}
	return opened;
}
