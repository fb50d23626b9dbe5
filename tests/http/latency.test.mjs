// Readers do not queue behind each other.

import assert from 'node:assert/strict';
import http from 'node:http';

import { append, apply, newLedger, request, test } from './client.mjs';

const most = 200; // milliseconds

test('8 heads in parallel that nobody asked for before: none takes more than 200 ms', async () => {
	const slowest = [];
	// The machine may be busy with something else just then; stalls, and readers that queue, come every time.
	for (let round = 0; round < 8 && !(slowest.at(-1) <= most); round++) {
		const ledger = newLedger();
		await apply(ledger, Array.from({ length: 1000 }, (_, i) => append(`an item of the list, number ${i}`)));
		const answers = await Promise.all(Array.from({ length: 8 }, () =>
			request('GET', `/api/ledgers/${ledger}`, { agent: new http.Agent({ keepAlive: false }) })));
		assert.ok(answers.every((answer) => answer.status === 200 && answer.json.items.length === 1000));
		slowest.push(Math.max(...answers.map((answer) => answer.milliseconds)));
	}
	assert.ok(slowest.at(-1) <= most, `the slowest of 8: ${slowest.map((time) => time.toFixed(0)).join(', ')} ms`);
});

test('a large answer does not come in pieces that wait for each other', async () => {
	const ledger = newLedger();
	for (let i = 0; i < 3; i++) {
		await apply(ledger, Array.from({ length: 200 }, (_, k) => append(`${i}.${k} ${'x'.repeat(7000)}`)));
	}
	// From the first byte to the last: moving 4 MiB takes a few milliseconds, a stall for each piece seconds.
	const times = [];
	for (let round = 0; round < 5 && !(times.at(-1) <= most * 2); round++) {
		times.push(await new Promise((resolve, reject) => {
			http.get({ host: '127.0.0.1', port: new URL(process.env.EVENTLEDGER_URL).port, path: `/api/ledgers/${ledger}?limit=10000` }, (incoming) => {
				const started = performance.now();
				incoming.on('data', () => {});
				incoming.on('end', () => resolve(performance.now() - started));
			}).on('error', reject);
		}));
	}
	assert.ok(times.at(-1) <= most * 2, `from the first byte to the last: ${times.map((time) => time.toFixed(0)).join(', ')} ms`);
});
