// Two people side by side, and one's own changes on their way.

import assert from 'node:assert/strict';

import { test, until } from './browser.mjs';
import { addressOf, append, contentsOf, newLedger, rewind, send } from './client.mjs';

test('a stranger finds one sentence and one thing to do', async ({ open }) => {
  const ledger = newLedger();
  const page = await open(ledger);
  await page.live();
  assert.match(await page.find('empty').innerText(), /Add the first item/);
  assert.ok(await page.field().evaluate((field) => field === document.activeElement), 'the field has the focus');
  await page.page.keyboard.type('milk');
  await page.page.keyboard.press('Enter');
  await page.shows(['milk']);
  await page.tells(['1 Added “milk”']);
  assert.equal(await page.field().inputValue(), '');
  assert.equal(await page.page.title(), `${ledger} · Eventledger`);
});

test('two pages see each other\'s changes', async ({ open }) => {
  const ledger = newLedger();
  const [one, other] = [await open(ledger), await open(ledger)];
  await Promise.all([one.live(), other.live()]);
  await one.add('milk');
  await other.shows(['milk']);
  await other.add('eggs');
  await one.shows(['milk', 'eggs']);
  await one.remove('milk');
  await other.shows(['eggs']);
  const told = ['3 Removed “milk”', '2 Added “eggs”', '1 Added “milk”'];
  await one.tells(told);
  await other.tells(told);
});

test('the policy of the page allows nothing from elsewhere and nothing inline', async () => {
  const policy = (await fetch(addressOf(newLedger()))).headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:/);
});

test('an addition shows at once, and stays when it is confirmed', async ({ open }) => {
  const page = await open(newLedger());
  await page.live();
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  await page.page.route('**/commands', async (route) => {
    await held;
    await route.continue();
  });
  await page.add('milk');
  await page.add('eggs');
  await page.shows(['milk (adding)', 'eggs (adding)']);
  assert.equal(await page.find('pending').count(), 2);
  go();
  await page.shows(['milk', 'eggs']);
  await page.tells(['2 Added “eggs”', '1 Added “milk”']);
  assert.equal(await page.find('pending').count(), 0);
});

test('a refused addition is withdrawn with the reason, and its text comes back', async ({ open }) => {
  const ledger = newLedger();
  const page = await open(ledger);
  await page.live();
  await page.page.route('**/commands', (route) => route.fulfill({
    status: 422, contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'about:blank', title: 'Unprocessable', status: 422, detail: 'the list is full' }),
  }));
  await page.add('one too many');
  await page.page.getByText('Not added: the list is full.').waitFor();
  assert.equal(await page.field().inputValue(), 'one too many');
  await page.shows([]);
  await page.page.unroute('**/commands');
  await page.page.keyboard.press('Enter');
  await page.shows(['one too many']);
  assert.equal(await page.page.getByText('Not added').count(), 0);
});

test('what is typed is there after a look at the past, and a text refused meanwhile is not lost', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk');
  const page = await open(ledger);
  await page.live();
  const held = [];
  await page.page.route('**/commands', (route) => held.push(route));
  const refuseNext = async (count) => {
    await until(() => held.length === count, 'the command is on its way');
    await held.at(-1).fulfill({
      status: 422, contentType: 'application/problem+json',
      body: JSON.stringify({ type: 'about:blank', title: 'Unprocessable', status: 422, detail: 'the list is full' }),
    });
  };
  await page.add('eggs');
  await page.field().fill('half a th');
  await page.card(1).locator('.look').click();
  await page.find('past').waitFor();
  await refuseNext(1);
  await page.notice().getByText('“eggs” was not added: the list is full.').waitFor();
  await page.find('now').click();
  assert.equal(await page.field().inputValue(), 'half a th');
  const waiting = page.find('waiting-text');
  await waiting.getByText('“eggs” was not added: the list is full.').waitFor();

  await page.field().fill('half a thought');
  await waiting.getByRole('button', { name: 'Bring the text back' }).click();
  assert.equal(await page.field().inputValue(), 'eggs');
  await waiting.getByText('“half a thought” was put aside.').waitFor();
  await page.field().fill('');
  await waiting.getByRole('button', { name: 'Bring the text back' }).click();
  assert.equal(await page.field().inputValue(), 'half a thought');
  assert.equal(await waiting.count(), 0);
});

test('what the server would refuse is said before it is sent', async ({ open }) => {
  const ledger = newLedger();
  const page = await open(ledger);
  await page.live();
  await page.field().fill('x'.repeat(10_001));
  await page.page.getByText('10,001 characters').waitFor();
  assert.ok(await page.page.getByRole('button', { name: 'Add', exact: true }).isDisabled());
  await page.page.keyboard.press('Enter');
  await page.field().fill('  💡\n\ttwo lines  ');
  await page.page.keyboard.press('Enter');
  await page.shows(['💡\n\ttwo lines']);
  assert.deepEqual(await contentsOf(ledger), ['💡\n\ttwo lines']);
});

test('a command whose answer was lost is sent again with the same key, and done once', async ({ open }) => {
  const ledger = newLedger();
  const page = await open(ledger);
  await page.live();
  const keys = [];
  await page.page.route('**/commands', async (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    if (keys.length === 1)
      return route.abort();
    if (keys.length === 2) {
      await route.fetch();
      return route.abort();
    }
    return route.continue();
  });
  /* The stream would tell of it at once; without it, only the second answer can. */
  await page.page.route('**/sse/**', (route) => route.abort());
  await page.hide();
  await page.show();
  await page.add('milk');
  await page.find('pending', '[data-state=waiting]').waitFor();
  await until(() => keys.length >= 3, 'it is sent again');
  await page.shows(['milk']);
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual(await contentsOf(ledger), ['milk']);
});

test('a removal can be undone', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk', 'eggs');
  const page = await open(ledger);
  await page.live();
  await page.remove('milk');
  await page.shows(['eggs']);
  assert.match(await page.notice().innerText(), /Removed “milk”/);
  await page.page.getByRole('button', { name: 'Undo' }).click();
  await page.shows(['milk', 'eggs']);
  await page.tells(['4 Rewound to before 3: Removed “milk”', '3 Removed “milk” (inactive)', '2 Added “eggs”', '1 Added “milk”']);
});

test('undoing what others have built on shows first what it would take with it', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk', 'eggs');
  const page = await open(ledger);
  await page.live();
  await page.remove('milk');
  await page.notice().waitFor();
  await append(ledger, 'tea');
  await page.shows(['eggs', 'tea']);
  await page.page.getByRole('button', { name: 'Undo' }).click();
  await page.asked();
  await page.shows(['milk (returns)', 'eggs', 'tea (goes)']);
  assert.deepEqual(await contentsOf(ledger), ['eggs', 'tea']);
});

test('what somebody else has undone is no longer offered to be undone', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk', 'eggs');
  const page = await open(ledger);
  await page.live();
  await page.remove('milk');
  await page.notice().hover(); // it does not go by itself then
  await append(ledger, 'tea');
  await page.shows(['eggs', 'tea']);
  assert.equal(await page.notice().count(), 1, 'it stays where something else happens');
  await rewind(ledger, 3);
  await page.shows(['milk', 'eggs']);
  await page.notice().waitFor({ state: 'detached' });
});

test('removing what somebody else has removed is no error', async ({ open }) => {
  const ledger = newLedger();
  const [milk] = await append(ledger, 'milk', 'eggs');
  const page = await open(ledger);
  await page.live();
  await page.page.route('**/commands', async (route) => {
    await send(ledger, { type: 'remove', item: milk });
    await route.continue();
  });
  await page.remove('milk');
  await page.shows(['eggs']);
  await page.page.getByText('“milk” was already gone.').waitFor();
});

test('a link leads to another ledger', async ({ open }) => {
  const [ledger, another] = [newLedger(), newLedger()];
  await append(another, 'elsewhere');
  const page = await open(ledger);
  await page.live();
  await page.page.getByText('Ledgers').click();
  await page.page.getByRole('link', { name: another }).waitFor();
  await page.page.getByLabel('Open or start a ledger').fill(another);
  await page.page.keyboard.press('Enter');
  await page.page.waitForURL(addressOf(another));
  await page.shows(['elsewhere']);
});
