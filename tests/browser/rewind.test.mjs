// Going back: the preview, the rewind, the rewind of a rewind, and the past itself.

import assert from 'node:assert/strict';

import { test, until } from './browser.mjs';
import { addressOf, append, contentsOf, newLedger, remove, rewind, versionOf } from './client.mjs';

/** The first five events of the worked example without its rewind: eggs, tea and bread are there, milk is not. */
async function ledgerWithHistory() {
  const ledger = newLedger();
  const [milk] = await append(ledger, 'milk', 'eggs');
  await remove(ledger, milk);
  await append(ledger, 'tea', 'bread');
  return ledger;
}

test('a rewind is previewed in the list, and done for everybody', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const [one, other] = [await open(ledger), await open(ledger)];
  await Promise.all([one.live(), other.live()]);
  await one.rewind(3);
  await one.asked();
  await one.shows(['milk (returns)', 'eggs', 'tea (goes)', 'bread (goes)']);
  assert.equal(await one.find('consequence').innerText(), '2 items go, 1 item comes back.');
  assert.match(await one.card(4).innerText(), /becomes inactive/);
  assert.match(await one.card(3).innerText(), /becomes inactive/);
  assert.doesNotMatch(await one.card(2).innerText(), /inactive/);
  assert.equal(await versionOf(ledger), 5);
  await one.confirm();
  for (const page of [one, other]) {
    await page.shows(['milk', 'eggs']);
    await page.tells([
      '6 Rewound to before 3: Removed “milk”', '5 Added “bread” (inactive)', '4 Added “tea” (inactive)',
      '3 Removed “milk” (inactive)', '2 Added “eggs”', '1 Added “milk”',
    ]);
  }
});

test('a preview is withdrawn by Cancel and by Escape, and the focus goes back', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const page = await open(ledger);
  await page.live();
  const button = page.card(3).locator('[data-test=rewind]');
  for (const answer of [() => page.page.keyboard.press('Escape'), () => page.find('cancel').click()]) {
    await button.click();
    await page.asked();
    await answer();
    await page.shows(['eggs', 'tea', 'bread']);
    assert.equal(await page.find('preview').count(), 0);
    await until(() => button.evaluate((element) => element === document.activeElement), 'the focus is back');
  }
  assert.equal(await versionOf(ledger), 5);
});

test('a rewind is rewound', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  await rewind(ledger, 3);
  const page = await open(ledger);
  await page.live();
  assert.equal(await page.card(6).locator('[data-test=rewind]').innerText(), 'Redo');
  await page.rewind(6);
  await page.asked();
  await page.shows(['milk (goes)', 'eggs', 'tea (returns)', 'bread (returns)']);
  assert.match(await page.card(5).innerText(), /active again/);
  await page.confirm();
  await page.shows(['eggs', 'tea', 'bread']);
  await page.tells([
    '7 Took back rewind 6', '6 Rewound to before 3: Removed “milk” (inactive)', '5 Added “bread”', '4 Added “tea”',
    '3 Removed “milk”', '2 Added “eggs”', '1 Added “milk”',
  ]);
});

test('an event that is not active can be rewound', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  await rewind(ledger, 2);
  const page = await open(ledger);
  await page.live();
  await page.rewind(5);
  await page.asked();
  await page.shows(['milk (goes)', 'eggs (returns)', 'tea (returns)']);
  await page.confirm();
  await page.shows(['eggs', 'tea']);
});

test('where others were first, the page shows what they did and asks again', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const page = await open(ledger);
  await page.live();
  await page.rewind(5);
  await page.asked();
  let first = true;
  const conditions = [];
  await page.page.route('**/commands', async (route) => {
    conditions.push(route.request().headers()['if-match']);
    if (first)
      await append(ledger, 'jam');
    first = false;
    await route.continue();
  });
  await page.confirm();
  await page.find('meanwhile').getByText('Added “jam”').waitFor();
  await page.shows(['eggs', 'tea', 'bread (goes)', 'jam (goes)']);
  assert.deepEqual(await contentsOf(ledger), ['eggs', 'tea', 'bread', 'jam']);
  await until(async () => {
    await page.page.evaluate(() => document.querySelector('[data-test=confirm]')?.click());
    return await versionOf(ledger) === 7;
  }, 'it is done when confirmed again');
  await page.shows(['eggs', 'tea']);
  assert.deepEqual(conditions, ['"5"', '"6"']);
});

test('what others change while a preview is open is told, and the preview follows', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const page = await open(ledger);
  await page.live();
  await page.rewind(4);
  await page.asked();
  await append(ledger, 'jam');
  await page.shows(['eggs', 'tea (goes)', 'bread (goes)', 'jam (goes)']);
  await page.find('meanwhile').getByText('Added “jam”').waitFor();
  assert.equal(await page.find('consequence').innerText(), '3 items go.');
});

test('the past is looked at without touching it', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const page = await open(ledger);
  await page.live();
  await page.card(2).locator('.look').click();
  await page.shows(['milk', 'eggs']);
  assert.match(await page.find('past').innerText(), /As it was at version 2/);
  assert.ok(!await page.field().isVisible());
  assert.equal(await page.page.getByRole('button', { name: /^Remove “/ }).count(), 0);
  await append(ledger, 'jam');
  await page.card(6).waitFor();
  await page.shows(['milk', 'eggs']);
  await page.page.getByRole('button', { name: 'One version on' }).click();
  await page.shows(['eggs']);
  await page.page.reload();
  await page.shows(['eggs']);
  await page.find('now').click();
  await page.shows(['eggs', 'tea', 'bread', 'jam']);
  assert.equal(page.page.url().split('#')[0], addressOf(ledger));
});

test('the back button leads from the past to now, and a link to the past leads there', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const page = await open(ledger);
  await page.live();
  await page.card(1).locator('.look').click();
  await page.shows(['milk']);
  await page.page.goBack();
  await page.shows(['eggs', 'tea', 'bread']);
  const linked = await open(ledger, { hash: '#version=2' });
  await linked.shows(['milk', 'eggs']);
  await linked.page.keyboard.press('Escape');
  await linked.shows(['eggs', 'tea', 'bread']);
});

test('from the past a rewind leads there', async ({ open }) => {
  const ledger = await ledgerWithHistory();
  const page = await open(ledger);
  await page.live();
  await page.card(2).locator('.look').click();
  await page.shows(['milk', 'eggs']);
  await page.page.getByRole('button', { name: /Rewind to here/ }).click();
  await page.asked();
  await page.shows(['milk (returns)', 'eggs', 'tea (goes)', 'bread (goes)']);
  await page.confirm();
  await page.shows(['milk', 'eggs']);
  assert.deepEqual(await contentsOf(ledger), ['milk', 'eggs']);
});
