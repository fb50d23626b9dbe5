// Chance that can be had again: the same seed and name give the same numbers on every machine.

export class Random {
	#state;

	/** name: what the numbers are for, so that each part of a run has a row of its own. */
	constructor(seed, name) {
		this.#state = 0x811c9dc5; // FNV-1a of both
		for (const character of `${seed}/${name}`) {
			this.#state = Math.imul(this.#state ^ character.codePointAt(0), 0x01000193) >>> 0;
		}
	}

	/** 32 bits (a Weyl sequence, mixed as MurmurHash3 ends). */
	bits() {
		this.#state = (this.#state + 0x9e3779b9) >>> 0;
		let mixed = this.#state;
		mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
		mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
		return (mixed ^ (mixed >>> 16)) >>> 0;
	}

	/** A whole number from first to last, both included. */
	between(first, last) {
		return first + Math.floor(this.bits() / 2 ** 32 * (last - first + 1));
	}

	chance(probability) {
		return this.bits() / 2 ** 32 < probability;
	}

	pick(list) {
		return list[this.between(0, list.length - 1)];
	}

	/** One of the rows, each with a weight as its first column. */
	weighted(rows) {
		let at = this.between(1, rows.reduce((sum, [weight]) => sum + weight, 0));
		return rows.find(([weight]) => (at -= weight) <= 0);
	}

	shuffled(list) {
		const rest = [...list];
		return list.map(() => rest.splice(this.between(0, rest.length - 1), 1)[0]);
	}

	uuid() {
		const hex = Array.from({ length: 4 }, () => this.bits().toString(16).padStart(8, '0')).join('');
		return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
	}
}
