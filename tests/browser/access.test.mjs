// For everybody: without a mouse, without eyes, on a narrow screen, in the dark.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { test, until } from './browser.mjs';
import { append, contentsOf, newLedger, remove, rewind } from './client.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

async function ledgerToLookAt() {
  const ledger = newLedger();
  const [milk] = await append(ledger, 'milk', 'eggs', 'tea\nthe green one', 'bread '.repeat(40));
  await remove(ledger, milk);
  await rewind(ledger, 5);
  await rewind(ledger, 6);
  await append(ledger, 'incomprehensibilities'.repeat(8));
  return ledger;
}

/** No finding of axe, and nothing that has to be scrolled sideways. */
async function isSound(page, what) {
  await page.page.evaluate(axe);
  const violations = await page.page.evaluate(async () => (await window.axe.run()).violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 120)} ${failureSummary}`).join(' | ')}`));
  assert.deepEqual(violations, [], what);
  const wide = await page.page.evaluate(() => [...document.querySelectorAll('html, .scroller, .pane')]
    .filter((element) => element.scrollWidth > element.clientWidth).map(({ className }) => className));
  assert.deepEqual(wide, [], `${what}: nothing is wider than its place`);
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280]) {
    test(`every state is sound, ${colorScheme}, ${width} px`, async ({ open }) => {
      const ledger = await ledgerToLookAt();
      const page = await open(undefined, { colorScheme, viewport: { width, height: 640 }, reducedMotion: 'reduce' });
      const narrow = width < 900;

      await page.goto(newLedger());
      await page.live();
      await isSound(page, 'empty');

      await page.goto(ledger);
      await page.live();
      await isSound(page, 'the list');
      if (narrow) {
        await page.find('tab-history').click();
        await isSound(page, 'the history');
      }
      await page.rewind(2);
      await page.asked();
      await isSound(page, 'the preview');
      await page.find('cancel').click();

      if (narrow)
        await page.find('tab-history').click();
      await page.card(3).locator('.look').click();
      await page.find('past').waitFor();
      await page.shows(['milk', 'eggs', 'tea\nthe green one']);
      await isSound(page, 'the past');
      await page.find('now').click();

      await page.field().fill('x'.repeat(10_001));
      await page.page.getByText('10,001 characters').waitFor();
      await isSound(page, 'a problem');
      await page.field().fill('');

      await page.remove('eggs');
      await page.notice().waitFor();
      await isSound(page, 'a notice');

      await page.page.getByText('Ledgers').click();
      await page.page.getByLabel('Open or start a ledger').waitFor();
      await isSound(page, 'the other ledgers');
      await page.page.keyboard.press('Escape');

      await page.page.context().setOffline(true);
      await page.find('banner').waitFor();
      await isSound(page, 'offline');
    }, { timeout: 120_000 });
  }
}

test('the list cannot be loaded: it says why, and loads when it can', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk');
  const page = await open();
  await page.page.route('**/api/**', (route) => route.fulfill({
    status: 503, contentType: 'application/problem+json', headers: { 'Retry-After': '60' },
    body: JSON.stringify({ type: 'about:blank', title: 'Unavailable', status: 503, detail: 'the database is away' }),
  }));
  await page.goto(ledger);
  assert.match(await page.find('error').innerText(), /the database is away/);
  await isSound(page, 'an error');
  await page.page.unroute('**/api/**');
  await page.page.getByRole('button', { name: 'Try again now' }).click();
  await page.shows(['milk']);
});

test('loading is shown, but only where it takes a while', async ({ open }) => {
  const page = await open();
  let go;
  const held = new Promise((resolve) => { go = resolve; });
  await page.page.route('**/api/**', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(newLedger());
  await page.page.getByText('Loading the list').waitFor();
  go();
  await page.live();
  assert.equal(await page.page.getByText('Loading the list').count(), 0);
});

test('everything can be done with the keyboard alone', async ({ open }) => {
  const ledger = newLedger();
  const page = await open(ledger);
  await page.live();
  const { keyboard } = page.page;
  const focused = () => page.page.evaluate(() => {
    const { ariaLabel, textContent, dataset, tagName } = document.activeElement;
    return `${tagName} ${ariaLabel ?? textContent.trim()} ${dataset.test ?? ''}`;
  });
  const tabTo = async (pattern, key = 'Tab') => {
    for (let steps = 0; steps < 40 && !pattern.test(await focused()); steps++)
      await keyboard.press(key);
    assert.match(await focused(), pattern);
  };

  for (const content of ['milk', 'eggs', 'tea']) {
    await keyboard.type(content);
    await keyboard.press('Enter');
  }
  await page.shows(['milk', 'eggs', 'tea']);
  await page.tells(['3 Added “tea”', '2 Added “eggs”', '1 Added “milk”']);

  await tabTo(/Remove “eggs”/, 'Shift+Tab');
  await keyboard.press('Enter');
  await page.shows(['milk', 'tea']);
  assert.match(await focused(), /Remove “tea”/, 'the next item has the focus');
  await tabTo(/Undo/);
  await tabTo(/Dismiss/);
  await keyboard.press('Enter');
  await until(async () => new RegExp(`^H2 ${ledger}`).test(await focused()), 'after a notice the list has the focus');

  await tabTo(/Rewind to before 3/);
  await keyboard.press('Enter');
  await page.asked();
  await page.shows(['milk', 'eggs (returns)', 'tea (goes)']);
  await until(async () => /confirm/.test(await focused()), 'the question has the focus');
  await keyboard.press('Escape');
  await page.shows(['milk', 'tea']);
  await until(async () => /Rewind to before 3/.test(await focused()), 'the focus is back at the card');
  await keyboard.press('Enter');
  await page.asked();
  await until(async () => /confirm/.test(await focused()), 'the question has the focus');
  await keyboard.press('Enter');
  await page.shows(['milk', 'eggs']);
  assert.deepEqual(await contentsOf(ledger), ['milk', 'eggs']);

  await tabTo(/Added “milk”/);
  await keyboard.press('Enter');
  await page.shows(['milk']);
  await keyboard.press('Escape');
  await page.shows(['milk', 'eggs']);
  await until(async () => /Added “milk”/.test(await focused()), 'after the past the card that led there has the focus');
  await keyboard.press('Enter');
  await page.shows(['milk']);
  await tabTo(/Back to now/, 'Shift+Tab');
  await keyboard.press('Enter');
  await page.shows(['milk', 'eggs']);
  await until(async () => /Added “milk”/.test(await focused()), 'and also after the way back by button');
  await keyboard.press('Enter');
  await page.shows(['milk']);
  await page.page.goBack();
  await page.shows(['milk', 'eggs']);
  assert.doesNotMatch(await focused(), /^BODY/);
});

test('a listener is told quietly what others did, once it has settled', async ({ open }) => {
  const ledger = newLedger();
  await append(ledger, 'milk');
  const page = await open(ledger);
  await page.live();
  const announcer = page.find('announcer');
  assert.equal(await announcer.getAttribute('role'), 'status');
  await append(ledger, 'eggs', 'tea', 'bread');
  await page.shows(['milk', 'eggs', 'tea', 'bread']);
  await until(async () => (await announcer.textContent()) === '3 changes. The list has 4 items.', 'one summary');
});
