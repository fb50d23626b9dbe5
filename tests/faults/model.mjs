// What a ledger means, written from the definition alone: S(0) is empty, S(v) = evolve(S(base(v)), event v).

const evolve = {
	'item-appended': (items, event) => items.set(event.id, { id: event.id, content: event.data.content, version: event.version }),
	'item-removed': (items, event) => items.delete(event.data.item),
	rewound: () => {},
};

export class Model {
	/** All events of one ledger: events[v - 1] is event v, { version, id, type, data }. */
	constructor(events) {
		this.events = events;
	}

	base(version) {
		const event = this.events[version - 1];
		return event.type === 'rewound' ? event.data.version - 1 : version - 1;
	}

	/** Whether version is on the chain head, base(head), base(base(head)) ... */
	chain(head) {
		const chain = [];
		for (let version = head; version > 0; version = this.base(version)) {
			chain.push(version);
		}
		return chain;
	}

	/** The items of the state at version, in the order of their versions. */
	state(version) {
		const items = new Map();
		for (const each of this.chain(version).reverse()) {
			evolve[this.events[each - 1].type](items, this.events[each - 1]);
		}
		return [...items.values()];
	}

	/** How many items differ between the states before and at version. */
	changes(version) {
		if (this.events[version - 1].type !== 'rewound') {
			return 1;
		}
		const before = new Set(this.state(version - 1).map((item) => item.id));
		const after = this.state(version);
		const kept = after.filter((item) => before.has(item.id)).length;
		return before.size + after.length - 2 * kept;
	}
}
