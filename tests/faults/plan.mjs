// When what breaks: a row of faults for each lane, all at once, from the seed.

import { pause } from '../http/client.mjs';
import { faults } from './faults.mjs';
import { Random } from './random.mjs';

const shortestRest = 300; // milliseconds from the end of a fault to the next one of its lane
const longestRest = 5000;

/** Injects until the time is over and each fault was tried; each of a lane once before any a second time. */
export class Plan {
	injected = []; // { name, from, until } in milliseconds of performance.now()
	#succeeded = new Set(); // names
	#failed = new Map(); // name to reason: it could not be done, or what it broke did not come back

	/** only: the names of the faults, or none for all; say: takes lines for people. */
	constructor(seed, { only, deadline, say }) {
		this.seed = seed;
		this.deadline = deadline;
		this.say = say;
		this.started = performance.now();
		this.lanes = new Map();
		for (const name of only) {
			this.lanes.set(faults[name].lane, [...(this.lanes.get(faults[name].lane) ?? []), name]);
		}
	}

	async run() {
		await Promise.all([...this.lanes].map(([lane, names]) => this.#lane(names, new Random(this.seed, lane))));
	}

	async #lane(names, random) {
		let row = random.shuffled(names);
		for (let tried = 0; performance.now() < this.deadline || tried < names.length; tried++) {
			row = row.length > 0 ? row : random.shuffled(names);
			const name = row.shift();
			await this.#inject(name, random);
			await pause(random.between(shortestRest, longestRest));
		}
	}

	async #inject(name, random) {
		const from = performance.now();
		const row = { name, from, until: Infinity };
		this.injected.push(row);
		const said = await faults[name].inject(random).then((done) => {
			this.#succeeded.add(name);
			return done ?? '';
		}, (error) => {
			this.#failed.set(name, error.message);
			return error.message;
		});
		row.until = performance.now();
		this.say(`at ${((from - this.started) / 1000).toFixed(1)} s ${name} ${said}`);
	}

	/** What was tried and never succeeded: now and then another fault is in the way. */
	get troubles() {
		return [...this.#failed].filter(([name]) => !this.#succeeded.has(name)).map((each) => each.join(': '));
	}
}
