// What operators look at: health and metrics; and the command line of ledger.fcgi.

import assert from 'node:assert/strict';
import net from 'node:net';
import { networkInterfaces } from 'node:os';

import { append, apply, base, get, newLedger, post, test } from './client.mjs';
import { ledgerProgram, ledgerSocket, program } from './machine.mjs';

test('the health tells the state of the database', async () => {
	const answer = await get('/healthz');
	assert.equal(answer.status, 200);
	assert.match(answer.headers['content-type'], /^application\/json\b/);
	assert.equal(answer.json.status, 'ok');
	assert.equal(answer.json.database, 'reachable');
	assert.match(answer.headers['cache-control'], /no-store|no-cache/);
});

/** The metrics as a map from name and labels to value; checks the form of every line. */
async function metrics() {
	const answer = await get('/metrics/ledger');
	assert.equal(answer.status, 200);
	assert.match(answer.headers['content-type'], /^text\/plain; version=0\.0\.4/);
	const values = new Map();
	const types = new Map();
	for (const line of answer.text.split('\n').slice(0, -1)) {
		const type = line.match(/^# TYPE (\w+) (counter|gauge|histogram)$/);
		if (type !== null) {
			assert.ok(!types.has(type[1]), `${type[1]} is declared once`);
			types.set(type[1], type[2]);
			continue;
		}
		if (/^# HELP \w+ \S/.test(line)) {
			continue;
		}
		const sample = line.match(/^(\w+)(\{(\w+="[^"]*",?)+\})? (-?[\d.e+-]+|\+Inf)$/);
		assert.ok(sample !== null, `a line of the text format: ${line}`);
		assert.ok(types.has(sample[1]) || types.get(sample[1].replace(/_(bucket|sum|count)$/, '')) === 'histogram', `${sample[1]} is declared`);
		const key = sample[1] + (sample[2] ?? '');
		assert.ok(!values.has(key), `${key} is there once`);
		values.set(key, Number(sample[4]));
	}
	return { values, types };
}

test('the metrics are Prometheus text', async () => {
	const { types } = await metrics();
	assert.ok(types.size >= 6);
	assert.ok([...types.keys()].every((name) => name.startsWith('ledger_')));
});

test('the metrics count requests by route and status', async () => {
	const key = 'ledger_http_requests_total{route="commands",code="201"}';
	const refused = 'ledger_http_requests_total{route="commands",code="422"}';
	const { values: before } = await metrics();
	await apply(newLedger(), append('x'));
	await apply(newLedger(), append('x'));
	await post(newLedger(), append(''));
	const { values: after } = await metrics();
	assert.equal(after.get(key) - (before.get(key) ?? 0), 2);
	assert.equal(after.get(refused) - (before.get(refused) ?? 0), 1);
});

test('the metrics have time, batch size, commit time, queue length and reconnects', async () => {
	const { values: before } = await metrics();
	await apply(newLedger(), [append('x'), append('y')]);
	const { values: after, types } = await metrics();
	const grows = (pattern, least) => {
		const names = [...after.keys()].filter((name) => pattern.test(name));
		assert.ok(names.length > 0, `${pattern} is there`);
		const sum = (values) => names.reduce((total, name) => total + (values.get(name) ?? 0), 0);
		assert.ok(sum(after) - sum(before) >= least, `${pattern} grows`);
	};
	grows(/^ledger_http_request_duration_seconds_count\{route="commands"/, 1);
	grows(/^ledger_http_request_duration_seconds_sum\{route="commands"/, 1e-6);
	grows(/^ledger_batch_requests_count/, 1);
	grows(/^ledger_batch_events_sum/, 2);
	grows(/^ledger_commit_seconds_count/, 1);
	assert.equal(types.get('ledger_queue_length'), 'gauge');
	assert.equal(after.get('ledger_queue_length'), 0, 'nobody waits');
	assert.equal(types.get('ledger_reconnects_total'), 'counter');
});

test('the buckets of a histogram only grow, up to its count', async () => {
	const { values, types } = await metrics();
	for (const [name] of [...types].filter(([, type]) => type === 'histogram')) {
		const series = new Map();
		for (const [key, value] of values) {
			const bucket = key.match(new RegExp(`^${name}_bucket\\{(.*?),?le="([^"]+)"\\}$`));
			if (bucket !== null) {
				series.set(bucket[1], [...(series.get(bucket[1]) ?? []), value]);
			}
		}
		for (const [labels, counts] of series) {
			assert.deepEqual(counts, [...counts].sort((one, two) => one - two), `${name}{${labels}}`);
			assert.equal(counts.at(-1), values.get(`${name}_count${labels === '' ? '' : `{${labels}}`}`), `${name}{${labels}}`);
		}
	}
});

test('no metric tells the name of a ledger', async () => {
	const ledger = newLedger();
	await apply(ledger, append('x'));
	assert.ok(!(await get('/metrics/ledger')).text.includes(ledger));
});

test('the server listens on loopback alone', async (context) => {
	const others = Object.values(networkInterfaces()).flat().filter((address) => !address.internal && !address.address.startsWith('fe80'));
	for (const { address } of others) {
		await assert.rejects(new Promise((resolve, reject) => {
			const socket = net.connect(Number(base.port), address, () => resolve(socket.destroy()));
			socket.setTimeout(2000, () => socket.destroy(new Error('filtered')));
			socket.on('error', reject);
		}), `${address} must refuse`);
	}
	if (others.length === 0) {
		context.diagnostic('this machine has no other address');
	}
});

// ---- ledger.fcgi itself

test('ledger.fcgi --help tells the options and succeeds', async () => {
	const { status, out, err } = await program(ledgerProgram, ['--help']);
	assert.equal(status, 0);
	assert.equal(err, '');
	for (const option of ['--socket', '--database', '--threads', '--writers', '--help', '--version']) {
		assert.ok(out.includes(option), option);
	}
});

test('ledger.fcgi --version tells name and number', async () => {
	const { status, out } = await program(ledgerProgram, ['--version']);
	assert.equal(status, 0);
	assert.match(out, /^ledger\.fcgi .*\d+\.\d+\.\d+\n$/);
});

for (const parameters of [['--unknown'], ['--threads', '0'], ['--threads', 'x'], ['--writers', '-1'], ['--writers', '99999'], ['--socket'], ['extra'], ['-x']]) {
	test(`ledger.fcgi ${parameters.join(' ')} is an error with a hint`, async () => {
		const { status, out, err } = await program(ledgerProgram, parameters);
		assert.equal(status, 2);
		assert.equal(out, '');
		assert.match(err, /--help/);
	});
}

test('ledger.fcgi without a socket says so and fails', async () => {
	const { status, err } = await program(ledgerProgram, []);
	assert.ok(status !== 0);
	assert.match(err, /level=error .*--socket/);
});

test('ledger.fcgi refuses a socket that somebody answers at', async () => {
	const { status, err } = await program(ledgerProgram, ['--socket', ledgerSocket]);
	assert.ok(status !== 0);
	assert.match(err, /^level=error /m);
	assert.equal((await get('/healthz')).status, 200, 'and does not take it away');
});
