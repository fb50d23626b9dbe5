// Much of everything: items, events, and events at once.

import assert from 'node:assert/strict';

import { test, until } from './browser.mjs';
import { append, appendMany, newLedger, rewind, versionOf } from './client.mjs';

const many = 5_000;
/** More than the rows that fit on the screen and their margins; far fewer than there are. */
const rendered_most = 80;
/** The longest the page may be busy with one change, in ms: people notice a pause from about then. */
const busy_most = 250;
/** The machine has other things to do, and may pause anything once: the best of so many tries counts. */
const tries = 3;

const scrollTo = (page, pane, top) => page.page.evaluate(([name, to]) => {
  document.querySelector(`[data-test=${name}] .scroller`).scrollTop = to;
}, [pane, top]);

/** Whether the page does what the body asks of it without being busy for too long at a time. */
async function staysQuick(page, body) {
  const longest = [];
  do {
    longest.push(await longestTask(page, body));
  } while (longest.at(-1) >= busy_most && longest.length < tries);
  assert.ok(longest.at(-1) < busy_most, `blocked for ${longest.join(', ')} ms`);
}

/** How long the main thread was blocked at most while the body ran, in ms. */
async function longestTask(page, body) {
  await page.page.evaluate(() => {
    window.observer?.disconnect();
    window.longest = 0;
    window.observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries())
        window.longest = Math.max(window.longest, duration);
    });
    window.observer.observe({ entryTypes: ['longtask'] });
  });
  await body();
  return page.page.evaluate(() => window.longest);
}

test('5,000 items: few rows are rendered, and changes and scrolling stay quick', async ({ open }) => {
  const ledger = newLedger();
  await appendMany(ledger, many);
  const page = await open(ledger);
  await page.live();
  assert.match(await page.find('facts').innerText(), /5,000 items/);
  assert.ok((await page.rows()).length < rendered_most);
  assert.equal((await page.rows())[0], 'item 1');

  let added = 0;
  await staysQuick(page, async () => {
    for (let step = 0; step < 40; step++) {
      await scrollTo(page, 'list', step * 5_000);
      await page.page.evaluate(() => new Promise(requestAnimationFrame));
    }
    const content = `one more ${++added}`;
    await page.add(content);
    await until(async () => (await page.rows()).at(-1) === content, 'one\'s own addition is shown at the end');
  });
  assert.ok((await page.rows()).length < rendered_most);
}, { timeout: 120_000 });

test('what somebody reads stays where it is when items above it go and come', async ({ open }) => {
  const ledger = newLedger();
  await appendMany(ledger, 300);
  const page = await open(ledger);
  await page.live();
  await scrollTo(page, 'list', 8_000);
  const place = () => page.page.evaluate(() => {
    const edge = document.querySelector('[data-test=list] .scroller').getBoundingClientRect().top;
    const row = [...document.querySelectorAll('[data-mark]')].find((one) => one.getBoundingClientRect().bottom > edge + 60);
    return row && `${row.querySelector('.content').textContent} at ${Math.round(row.getBoundingClientRect().top)}`;
  });
  await until(async () => /item 1\d\d /.test(await place()), 'the list is scrolled');
  const before = await place();
  const first = await page.page.evaluate(async (name) => (await (await fetch(`/api/ledgers/${name}?limit=10`)).json()).items, ledger);
  for (const { id } of first) {
    await page.page.evaluate(([name, item]) => fetch(`/api/ledgers/${name}/commands`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ type: 'remove', item }),
    }), [ledger, id]);
  }
  await until(async () => (await page.find('facts').innerText()).includes('version 310'), 'all removals have arrived');
  assert.equal(await place(), before);
});

test('older events come on scrolling, all of them, each once', async ({ open }) => {
  const ledger = newLedger();
  await appendMany(ledger, 420);
  const page = await open(ledger);
  await page.live();
  const seen = new Set();
  await until(async () => {
    for (const card of await page.cards())
      seen.add(Number(card.split(' ')[0]));
    await page.page.evaluate(() => {
      document.querySelector('[data-test=history] .scroller').scrollBy(0, 400);
    });
    return seen.has(1);
  }, 'the first event', 40_000);
  assert.equal(seen.size, 420);
  await page.page.getByText('This is where it began.').waitFor();
});

test('a log of 100,000 events: the page opens at its end, and scrolling back through thousands stays quick', async ({ open }) => {
  const ledger = newLedger();
  /* Filled and emptied again and again, so that the list itself stays short. */
  for (let version = 1; version < 100_000; version += 1_001) {
    await appendMany(ledger, 1_000);
    await rewind(ledger, version);
  }
  const last = await versionOf(ledger);
  assert.ok(last >= 100_000);
  const page = await open(ledger);
  await page.live();
  await until(async () => (await page.cards())[0]?.startsWith(`${last} Rewound to before ${last - 1_000}`), 'the newest event');

  let back = last;
  let added = 0;
  await staysQuick(page, async () => {
    back -= 2_000;
    await until(async () => {
      await page.page.evaluate(() => {
        const scroller = document.querySelector('[data-test=history] .scroller');
        scroller.scrollTop = scroller.scrollHeight;
      });
      return Number((await page.cards()).at(-1).split(' ')[0]) < back;
    }, '2,000 events further back', 60_000);
    await append(ledger, `news ${++added}`);
    await until(async () => (await page.rows()).length === added, 'the list goes on');
  });
  assert.ok((await page.cards()).length < rendered_most);
}, { timeout: 240_000 });

test('new events do not move what somebody reads, and wait for a word', async ({ open }) => {
  const ledger = newLedger();
  await appendMany(ledger, 200);
  const page = await open(ledger);
  await page.live();
  await scrollTo(page, 'history', 900);
  await until(async () => !(await page.cards()).some((card) => card.startsWith('200 ')), 'the history is scrolled');
  const before = await page.cards();
  await append(ledger, 'news 1', 'news 2', 'news 3');
  await page.find('news').waitFor();
  await until(async () => (await page.find('news').innerText()) === '3 new events', 'the word');
  assert.deepEqual(await page.cards(), before);
  await page.find('news').click();
  await until(async () => (await page.cards())[0] === '203 Added “news 3”', 'the newest');
  assert.equal(await page.find('news').count(), 0);
});

test('a large rewind arrives whole', async ({ open }) => {
  const ledger = newLedger();
  await appendMany(ledger, 2_000);
  const [one, other] = [await open(ledger), await open(ledger)];
  await Promise.all([one.live(), other.live()]);
  await one.rewind(2_000 - 5);
  await one.asked();
  await one.find('cancel').click();
  await one.page.evaluate((name) => fetch(`/api/ledgers/${name}/commands`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"type":"rewind","version":11}',
  }), ledger);
  for (const page of [one, other])
    await page.shows(Array.from({ length: 10 }, (_, index) => `item ${index + 1}`));
  assert.equal(await versionOf(ledger), 2_001);
});

test('eight tabs: only the one that is looked at holds a stream, and each is up to date when it is', async ({ open, another }) => {
  const ledger = newLedger();
  const first = await open(ledger);
  const context = first.page.context();
  let streams = 0;
  const isStream = (request) => request.url().includes('/sse/');
  context.on('request', (request) => { streams += isStream(request); });
  context.on('requestfinished', (request) => { streams -= isStream(request); });
  context.on('requestfailed', (request) => { streams -= isStream(request); });
  await first.live();
  streams = 1;
  const tabs = [first];
  while (tabs.length < 8) {
    await tabs.at(-1).hide();
    const tab = await another(context);
    tabs.push(await tab.goto(ledger));
    await tab.live();
  }
  await until(() => streams === 1, 'seven tabs gave up their streams');
  await append(ledger, 'milk', 'eggs');
  await tabs[7].shows(['milk', 'eggs']);
  assert.deepEqual(await tabs[0].rows(), []);
  let shown = tabs[7];
  for (const tab of tabs.slice(0, 7)) {
    await shown.hide();
    await tab.show();
    await tab.shows(['milk', 'eggs']);
    await tab.tells(['2 Added “eggs”', '1 Added “milk”']);
    shown = tab;
  }
  await until(() => streams === 1, 'one stream in all');
}, { timeout: 120_000 });
