// What goes wrong in the world: streams break, programs die, the database restarts, networks go, sessions end.

import assert from 'node:assert/strict';

import { test, until } from './browser.mjs';
import { append, contentsOf, newLedger } from './client.mjs';
import { kill, ours, withoutDatabase } from './machine.mjs';

test('offline: one\'s own changes wait, others\' are caught up with', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk');
  const page = await open(ledger);
  await page.live();
  await page.page.context().setOffline(true);
  await until(async () => (await page.connection()).includes('Offline'), 'it says offline');
  await page.add('mine');
  await page.shows(['milk', 'mine (waiting)']);
  assert.match(await page.find('banner').innerText(), /1 change of yours will be sent/);
  await append(ledger, 'theirs');
  await page.page.context().setOffline(false);
  await page.shows(['milk', 'theirs', 'mine']);
  await page.live();
  assert.equal(await page.find('banner').count(), 0);
  await page.tells(['3 Added “mine”', '2 Added “theirs”', '1 Added “milk”']);
});

test('without the stream a change shows as saved all the same, and others\' changes are not lost', async ({ open }) => {
  const ledger = newLedger();
  const page = await open();
  await page.page.route('**/sse/**', (route) => route.abort());
  await page.goto(ledger);
  await page.add('milk');
  await page.shows(['milk']);
  await page.tells(['1 Added “milk”']);
  await append(ledger, 'eggs');
  await page.page.unroute('**/sse/**');
  await page.live();
  await page.shows(['milk', 'eggs']);
});

test('signed out: it says so, keeps what was typed, and comes back', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk');
  const page = await open(ledger);
  await page.live();
  await page.page.route(/\/(api|sse)\//, (route) => route.fulfill({
    status: 401, contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: 'Unauthorized', status: 401, detail: 'sign in first' }),
  }));
  await page.hide();
  await page.show();
  await until(async () => (await page.connection()).includes('Signed out'), 'it says signed out');
  await page.add('eggs');
  await page.page.getByText('Not added: sign in first.').waitFor();
  assert.equal(await page.field().inputValue(), 'eggs');
  await page.page.unroute(/\/(api|sse)\//);
  await page.hide();
  await page.show();
  await page.live();
});

test('sse.fcgi is killed: every page is live again, nothing missed, nothing doubled', async ({ open, skip }) => {
  if (!ours)
    return skip('the server is not ours');
  const ledger = newLedger();
  const [one, other] = [await open(ledger), await open(ledger)];
  await Promise.all([one.live(), other.live()]);
  const contents = Array.from({ length: 30 }, (_, index) => `item ${index + 1}`);
  await append(ledger, ...contents.slice(0, 10));
  await Promise.all([kill('sse.fcgi'), append(ledger, ...contents.slice(10))]);
  for (const page of [one, other]) {
    await page.live();
    await until(async () => (await page.find('facts').innerText()).startsWith('30 items'), 'all items');
    assert.match((await page.cards())[0], /^30 /);
  }
  await one.add('after');
  await until(async () => (await other.find('facts').innerText()).startsWith('31 items'), 'what came after');
});

test('ledger.fcgi is killed while changes are on their way: each is made once', async ({ open, skip }) => {
  if (!ours)
    return skip('the server is not ours');
  const ledger = newLedger();
  const page = await open(ledger);
  await page.live();
  const contents = Array.from({ length: 20 }, (_, index) => `item ${index + 1}`);
  const killed = kill('ledger.fcgi');
  for (const content of contents)
    await page.add(content);
  await killed;
  await until(async () => (await contentsOf(ledger)).length === 20 && await page.find('pending').count() === 0, 'all are saved');
  assert.deepEqual(await contentsOf(ledger), contents);
});

test('the database restarts: changes wait and are made once, and the page is live again', async ({ open, skip }) => {
  if (!ours)
    return skip('the server is not ours');
  const ledger = newLedger();
  await append(ledger, 'milk');
  const page = await open(ledger);
  await page.live();
  await withoutDatabase(async () => {
    await page.add('eggs');
    await page.add('tea');
    await page.shows(['milk', 'eggs (waiting)', 'tea (adding)']);
  });
  await page.shows(['milk', 'eggs', 'tea']);
  await page.live();
  assert.deepEqual(await contentsOf(ledger), ['milk', 'eggs', 'tea']);
  await append(ledger, 'bread');
  await page.shows(['milk', 'eggs', 'tea', 'bread']);
});
