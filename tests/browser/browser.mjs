// The browser and the page in it: one Chromium for all tests, a context of its own for each.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test as nodeTest } from 'node:test';

import { chromium } from 'playwright-core';

import { addressOf } from './client.mjs';

const programs = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const test_ms = 60_000;

let launched;

function browser() {
  launched ??= chromium.launch({
    executablePath: programs.find((path) => path && existsSync(path)),
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
  return launched;
}

after(async () => (await launched)?.close());

/** Asks until the answer is true. */
export async function until(question, what, milliseconds = 20_000) {
  const deadline = performance.now() + milliseconds;
  while (!(await question())) {
    assert.ok(performance.now() < deadline, `${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Says of itself that it is hidden when told to: a headless browser takes all its pages for visible. */
function visibilityByHand() {
  let state = 'visible';
  Object.defineProperty(document, 'visibilityState', { get: () => state });
  Object.defineProperty(document, 'hidden', { get: () => state === 'hidden' });
  window.setVisibility = (to) => {
    state = to;
    document.dispatchEvent(new Event('visibilitychange'));
  };
}

/** The page as a person sees it. */
class Page {
  constructor(page, faults) {
    this.page = page;
    this.faults = faults;
  }

  async goto(ledger, hash = '') {
    await this.page.goto(addressOf(ledger) + hash);
    return this;
  }

  find = (name, more = '') => this.page.locator(`[data-test=${name}]${more}`);
  field = () => this.page.getByLabel('Add an item');
  card = (version) => this.find('card', `[data-version="${version}"]`);

  connection = () => this.find('connection').innerText();
  live = () => until(async () => (await this.connection()).trim().endsWith('Live'), 'the page is live');

  /** What the list shows: the content of each row, with its mark where it has one. */
  rows = () => this.page.evaluate(() => [...document.querySelectorAll('[data-mark]')].map((row) => {
    const content = row.querySelector('.content').textContent;
    return row.dataset.mark === 'plain' ? content : `${content} (${row.dataset.mark})`;
  }));

  shows = (expected, what = `the list is ${expected.join(', ')}`) =>
    until(async () => JSON.stringify(await this.rows()) === JSON.stringify(expected), what).catch(async (error) => {
      throw new Error(`${error.message}; it shows ${JSON.stringify(await this.rows())}`);
    });

  /** The cards in view, newest first: version, sentence, and whether it is active. */
  cards = () => this.page.evaluate(() => [...document.querySelectorAll('[data-test=card]')].map((card) => {
    const sentence = card.querySelector('.sentence').textContent.replace(/\s+/g, ' ').trim();
    return `${card.dataset.version} ${sentence}${card.dataset.active === 'true' ? '' : ' (inactive)'}`;
  }));

  tells = (expected) =>
    until(async () => JSON.stringify(await this.cards()) === JSON.stringify(expected), 'the history').catch(async (error) => {
      throw new Error(`${error.message}; it shows ${JSON.stringify(await this.cards())}`);
    });

  async add(content) {
    await this.field().fill(content);
    await this.page.keyboard.press('Enter');
  }

  remove = (content) => this.page.getByRole('button', { name: `Remove “${content}”` }).click();
  rewind = (version) => this.card(version).locator('[data-test=rewind]').click();

  /** The preview is there and can be answered. */
  asked = () => this.find('consequence').waitFor();
  confirm = () => this.find('confirm').click();
  notice = () => this.find('notice');

  hide = () => this.page.evaluate(() => window.setVisibility('hidden'));
  show = () => this.page.evaluate(() => window.setVisibility('visible'));
}

/** A test with pages of its own; whatever it did, none of them may have broken the content security policy. */
export function test(name, body, { timeout = test_ms } = {}) {
  nodeTest(name, { timeout }, async (t) => {
    const contexts = [];
    const faults = [];

    /** A context with one page, on a ledger where one is given. */
    async function open(ledger, { hash = '', ...options } = {}) {
      const context = await (await browser()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
      contexts.push(context);
      await context.addInitScript(visibilityByHand);
      const page = await another(context);
      return ledger === undefined ? page : page.goto(ledger, hash);
    }

    /** One more page of the same context: another tab. */
    async function another(context) {
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      page.on('pageerror', (error) => faults.push(`${error}`));
      page.on('console', (message) => {
        if (/Content.Security.Policy|Vue warn/i.test(message.text()))
          faults.push(message.text());
      });
      return new Page(page, faults);
    }

    try {
      await body({ open, another, skip: (reason) => t.skip(reason) });
      assert.deepEqual(faults, [], 'nothing was said on the console that should not be');
    } finally {
      for (const context of contexts)
        await context.close();
    }
  });
}
