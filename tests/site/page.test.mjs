// The page in a real browser, for guests and for people with a name.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after } from 'node:test';

import { command, name, newLedger, people, plain, test, tls, until } from './client.mjs';
import { openStreams } from './streams.mjs';

const { chromium } = createRequire(new URL('../browser/', import.meta.url))('playwright-core');
const programs = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const browser = await chromium.launch({
	executablePath: programs.find((path) => path && existsSync(path)),
	args: [
		'--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
		`--host-resolver-rules=MAP ${name}:443 127.0.0.1:${tls},MAP ${name}:80 127.0.0.1:${plain}`,
	],
});
after(() => browser.close());

const addressOf = (ledger) => `https://${name}/l/${ledger}`;

/** A browser of somebody, who gives their password when asked. */
async function contextOf(who, options = {}) {
	const credentials = who === null ? {} : { httpCredentials: { username: who, password: people[who] } };
	return browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 }, ...credentials, ...options });
}

async function newPage(context) {
	const page = await context.newPage();
	page.setDefaultTimeout(30_000);
	return page;
}

async function open(context, ledger) {
	const page = await newPage(context);
	await page.goto(addressOf(ledger));
	return page;
}

const find = (page, what) => page.locator(`[data-test=${what}]`);
const live = (page) => until(async () => (await find(page, 'connection').innerText()).trim().endsWith('Live'), 'the page is live');
const rows = (page) => page.locator('[data-mark=plain] .content').allInnerTexts();
const shows = (page, expected) => until(async () => JSON.stringify(await rows(page)) === JSON.stringify(expected), `the list is ${expected}`);
const field = (page) => page.getByLabel('Add an item');

/** The test, and its contexts closed. */
function siteTest(what, body) {
	test(what, async () => {
		const contexts = [];
		try {
			await body(async (...parameters) => {
				contexts.push(await contextOf(...parameters));
				return contexts.at(-1);
			});
		} finally {
			await Promise.all(contexts.map((context) => context.close()));
		}
	});
}

siteTest('a guest sees everything at once, and is offered nothing that guests may not do', async (context) => {
	const ledger = newLedger();
	await command(ledger, 'milk', { who: 'anna' });
	const page = await open(await context(null), ledger);
	await live(page);
	await shows(page, ['milk']);
	await command(ledger, 'eggs', { who: 'berta' });
	await shows(page, ['milk', 'eggs']);
	await until(async () => (await page.locator('[data-test=card] .actor').allInnerTexts()).join() === 'berta,anna', 'the cards say who');
	assert.match(await find(page, 'read-only').innerText(), /Read only/);
	assert.equal(await field(page).isVisible(), false);
	for (const role of [/^Add$/, /^Remove /, /Rewind/, /Undo/]) {
		assert.equal(await page.getByRole('button', { name: role }).count(), 0, String(role));
	}
	await page.locator('[data-test=card][data-version="1"] .look').click();
	await find(page, 'past').waitFor();
	await shows(page, ['milk']);
	assert.equal(await page.getByRole('button', { name: /Rewind/ }).count(), 0, 'nor in the past');
	assert.equal(await find(page, 'actor').count(), 0);
});

siteTest('a guest signs in, is back at the same ledger, and what they do bears their name', async (context) => {
	const ledger = newLedger();
	await command(ledger, 'milk', { who: 'berta' });
	const page = await open(await context('anna'), ledger);
	await find(page, 'sign-in').click();
	await page.waitForURL(addressOf(ledger));
	await live(page);
	assert.equal((await find(page, 'actor').locator('.name').innerText()).trim(), 'anna');
	assert.equal(await find(page, 'read-only').count(), 0);
	await field(page).fill('eggs');
	await page.keyboard.press('Enter');
	await shows(page, ['milk', 'eggs']);
	await until(async () => (await page.locator('[data-test=card] .actor').allInnerTexts()).join() === 'anna,berta', 'the cards say who');
	await page.locator('[data-test=card][data-version="1"] [data-test=rewind]').click();
	await find(page, 'confirm').click();
	await shows(page, []);
});

siteTest('who is signed out meanwhile loses nothing of what they typed', async (context) => {
	const ledger = newLedger();
	const page = await open(await context('anna'), ledger);
	await find(page, 'sign-in').click();
	await page.waitForURL(addressOf(ledger));
	await live(page);
	// As after the end of a session: the server no longer knows who it is.
	await page.route('**/api/session', (route) => route.fulfill({ json: { actor: null, writable: false } }));
	await page.route('**/commands', (route) => route.fulfill({
		status: 403, contentType: 'application/problem+json', body: '{"type":"/problems/read-only","title":"Forbidden","status":403,"detail":"you may only look"}',
	}));
	await field(page).fill('a long thought');
	await page.keyboard.press('Enter');
	await find(page, 'read-only').waitFor();
	assert.match(await find(page, 'notice').innerText(), /“a long thought” was not added: you may only look/);
	await page.unrouteAll();
	await page.evaluate(() => {
		for (const state of ['hidden', 'visible']) {
			Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
			document.dispatchEvent(new Event('visibilitychange'));
		}
	});
	await until(() => field(page).isVisible(), 'the field is there again');
	assert.equal(await field(page).inputValue(), 'a long thought');
});

siteTest('two people in two browsers stay two, and each sees the other', async (context) => {
	const ledger = newLedger();
	const pages = {};
	for (const who of ['anna', 'berta']) {
		pages[who] = await open(await context(who), ledger);
		await find(pages[who], 'sign-in').click();
		await pages[who].waitForURL(addressOf(ledger));
		await live(pages[who]);
	}
	for (const who of ['anna', 'berta']) {
		await field(pages[who]).fill(`by ${who}`);
		await pages[who].keyboard.press('Enter');
		await shows(pages.anna, who === 'anna' ? ['by anna'] : ['by anna', 'by berta']);
		await shows(pages.berta, who === 'anna' ? ['by anna'] : ['by anna', 'by berta']);
	}
	for (const page of Object.values(pages)) {
		await until(async () => (await page.locator('[data-test=card] .actor').allInnerTexts()).join() === 'berta,anna', 'the cards say who');
	}
});

// Over HTTP/1.1 the seventh would wait for ever: six streams are all the connections that a browser opens.
siteTest('eight windows, all of them visible, are live at once over HTTP/2', async (context) => {
	const ledger = newLedger();
	await command(ledger, 'milk', { who: 'anna' });
	const one = await context(null);
	const pages = [];
	for (let at = 0; at < 8; at++) {
		pages.push(await open(one, ledger));
	}
	for (const page of pages) {
		await live(page);
		assert.equal(await page.evaluate(() => document.visibilityState), 'visible');
		assert.equal(await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol), 'h2');
	}
	await command(ledger, 'eggs', { who: 'berta' });
	await Promise.all(pages.map((page) => shows(page, ['milk', 'eggs'])));
	await Promise.all(pages.map(live));
});

siteTest('a page that found no room for its stream gets in by itself', async (context) => {
	const ledger = newLedger();
	const from = '203.0.113.40';
	await command(ledger, 'milk', { who: 'anna' });
	const taken = await openStreams(ledger, 200, from);
	const page = await newPage(await context(null, { extraHTTPHeaders: { 'X-Forwarded-For': from } }));
	// Listened for before there is a page: an answer that came before a reload could not be read after it.
	const refused = page.waitForResponse((response) => response.url().includes('/sse/'));
	await page.goto(addressOf(ledger));
	assert.match(await (await refused).text(), /^retry: /);
	await shows(page, ['milk']);
	assert.doesNotMatch(await find(page, 'connection').innerText(), /Live/);
	await command(ledger, 'eggs', { who: 'anna' });
	taken.close();
	await live(page);
	await shows(page, ['milk', 'eggs']);
});
