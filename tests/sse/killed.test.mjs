// A thousand subscribers and steady posts, while everything between them is killed: each subscriber sees every event
// exactly once and in order, and each post is applied exactly once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { newLedger, nginxWorkers, pause, port, sql, startLedger, startSite, startSupervised, stopSite, stopStreams, until } from './site.mjs';

const crowdSize = 1000;
const writerCount = 4;
const writerPause = 40; // milliseconds between two posts of a writer
const killPause = 1500; // milliseconds between two kills
const rounds = 3; // in which each kind of process is killed once

const ledger = newLedger();
let streams;
let commands;
let crowd;

before(async () => {
	await startSite();
	await stopStreams('SIGTERM');
	streams = await startSupervised();
	commands = await startLedger();
}, { timeout: 60_000 });

after(async () => {
	crowd?.child.kill('SIGKILL');
	await streams?.stop();
	await commands?.stop();
	await stopSite();
}, { timeout: 60_000 });

/** The subscribers: each checks by itself, and comes back as a browser does. */
function gather() {
	const program = join(dirname(process.env.EVENTLEDGER_SSE), 'tests/bench/subscribers');
	const child = spawn(program, ['--port', port, '--count', crowdSize, '--subscribe', `/sse/ledgers/${ledger}`, '--dense'].map(String),
		{ stdio: ['pipe', 'pipe', 'inherit'] });
	const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	return {
		child,
		async tell(command) {
			child.stdin.write(`${command}\n`);
			const { value, done } = await answers.next();
			assert.ok(!done, `"${command}" is done`);
			return JSON.parse(value);
		},
	};
}

/** One post; its status and body, or null if no answer came. */
const post = (agent, key, content) => new Promise((resolve) => {
	const request = http.request({
		port, agent, method: 'POST', path: `/api/ledgers/${ledger}/commands`, timeout: 30_000,
		headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
	}, (incoming) => {
		let body = '';
		incoming.on('data', (chunk) => { body += chunk; });
		incoming.on('error', () => resolve(null));
		incoming.on('end', () => resolve(incoming.complete ? { status: incoming.statusCode, body } : null));
	});
	request.on('error', () => resolve(null));
	request.on('timeout', () => request.destroy());
	request.end(JSON.stringify({ type: 'append', content }));
});

/** Posts until told to stop, each until it is answered with success: [key, version] of each. */
async function write(state, name) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	const written = [];
	while (!state.stopped) {
		const key = randomUUID();
		let answer = null;
		while (answer === null || answer.status === 503 || answer.status === 504) {
			answer = await post(agent, key, `${name} ${written.length}`);
			if (answer === null || answer.status >= 500) {
				state.retries++;
				await pause(50);
			}
		}
		assert.ok(answer.status === 200 || answer.status === 201, `${answer.status} ${answer.body}`);
		written.push([key, JSON.parse(answer.body).version]);
		await pause(writerPause);
	}
	agent.destroy();
	return written;
}

/** Kills one and waits until another one is there. */
async function kill(find) {
	const pid = find();
	process.kill(pid, 'SIGKILL');
	await until(() => find() !== undefined && find() !== pid, 'it is started again');
}

test('while sse.fcgi, ledger.fcgi and nginx workers are killed under load, nobody misses or doubles anything', { timeout: 100_000 }, async () => {
	crowd = gather();
	await crowd.tell('connect');
	const state = { stopped: false, retries: 0 };
	const writers = Array.from({ length: writerCount }, (_, index) => write(state, `writer ${index}`));
	for (let round = 0; round < rounds; round++) {
		for (const find of [streams.program, () => nginxWorkers()[round % nginxWorkers().length], commands.program]) {
			await kill(find);
			await pause(killPause);
		}
	}
	state.stopped = true;
	const written = (await Promise.all(writers)).flat();

	const head = written.length;
	assert.ok(head > 100, `${head} posts were answered`);
	const settled = await crowd.tell(`settle ${head}`);
	const { missing, doubled, strange, resets, refused, subscribers } = settled;
	assert.deepEqual({ missing, doubled, strange, resets, refused, subscribers },
		{ missing: 0, doubled: 0, strange: 0, resets: 0, refused: 0, subscribers: crowdSize });
	assert.ok(settled.reconnects >= crowdSize, `${settled.reconnects} came back`);

	const rows = await sql(`SELECT command_id, version FROM es.events JOIN es.streams USING (stream_id) WHERE name = '${ledger}' ORDER BY version`);
	assert.deepEqual(rows.map(([key, version]) => [key, Number(version)]), written.sort((one, other) => one[1] - other[1]),
		'the log has each post once, with the version that its answer said');
});
