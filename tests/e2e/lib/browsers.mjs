// Chromium through Playwright and Firefox through WebDriver BiDi, behind one small
// Tab: what a person does to a page, and what a test reads from it.

import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

import { eventually } from './await.mjs';
import { instrument } from './instrument.mjs';
import { OUTPUT } from './server.mjs';

const FAKE_DEVICES = '--use-fake-device-for-media-stream';
const CHROMIUM = {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
    FAKE_DEVICES,
    '--autoplay-policy=no-user-gesture-required',
    // Without it no candidate is gathered where there is only the loopback.
    '--allow-loopback-in-peer-connection',
  ],
};
const FAKE_PERMISSION = '--use-fake-ui-for-media-stream';

const FIREFOX = {
  browser: 'firefox',
  executablePath: '/usr/bin/firefox-esr',
  headless: true,
  extraPrefsFirefox: {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.peerconnection.ice.loopback': true,
    'media.peerconnection.ice.obfuscate_host_addresses': false,
    'media.autoplay.default': 0,
    // Without these two it gathers nothing.
    'permissions.default.camera': 1,
    'permissions.default.microphone': 1,
  },
};

/** One page of one browser profile. */
export class Tab {
  #page;
  #close;

  constructor(page, close) {
    this.#page = page;
    this.#close = close;
    this.console = [];
    page.on('console', (message) => this.console.push(message.text()));
    page.on('pageerror', (error) => this.console.push(`uncaught: ${error.message ?? error}`));
  }

  goto(url) {
    return this.#page.goto(url, { waitUntil: 'load' });
  }

  reload() {
    return this.#page.reload();
  }

  evaluate(script, argument) {
    return this.#page.evaluate(script, argument);
  }

  stats() {
    return this.#page.evaluate(() => window.__e2e.stats());
  }

  /** Puts the pointer on it and presses, as soon as it can be pressed. */
  async click(testId) {
    await this.visible(testId);
    await this.#page.click(`[data-testid="${testId}"]:not([disabled])`);
  }

  async fill(testId, text) {
    await this.visible(testId);
    const selector = `[data-testid="${testId}"]`;
    if (this.#page.fill) return this.#page.fill(selector, text);
    await this.#page.click(selector, { count: 3 });
    await this.#page.keyboard.press('Backspace');
    return this.#page.type(selector, text);
  }

  /** What the page shows under a test id; undefined when it does not. */
  text(testId) {
    return this.#page.evaluate((id) => {
      const element = document.querySelector(`[data-testid="${id}"]`);
      return element?.checkVisibility() ? element.textContent.trim() : undefined;
    }, testId);
  }

  visible(testId) {
    return eventually(`${testId} is shown`, () => this.text(testId), (text) => text !== undefined);
  }

  /** Every tile as the page shows it. */
  tiles() {
    return this.#page.evaluate(() =>
      [...document.querySelectorAll('[data-testid="tile"]')].map((tile) => ({
        participantId: tile.dataset.participantId,
        source: tile.dataset.source,
        you: tile.dataset.you === 'true',
        speaking: tile.dataset.speaking === 'true',
        muted: tile.dataset.muted === 'true',
        picture: tile.dataset.video === 'true',
        text: tile.textContent.trim(),
      })),
    );
  }

  async resize(width, height) {
    const size = { width, height };
    await (this.#page.setViewportSize?.(size) ?? this.#page.setViewport(size));
  }

  async screenshot(name) {
    await mkdir(OUTPUT, { recursive: true });
    return this.#page.screenshot({ path: path.join(OUTPUT, `${name}.png`) });
  }

  close() {
    return this.#close();
  }
}

/** Runs in every page first: what its `instrument` is to do otherwise. */
function remember(wishes) {
  for (const [name, value] of Object.entries(wishes)) localStorage.setItem(`e2e.${name}`, value);
}

/** Opens tabs, each a person with a browser profile of their own. */
export class Browsers {
  #chromiums = new Map();
  #tabs = [];

  /**
   * @param {{permission?: 'granted' | 'denied', devices?: boolean, codec?: string,
   *   mediaPort?: number, colorScheme?: string, script?: () => void}} [options] `script`
   *   runs before the page's, media go to `mediaPort` in place of the server's
   */
  async chromium({ permission = 'granted', devices = true, colorScheme, script, ...wishes } = {}) {
    const browser = await this.#launchChromium(permission, devices);
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme,
    });
    await context.addInitScript(remember, wishes);
    await context.addInitScript(instrument);
    if (script) await context.addInitScript(script);
    return this.#track(new Tab(await context.newPage(), () => context.close()));
  }

  /** @param {{codec?: string, mediaPort?: number, script?: () => void}} [options] */
  async firefox({ script, ...wishes } = {}) {
    // A window each: a tab in the background draws nothing, so it asks for nothing.
    const browser = await puppeteer.launch(FIREFOX);
    const [page] = await browser.pages();
    await page.setViewport({ width: 1280, height: 800 });
    await page.evaluateOnNewDocument(remember, wishes);
    await page.evaluateOnNewDocument(instrument);
    if (script) await page.evaluateOnNewDocument(script);
    return this.#track(new Tab(page, () => browser.close()));
  }

  async #launchChromium(permission, devices) {
    const kind = `${permission} ${devices}`;
    if (!this.#chromiums.has(kind)) {
      const args = CHROMIUM.args.filter((arg) => devices || arg !== FAKE_DEVICES);
      if (permission === 'granted') args.push(FAKE_PERMISSION);
      this.#chromiums.set(kind, await chromium.launch({ ...CHROMIUM, args }));
    }
    return this.#chromiums.get(kind);
  }

  #track(tab) {
    this.#tabs.push(tab);
    return tab;
  }

  /** Ends the calls of one test; the browsers stay for the next. */
  async closeTabs() {
    for (const tab of this.#tabs.splice(0)) await tab.close().catch(() => {});
  }

  /** Pictures and consoles of what was open when a test failed. */
  async record(name) {
    for (const [index, tab] of this.#tabs.entries()) {
      await tab.screenshot(`failed-${name}-${index}`).catch(() => {});
      console.log(`--- console of tab ${index} of "${name}"\n${tab.console.slice(-40).join('\n')}`);
      const stats = await tab.stats().catch((error) => error.message);
      console.log(`--- stats of tab ${index}: ${JSON.stringify(stats)}`);
    }
  }

  async close() {
    await this.closeTabs();
    for (const browser of this.#chromiums.values()) await browser.close();
  }
}

/** Runs `ip` in the namespace of the test. */
export const ip = (...args) => promisify(execFile)('ip', args);
