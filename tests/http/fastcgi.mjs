// FastCGI as nginx speaks it, byte by byte, for what no web server would send.

import net from 'node:net';
import { after } from 'node:test';

import { ledgerSocket } from './machine.mjs';

export const type = { begin: 1, abort: 2, end: 3, parameters: 4, input: 5, output: 6, values: 9 };

/** One record. */
export function record(kind, content = '', id = 1) {
	const body = Buffer.from(content);
	const header = Buffer.from([1, kind, id >> 8, id & 255, body.length >> 8, body.length & 255, 0, 0]);
	return Buffer.concat([header, body]);
}

const length = (size) => (size < 128 ? Buffer.from([size]) : Buffer.from([(size >>> 24) | 128, (size >> 16) & 255, (size >> 8) & 255, size & 255]));

export const pairs = (values) => Buffer.concat(Object.entries(values).flatMap(([name, value]) =>
	[length(Buffer.byteLength(name)), length(Buffer.byteLength(value)), Buffer.from(name), Buffer.from(value)]));

/** A whole request on a connection that is kept: its records, in order. */
export function records(method, uri, { body = '', more = {} } = {}) {
	const values = {
		REQUEST_METHOD: method, REQUEST_URI: uri, HTTP_HOST: 'localhost',
		...(body === '' ? {} : { CONTENT_TYPE: 'application/json', CONTENT_LENGTH: String(Buffer.byteLength(body)) }), ...more,
	};
	return [
		record(type.begin, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])),
		record(type.parameters, pairs(values)),
		record(type.parameters),
		...(body === '' ? [] : [record(type.input, body)]),
		record(type.input),
	];
}

export const wholeRequest = (...parameters) => Buffer.concat(records(...parameters));

const opened = [];
after(() => opened.forEach((socket) => socket.destroy()));

/** Connects to the program itself.  What breaks later shows as the end of the connection. */
export const connect = () => new Promise((resolve, reject) => {
	const socket = net.connect(ledgerSocket, () => resolve(socket));
	socket.on('error', reject);
	opened.push(socket);
});

/** What a program has answered: status and body, or null while the end is missing. */
function answer(bytes) {
	let output = '';
	for (let at = 0; at + 8 <= bytes.length;) {
		const size = bytes.readUInt16BE(at + 4);
		const next = at + 8 + size + bytes[at + 6];
		if (next > bytes.length) {
			return null;
		}
		if (bytes[at + 1] === type.output) {
			output += bytes.toString('utf8', at + 8, at + 8 + size);
		}
		if (bytes[at + 1] === type.end) {
			return { status: Number(output.match(/^Status: (\d+)/)?.[1]), body: output.slice(output.indexOf('\r\n\r\n') + 4) };
		}
		at = next;
	}
	return null;
}

/** Sends bytes and waits for an answer, or for the end of the connection (null).  With cut, nothing more is sent. */
export function exchange(socket, bytes, { cut = false } = {}) {
	return new Promise((resolve) => {
		let received = Buffer.alloc(0);
		const finish = (result) => {
			socket.removeListener('data', take);
			socket.removeListener('close', end);
			resolve(result);
		};
		const take = (chunk) => {
			received = Buffer.concat([received, chunk]);
			const whole = answer(received);
			if (whole !== null) {
				finish(whole);
			}
		};
		const end = () => finish(answer(received));
		socket.on('data', take);
		socket.once('close', end);
		socket.write(bytes);
		if (cut) {
			socket.end();
		}
	});
}
