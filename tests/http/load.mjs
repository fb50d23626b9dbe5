// Many clients that write as they are told to: a key for each command, and the same key again until it is answered.

import assert from 'node:assert/strict';

import { newLedger, postUntilAnswered, uuid } from './client.mjs';
import { sql } from './machine.mjs';

export class Load {
	ledgers = [newLedger(), newLedger(), newLedger()];
	acknowledged = []; // { ledger, key, content, version }
	refusals = []; // what was not 200 or 201; with retries, it led to one more try
	stopped = false;

	constructor(clients, { retries = true } = {}) {
		this.retries = retries;
		this.clients = Array.from({ length: clients }, (_, i) => this.#client(i));
	}

	async #client(number) {
		for (let i = 0; !this.stopped; i++) {
			const command = { ledger: this.ledgers[(number + i) % this.ledgers.length], key: uuid(), content: `${number}/${i}` };
			const version = await this.#send(command);
			if (version !== null) {
				this.acknowledged.push({ ...command, version });
			}
		}
	}

	#send(command) {
		return postUntilAnswered(command, { retries: this.retries, refused: (answer) => this.refusals.push(`${answer.status} ${answer.text}`) });
	}

	async stop() {
		this.stopped = true;
		await Promise.all(this.clients);
	}

	/** Every acknowledged command is in the log exactly once, at the version that its answer said; and nothing else is. */
	async check() {
		for (const ledger of this.ledgers) {
			const rows = await sql(`SELECT version, command_id, data->>'content' FROM es.events JOIN es.streams USING (stream_id)
				WHERE name = '${ledger}' ORDER BY version`);
			const expected = this.acknowledged.filter((command) => command.ledger === ledger).sort((one, two) => one.version - two.version);
			assert.deepEqual(rows, expected.map(({ version, key, content }) => [String(version), key, content]));
			assert.deepEqual(rows.map(([version]) => Number(version)), rows.map((_, i) => i + 1), 'dense');
			const items = await sql(`SELECT value->>'content' FROM es.state_at('${ledger}')`);
			assert.deepEqual(items.flat(), rows.map((row) => row[2]), 'the state is what the events say');
		}
		assert.deepEqual(await sql('SELECT count(*) = max(position) FROM es.events'), [['t']], 'positions are dense');
	}
}
