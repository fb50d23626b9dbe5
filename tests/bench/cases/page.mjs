// From a POST to the item painted in Chromium: through the log, sse.fcgi, nginx and the page.
//
// The page itself sends the POST, as another program would (its own bookkeeping knows nothing of it), so one clock
// measures both ends.  Painted is: the row is in the document and the frame after that has been drawn.

import { existsSync } from 'node:fs';
import http from 'node:http';

import { chromium } from 'playwright-core';

import { quantile } from '../machine.mjs';

export const title = 'Commit to page: from a POST to the item painted in Chromium';

const samples = 40; // in each round
const wanted = 1000; // commands a second in another ledger
const connections = 32;
const tick = 10; // milliseconds between two lots of them
const programs = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];

const loads = {
  idle: () => ({ stop: async () => 0 }),
  'under load': startLoad,
};

/** Posts single commands to a ledger nobody watches, about as many as wanted; stop() tells how many a second it was. */
function startLoad(bench, ledger) {
  const { hostname, port } = new URL(bench.base);
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const body = JSON.stringify({ type: 'append', content: 'milk and honey' });
  const options = { hostname, port, agent, method: 'POST', path: `/api/ledgers/${ledger}/commands`,
    headers: { 'Content-Type': 'application/json', 'Content-Length': body.length } };
  const began = performance.now();
  let sent = 0;
  let answered = 0;
  let failure = null;

  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - began) * wanted / 1000);
    // what a slow moment left undone is not made up for all at once
    for (const most = Math.min(due, answered + connections * 4); sent < most; sent++) {
      const request = http.request(options, (incoming) => {
        if (incoming.statusCode !== 201) failure = new Error(`the load: ${incoming.statusCode}`);
        incoming.resume().on('end', () => answered++);
      });
      request.on('error', (error) => { failure = error; });
      request.end(body);
    }
  }, tick);

  return {
    async stop() {
      clearInterval(timer);
      const rate = answered / ((performance.now() - began) / 1000);
      while (answered < sent && failure === null) await new Promise((resolve) => setTimeout(resolve, tick));
      agent.destroy();
      if (failure) throw failure;
      return rate;
    },
  };
}

/** In the page: appends, waits until that is painted, removes it again; milliseconds from the first to the second. */
async function appendAndPaint([ledger, content]) {
  const post = async (command) => {
    const answer = await fetch(`/api/ledgers/${ledger}/commands`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(command),
    });
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const shown = () => [...document.querySelectorAll('[data-mark] .content')].some((each) => each.textContent === content);
  const until = (question) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not within 20 s')), 20_000);
    const observer = new MutationObserver(look);
    function look() {
      if (!question()) return;
      clearTimeout(timer);
      observer.disconnect();
      resolve();
    }
    observer.observe(document, { subtree: true, childList: true, characterData: true });
    look();
  });
  // a callback for a frame runs before it is drawn; what that posts runs behind
  const painted = () => new Promise((resolve) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
  });

  const began = performance.now();
  const seen = until(shown).then(painted).then(() => performance.now());
  const appended = await post({ type: 'append', content });
  const answered = performance.now();
  const taken = { painted: (await seen) - began, answered: answered - began };
  const gone = until(() => !shown());
  await post({ type: 'remove', item: appended.events[0].id });
  await gone;
  return taken;
}

export async function run(bench) {
  const browser = await chromium.launch({
    executablePath: programs.find((path) => path && existsSync(path)),
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  const found = { p50: {}, p99: {}, answered: {} };
  const rates = [];

  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    for (let round = 1; round <= bench.rounds; round++) {
      for (const [name, start] of Object.entries(loads)) {
        const ledger = `page${round}-${name.replace(' ', '-')}`;
        await page.goto(`${bench.base}/l/${ledger}`);
        await page.locator('[data-test=connection]', { hasText: 'Live' }).waitFor();
        const load = start(bench, `load${round}`);
        const taken = [];
        try {
          for (let i = 0; i < samples; i++) taken.push(await page.evaluate(appendAndPaint, [ledger, `item ${i} of ${Date.now()}`]));
        } finally {
          const rate = await load.stop();
          if (rate > 0) rates.push(rate);
        }
        const painted = taken.map((each) => each.painted);
        (found.p50[name] ??= []).push(quantile(painted, 0.5));
        (found.p99[name] ??= []).push(quantile(painted, 0.99));
        (found.answered[name] ??= []).push(quantile(taken.map((each) => each.answered), 0.5));
      }
      bench.log(`round ${round} of ${bench.rounds}`);
    }
  } finally {
    await browser.close();
  }

  return {
    unit: 'milliseconds',
    rows: [
      { label: 'painted, p50', values: found.p50, better: 'lower' },
      { label: `painted, p99 of ${samples}`, values: found.p99, better: 'lower' },
      { label: 'answered, p50', values: found.answered, better: 'lower' },
    ],
    ratios: [],
    notes: [`Under load: ${rates.map((rate) => Math.round(rate)).join(', ')} commands a second in another ledger.`,
      'A browser draws 60 frames a second: 8 ms of it are waiting for the next one, on average.'],
  };
}
