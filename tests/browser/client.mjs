// What the tests do behind the page's back: commands and questions to the server, as another client would send them.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

/** Where the server is, without a slash at the end. */
export const base = (process.env.EVENTLEDGER_URL ?? process.env.BASE_URL ?? '').replace(/\/$/, '');
assert.notEqual(base, '', 'EVENTLEDGER_URL says where the server is');

/** A ledger nobody has used. */
export const newLedger = () => `t-${randomUUID().slice(0, 13)}`;

export const addressOf = (ledger) => `${base}/l/${ledger}`;

export async function send(ledger, commands) {
  const response = await fetch(`${base}/api/ledgers/${ledger}/commands`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(commands),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return response.json();
}

/** Appends items one by one, each an event; gives their ids. */
export async function append(ledger, ...contents) {
  const ids = [];
  for (const content of contents) {
    ids.push((await send(ledger, { type: 'append', content })).events[0].id);
  }
  return ids;
}

/** Appends many items in few requests. */
export async function appendMany(ledger, count) {
  for (let from = 0; from < count; from += 1000) {
    const length = Math.min(1000, count - from);
    await send(ledger, Array.from({ length }, (_, index) => ({ type: 'append', content: `item ${from + index + 1}` })));
  }
}

export const remove = (ledger, item) => send(ledger, { type: 'remove', item });
export const rewind = (ledger, version) => send(ledger, { type: 'rewind', version });

/** Asks again where the server says that it was away for a moment. */
async function read(path) {
  const deadline = performance.now() + 10_000;
  let response = await fetch(base + path);
  while (response.status === 503 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    response = await fetch(base + path);
  }
  assert.equal(response.status, 200, path);
  return response.json();
}

/** What the list holds now, by the server. */
export const contentsOf = async (ledger) => (await read(`/api/ledgers/${ledger}`)).items.map(({ content }) => content);
export const versionOf = async (ledger) => (await read(`/api/ledgers/${ledger}`)).version;
