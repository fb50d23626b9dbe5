// What the tests ask the site with: curl, as it comes, over HTTP/2 and TLS that is checked.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test as plainTest } from 'node:test';

const { env } = process;
export const name = env.EVENTLEDGER_SITE_NAME;
export const tls = Number(env.EVENTLEDGER_SITE_TLS);
export const plain = Number(env.EVENTLEDGER_SITE_PLAIN);
export const verifier = Number(env.EVENTLEDGER_SITE_VERIFIER);
export const certificate = env.EVENTLEDGER_SITE_CERTIFICATE;

export const people = { anna: 'anna secret', berta: 'berta secret' };
export const uuid = randomUUID;
const tooLong = 120_000; // milliseconds: a test that hangs is a failure, not a stuck run

export const test = (what, body) => plainTest(what, { timeout: tooLong }, body);

const run = randomBytes(4).toString('hex');
let made = 0;
/** The name of a ledger that nobody has used. */
export const newLedger = () => `s${run}.${++made}`;

/** What curl gets: status, protocol, headers (of one name the last), body. */
export function curl(...parameters) {
	return new Promise((resolve, reject) => {
		const child = spawn('curl', ['-sS', '-i', '--http2', '--max-time', '20', '--cacert', certificate, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
		let out = '';
		let err = '';
		child.stdout.setEncoding('utf8').on('data', (chunk) => { out += chunk; });
		child.stderr.setEncoding('utf8').on('data', (chunk) => { err += chunk; });
		child.on('error', reject);
		child.on('close', (status) => {
			if (status !== 0) {
				reject(new Error(`curl ${parameters.join(' ')}: ${err}`));
				return;
			}
			const end = out.indexOf('\r\n\r\n');
			const [first, ...lines] = out.slice(0, end).split('\r\n');
			const headers = {};
			for (const line of lines) {
				const key = line.slice(0, line.indexOf(':')).toLowerCase();
				const value = line.slice(line.indexOf(':') + 1).trim();
				headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
			}
			const [protocol, code] = first.split(' ');
			const body = out.slice(end + 4);
			resolve({ protocol, status: Number(code), headers, body, get json() { return JSON.parse(body); } });
		});
	});
}

/** One request to the site; as somebody with the right password where "who" is given. */
export function ask(path, { who, site = name, headers = {}, body, from, more = [] } = {}) {
	const parameters = ['--connect-to', `::127.0.0.1:${tls}`];
	if (who !== undefined) {
		parameters.push('--user', `${who}:${people[who]}`);
	}
	if (from !== undefined) {
		parameters.push('-H', `X-Forwarded-For: ${from}`);
	}
	for (const [key, value] of Object.entries(headers)) {
		parameters.push('-H', `${key}: ${value}`);
	}
	if (body !== undefined) {
		parameters.push('-H', 'Content-Type: application/json', '--data-binary', JSON.stringify(body));
	}
	return curl(...parameters, ...more, `https://${site}${path}`);
}

export const append = (content) => ({ type: 'append', content });
export const command = (ledger, content, options = {}) =>
	ask(`/api/ledgers/${ledger}/commands`, { body: append(content), ...options });

/** The actor of an event that must be recorded. */
export async function actorOf(ledger, options) {
	const answer = await command(ledger, 'x', options);
	assert.equal(answer.status, 201, answer.body);
	return answer.json.events[0].actor;
}

/** The version of a ledger, as anybody sees it who may. */
export const versionOf = async (ledger) => (await ask(`/api/ledgers/${ledger}`)).json.version;

export function problem(answer, status, type) {
	assert.equal(answer.status, status, answer.body);
	assert.match(answer.headers['content-type'], /^application\/problem\+json/);
	assert.equal(answer.json.type, `/problems/${type}`);
	assert.equal(answer.json.status, status);
	assert.match(answer.headers['cache-control'] ?? '', /no-store/);
}

/** The lines of the access log, as objects. */
export const log = () => readFileSync(env.EVENTLEDGER_SITE_LOG, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
export const logText = () => readFileSync(env.EVENTLEDGER_SITE_LOG, 'utf8');

/** Asks until the answer is true, for at most the given time. */
export async function until(question, what, milliseconds = 20_000) {
	const deadline = performance.now() + milliseconds;
	while (!(await question())) {
		assert.ok(performance.now() < deadline, `${what}: not within ${milliseconds} ms`);
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
}
