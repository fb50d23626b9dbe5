// Breaks things on purpose under load, and checks that nothing was lost.  Started by tests/faults/run.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { pause, request, until } from '../http/client.mjs';
import { runs } from '../http/processes.mjs';
import * as checks from './checks.mjs';
import { faults } from './faults.mjs';
import { Load } from './load.mjs';
import { Plan } from './plan.mjs';
import { administer, descriptorsOf, hosts, memoryOf, signal, startSite, stopSite } from './site.mjs';
import { Burden, Subscriber } from './subscribers.mjs';

const { values: options } = parseArgs({
	options: {
		seed: { type: 'string' }, minutes: { type: 'string' }, fault: { type: 'string', multiple: true }, list: { type: 'boolean' },
		count: { type: 'string' }, // a file: how many tests there were so far
	},
});
const seed = Number(options.seed ?? 1);
const minutes = Number(options.minutes ?? 2);
const only = options.fault ?? Object.keys(faults);
const mountable = process.env.EVENTLEDGER_FILE_SYSTEM !== undefined;

const ledgers = ['fault.0', 'fault.1', 'fault.2', 'fault.3', 'fault.4'];
const warmUp = 4000; // milliseconds without faults before
const quietTime = 5000; // and after
const answerLimit = 35_000; // milliseconds: 20 s that the program waits for the database, and the 12 s it may stand still
const recoveryLimit = 20_000; // milliseconds from the end of the last fault until all is well
const catchUpLimit = 30_000; // milliseconds for the slowest to see the last event
const grace = 12_000; // milliseconds after a fault in which a refusal may be its doing
const memoryMore = 10 * 1024; // KiB above the start: a ring of 1 MiB for each ledger, and what malloc keeps
const sessionsMost = { 'ledger.fcgi writer': 4, 'ledger.fcgi reader': 8, 'sse.fcgi': 2 }; // of both hosts
const programs = ['ledger.fcgi', 'sse.fcgi'];

const say = (line) => process.stdout.write(`# ${line}\n`);

// ---- TAP

let count = 0;
let failed = 0;

function report(description, found) {
	count++;
	failed += found.length > 0 ? 1 : 0;
	process.stdout.write(`${found.length > 0 ? 'not ' : ''}ok ${count} - ${description}\n`);
	writeFileSync(options.count, String(count));
	found.slice(0, 12).forEach((line) => say(line));
	if (found.length > 12) {
		say(`... and ${found.length - 12} more`);
	}
}

// ---- looking at the processes

function measure() {
	return Object.fromEntries(hosts.flatMap((host) => programs.map((program) => {
		const pid = host.process(program);
		return [`${program} of the ${host.name} host`, { memory: memoryOf(pid), descriptors: descriptorsOf(pid) }];
	})));
}

const keepers = () => hosts.flatMap((host) => host.keepers());

async function isWell(host) {
	const answers = await Promise.all(['/healthz', '/metrics/sse', '/api/ledgers?limit=1'].map((path) =>
		request('GET', path, { server: host.server }).catch(() => ({ status: 0, text: '' }))));
	return answers.every((answer) => answer.status === 200) && answers[0].json.database === 'reachable' &&
		/^eventledger_sse_database_connected 1$/m.test(answers[1].text) && programs.every((program) => host.processes(program).length === 1);
}

const allWell = (limit, load) => until(async () => (await Promise.all(hosts.map(isWell))).every(Boolean) && (load?.troubleFree ?? Infinity) > 1000,
	'all programs serve', limit);

/** nginx closes the connections that it keeps to the programs, which are not theirs to count. */
async function closeKept() {
	for (const host of hosts) {
		const before = host.workers();
		signal(host.process('nginx'), 'SIGHUP');
		await until(() => !before.some(runs), `the old workers of the ${host.name} host end`, 90_000);
	}
}

async function sessions() {
	const rows = await administer(`SELECT application_name, count(*) FROM pg_stat_activity WHERE usename = 'eventledger_worker' GROUP BY 1`);
	return rows.filter(([name, number]) => !(Number(number) <= sessionsMost[name])).map((row) => row.join(': '));
}

// ---- the run

function startSubscribers() {
	return Array.from({ length: 4 * ledgers.length }, (_, i) =>
		new Subscriber(seed, i, ledgers[i % ledgers.length], { slow: i >= 3 * ledgers.length }));
}

async function rush() {
	await startSite();
	await allWell(60_000);
	await closeKept();
	const base = measure();
	const held = keepers();
	const started = performance.now();
	const load = new Load(seed, { ledgers, writers: 32, readers: 3 });
	const subscribers = startSubscribers();
	const burden = new Burden(ledgers[0]);
	await until(() => load.acknowledged >= 100 && load.troubleFree > 1000, 'clients are served', recoveryLimit);
	const settled = performance.now();
	await pause(warmUp);

	const plan = new Plan(seed, {
		only: only.filter((name) => name !== 'disk-full' || mountable), deadline: performance.now() + minutes * 60_000, say,
	});
	await plan.run();
	const ended = performance.now();
	const unwell = await allWell(recoveryLimit, load).then(() => [], (error) => [error.message]);
	say(`all well ${Math.round(performance.now() - ended)} ms after the last fault`);
	const quiet = performance.now();
	await pause(quietTime);
	await load.stop();
	say(`${load.commands.length} commands, ${load.acknowledged} acknowledged, ${load.attempts.length} requests`);

	const log = await checks.Log.read(ledgers);
	await until(() => subscribers.every((each) => each.last === log.head(each.ledger)), '', catchUpLimit).catch(() => {});
	subscribers.forEach((each) => each.close());
	burden.stop();
	const total = (count) => subscribers.reduce((sum, each) => sum + count(each), 0);
	say(`${total((each) => each.seen)} events seen on ${total((each) => each.connections)} streams with ` +
		`${total((each) => each.resets.length)} resets; ${burden.ended} bad connections were ended`);

	report('every acknowledged command is in the log exactly once, at the versions that its answer said', checks.acknowledged(log, load));
	report('no other command is in the log twice, and none that was refused', checks.unacknowledged(log, load));
	report('nothing was appended twice', checks.doubled(log));
	report('versions have no gaps and their bases are right', checks.versions(log));
	report('positions have no gaps, and time does not go back', await checks.positions());
	report('the states at head and at random versions are those of the model', await checks.states(log, seed));
	report('every state that was read meanwhile was true', checks.samples(log, load));
	report('every subscriber saw every version from its start exactly once, in order, up to the head', checks.seen(log, subscribers));
	report('every subscriber has the items of the model', checks.followed(log, subscribers));
	report('only who fell off the ring was reset', checks.resets(log, subscribers));
	report(`every request was answered within ${answerLimit / 1000} s`, checks.inTime(load.attempts, answerLimit, started));
	report('nothing was refused before the faults or after them, and meanwhile only with 503 or 504', checks.excused(load.attempts.filter((each) => each.sent > settled), plan.injected,
		{ grace, quiet, cuts: (name) => faults[name].cuts, started }));
	report('every command that was sent again and again was answered', load.overdue.map((command) => `${command.key}: not in time`));
	report('every fault was injected', plan.troubles.concat(only.includes('disk-full') && !mountable ?
		['disk-full: a file system of its own cannot be mounted here; run this as root where mounting is permitted'] : []));
	report(`all programs serve within ${recoveryLimit / 1000} s of the last fault`, unwell);
	report('no process needed a hand', String(keepers()) === String(held) ? [] : [`kept by ${held} before and ${keepers()} now`]);
	await closeKept();
	report('no session is left in PostgreSQL', await sessions());
	await resources(base);
}

async function resources(base) {
	const most = (name) => base[name].descriptors + (name.startsWith('ledger') ? 6 : 1); // connections to PostgreSQL
	await until(() => Object.entries(measure()).every(([name, now]) => now.descriptors <= most(name)), '', 15_000).catch(() => {});
	const now = Object.entries(measure());
	report('file descriptors are back at their base', now.filter(([name, { descriptors }]) => descriptors > most(name))
		.map(([name, { descriptors }]) => `${name}: ${descriptors}, ${base[name].descriptors} before`));
	report('memory is back at its base', now.filter(([name, { memory }]) => memory > base[name].memory + memoryMore)
		.map(([name, { memory }]) => `${name}: ${memory} KiB, ${base[name].memory} before`));
	now.forEach(([name, { memory, descriptors }]) =>
		say(`${name}: ${base[name].memory} KiB and ${base[name].descriptors} descriptors before, ${memory} and ${descriptors} now`));
}

if (options.list) {
	for (const [name, { what }] of Object.entries(faults)) {
		process.stdout.write(`${name.padEnd(20)} ${what}\n`);
	}
	process.exit(0);
}
process.stdout.write('TAP version 13\n');
say(`seed ${seed}, ${minutes} minutes; again: tests/faults/run --seed ${seed} --minutes ${minutes}${(options.fault ?? []).map((name) => ` --fault ${name}`).join('')}`);
try {
	await rush();
} catch (error) {
	report('the run itself', error.stack.split('\n'));
} finally {
	await stopSite();
}
process.exit(failed > 0 ? 1 : 0);
