// Many clients that write as they are told to: a key for each command, and the same key again until it is answered.

import assert from 'node:assert/strict';

import { append, newLedger, pause, post, uuid } from './client.mjs';
import { sql } from './machine.mjs';

export class Load {
	ledgers = [newLedger(), newLedger(), newLedger()];
	acknowledged = []; // { ledger, key, content, version }
	refusals = []; // what was not 200 or 201, where nobody retries
	troubles = 0; // answers and errors that led to one more try
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

	/** The version of the answer; null where it was refused for good. */
	async #send({ ledger, key, content }) {
		const deadline = performance.now() + 60_000;
		for (;;) {
			const answer = await post(ledger, append(content), { 'Idempotency-Key': key }).catch((error) => ({ status: 0, text: error.message, headers: {} }));
			if (answer.status === 201 || (answer.status === 200 && answer.headers['idempotent-replayed'] === 'true')) {
				return answer.json.version;
			}
			if (!this.retries) {
				this.refusals.push(`${answer.status} ${answer.text}`);
				return null;
			}
			assert.ok([0, 503, 504].includes(answer.status), `${answer.status} ${answer.text}`);
			assert.ok(performance.now() < deadline, `no answer to one command in a minute: ${answer.status} ${answer.text}`);
			this.troubles++;
			await pause(Math.min(Number(answer.headers['retry-after'] ?? 0) * 1000, 1000) || 20);
		}
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
