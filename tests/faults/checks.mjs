// What must be true afterwards: each answers with a list of faults, which is empty when all is well.

import { request } from '../http/client.mjs';
import { Model } from './model.mjs';
import { Random } from './random.mjs';
import { hosts, sql } from './site.mjs';

const compared = 40; // versions of each ledger besides the head
const ringEvents = 900; // sse.fcgi keeps the last 1000 events or 1 MiB of them; a little less, for what is under way
const ringBytes = 500_000;
const frameBytes = 450; // an event without its contents
const changeBytes = 500; // of one fact, with the longest contents that are written here

export const plain = (items) => items.map((item) => [item.id, item.content, item.version]);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** The log as SQL tells it. */
export class Log {
	ledgers = new Map(); // name to { events, model }
	byKey = new Map(); // command id to its events, in order

	static async read(names) {
		const log = new Log();
		for (const name of names) {
			const rows = await sql(`SELECT position, version, id, type, data, base, command_id, live FROM es.events
				JOIN es.streams USING (stream_id) WHERE name = '${name}' ORDER BY version`);
			const events = rows.map(([position, version, id, type, data, base, command, live]) => ({
				ledger: name, position: Number(position), version: Number(version), id, type, data: JSON.parse(data), base: Number(base),
				command, live: Number(live),
			}));
			log.ledgers.set(name, { events, model: new Model(events) });
			for (const event of events) {
				log.byKey.set(event.command, [...(log.byKey.get(event.command) ?? []), event]);
			}
		}
		return log;
	}

	head(ledger) {
		return this.ledgers.get(ledger).events.length;
	}
}

/** Every acknowledged command is there once, where its answer said, whole. */
export function acknowledged(log, { commands }) {
	return commands.filter((command) => command.last !== null).flatMap((command) => {
		const events = log.byKey.get(command.key) ?? [];
		const versions = Array.from({ length: command.last - command.first + 1 }, (_, i) => command.first + i);
		const good = events.length === command.count && same(events.map((event) => event.version), versions) &&
			same(command.versions, versions) && same(events.map((event) => event.id), command.ids) &&
			events.every((event) => event.ledger === command.ledger) &&
			(command.ifMatch === null || command.first === command.ifMatch + 1);
		return good ? [] : [`${command.key} of ${command.ledger}: answered ${command.first} to ${command.last}, ` +
			`in the log ${events.map((event) => event.version)}`];
	});
}

/** What was not acknowledged is there once or not at all; what is known to be refused is not there; nothing else is. */
export function unacknowledged(log, { commands }) {
	const known = new Set(commands.map((command) => command.key));
	const unkeyed = new Set(commands.filter((command) => command.key === null && command.unknown).map((command) => command.name));
	const faults = commands.filter((command) => command.last === null && command.keyed).flatMap((command) => {
		const events = log.byKey.get(command.key) ?? [];
		if (events.length === 0) {
			return [];
		}
		if (!command.unknown) {
			return [`${command.key}: told that it was not applied (${command.refused ?? 503}), and yet version ${events[0].version} of ${command.ledger}`];
		}
		const whole = events.length === command.count && events.every((event, i) => event.version === events[0].version + i);
		return whole ? [] : [`${command.key}: in the log as ${events.map((event) => event.version)} instead of ${command.count} in a row`];
	});
	for (const [key, [{ ledger, version, data }]] of log.byKey) {
		if (!known.has(key) && !unkeyed.has(data.content?.split('.')[0])) {
			faults.push(`${key}: nobody is waiting for version ${version} of ${ledger}`);
		}
	}
	return faults;
}

/** Whatever anybody appended, with a key or without, is there once at the most: no content was sent twice. */
export function doubled(log) {
	const contents = new Set();
	return [...log.ledgers.values()].flatMap(({ events }) => events.filter((event) => event.type === 'item-appended').flatMap((event) => {
		const before = contents.has(event.data.content);
		contents.add(event.data.content);
		return before ? [`version ${event.version} of ${event.ledger}: "${event.data.content.slice(0, 40)}" was appended before`] : [];
	}));
}

export function versions(log) {
	return [...log.ledgers].flatMap(([name, { events, model }]) => events.flatMap((event, i) =>
		(event.version === i + 1 && event.base === model.base(i + 1) ? [] : [`${name}: event ${i + 1} is ${event.version} on ${event.base}`])));
}

export async function positions() {
	const rows = await sql(`SELECT position, recorded_at FROM (
			SELECT position, recorded_at, lag(position, 1, 0::bigint) OVER w AS before, lag(recorded_at) OVER w AS earlier
			FROM es.events WINDOW w AS (ORDER BY position)) e
		WHERE position <> before + 1 OR recorded_at < earlier LIMIT 10`);
	return rows.map(([position, time]) => `position ${position} at ${time} does not follow the one before`);
}

/** The state at head and at random versions, by SQL and by HTTP of both hosts. */
export async function states(log, seed) {
	const random = new Random(seed, 'states');
	const faults = [];
	for (const [name, { events, model }] of log.ledgers) {
		const chosen = [events.length, ...Array.from({ length: compared }, () => random.between(0, events.length))];
		for (const version of chosen) {
			const expected = plain(model.state(version));
			const answer = await request('GET', `/api/ledgers/${name}/states/${version}?limit=10000`, { server: random.pick(hosts).server });
			if (answer.status !== 200 || !same(plain(answer.json.items), expected)) {
				faults.push(`${name} at ${version}: HTTP says otherwise`);
			}
			if (version > 0 && events[version - 1].live !== expected.length) {
				faults.push(`${name} at ${version}: ${events[version - 1].live} live facts, not ${expected.length}`);
			}
		}
		const rows = await sql(chosen.map((version) => `(SELECT ${version}, key, origin FROM es.state_at('${name}', ${version}))`)
			.join(' UNION ALL ') + ' ORDER BY 1, 3');
		for (const version of new Set(chosen)) {
			const found = rows.filter(([at]) => Number(at) === version).map(([, key, origin]) => [key, Number(origin)]);
			const times = chosen.filter((each) => each === version).length;
			const expected = model.state(version).flatMap((item) => Array(times).fill([item.id, item.version]));
			if (!same(found, expected)) {
				faults.push(`${name} at ${version}: SQL says otherwise`);
			}
		}
	}
	return faults;
}

/** What was read while things broke was true. */
export function samples(log, load) {
	return load.samples.flatMap(({ ledger, version, items }) =>
		(version <= log.head(ledger) && same(items, plain(log.ledgers.get(ledger).model.state(version))) ? [] :
			[`${ledger} at ${version} was read wrong`]));
}

/** Everybody saw every version exactly once, in order, up to the head. */
export function seen(log, subscribers) {
	return subscribers.flatMap((each) => {
		const skipped = each.resets.reduce((sum, { from, to }) => sum + to - from, 0);
		const faults = each.faults.map((fault) => `${each.name}: ${fault}`);
		if (each.last !== log.head(each.ledger)) {
			faults.push(`${each.name}: at ${each.last}, the head is ${log.head(each.ledger)}`);
		}
		if (each.seen !== each.last - each.start - skipped) {
			faults.push(`${each.name}: saw ${each.seen} events from ${each.start} to ${each.last} less ${skipped}`);
		}
		return faults;
	});
}

/** The changes that came along made the state. */
export function followed(log, subscribers) {
	return subscribers.flatMap((each) => {
		const { model } = log.ledgers.get(each.ledger);
		return same(plain(each.items), plain(model.state(each.last))) ? [] : [`${each.name}: has other items at ${each.last}`];
	});
}

/** A reset is for those who fell off the ring, and for nobody else. */
export function resets(log, subscribers) {
	return subscribers.flatMap((each) => each.resets.flatMap(({ from, to }) => {
		const { model } = log.ledgers.get(each.ledger);
		let bytes = 0;
		for (let version = from + 1; version <= to && bytes < ringBytes; version++) {
			bytes += frameBytes + model.changes(version) * changeBytes;
		}
		return to > from && (to - from >= ringEvents || bytes >= ringBytes) ? [] : [`${each.name}: reset from ${from} to ${to}`];
	}));
}

const describe = ({ host, path, sent, ended, status, text }, started) =>
	`${((sent - started) / 1000).toFixed(2)} s, ${host} host, ${path}: ${status} after ${Math.round(ended - sent)} ms ${text.replaceAll('\n', ' ')}`;

export function inTime(attempts, limit, started) {
	return attempts.filter((each) => each.ended - each.sent > limit).map((each) => describe(each, started));
}

/** Refusals have a reason: a fault nearby.  quiet: from when on there is none.  A cut connection has one that cuts. */
export function excused(attempts, injected, { grace, quiet, cuts, started }) {
	const near = (each, row) => each.ended >= row.from && each.sent <= row.until + grace;
	return attempts.filter((each) => {
		if (each.cutOff && each.status === 0) {
			return false;
		}
		switch (each.status) {
		case 200:
		case 201:
			return false;
		case 404: // an item that is not there (any more)
		case 412: // where If-Match was sent
			return !each.path.endsWith('/commands');
		case 503:
		case 504:
			return each.sent > quiet || !injected.some((row) => near(each, row)) ||
				!each.text.includes(each.status === 503 ? '/problems/' : '/problems/outcome-unknown');
		case 0:
			return each.sent > quiet || !injected.some((row) => cuts(row.name)?.test(each.path) && near(each, row));
		default:
			return true;
		}
	}).map((each) => describe(each, started));
}
