// Pictures of the page at every size that matters, to be looked at:
// `npm run dev` in one terminal, `node dev/screenshots.mjs [folder] [filter]` in another,
// after `npm ci` in tests/e2e.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';

// The end-to-end tests have it; a build of the page need not.
const { chromium } = createRequire(new URL('../../tests/e2e/', import.meta.url))('playwright-core');

const folder = process.argv[2] ?? 'screenshots';
const filter = process.argv[3] ?? '';
const base = process.env.BASE ?? 'http://127.0.0.1:5173';
mkdirSync(folder, { recursive: true });

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const PAGES = {
  start: '/',
  prejoin: '/r/design-review',
  ...Object.fromEntries(
    [1, 2, 3, 5, 9, 25, 49].map((people) => [
      `call${people}`,
      `/dev/gallery.html?people=${people}`,
    ]),
  ),
  screen: '/dev/gallery.html?people=9&screen=1',
  people: '/dev/gallery.html?people=9&panel=1',
  novideo: '/dev/gallery.html?people=6&video=0&camera=0',
  reconnecting: '/dev/gallery.html?people=4&state=reconnecting',
  smaller: '/dev/gallery.html?people=9&strain=smaller_pictures',
  paused9: '/dev/gallery.html?people=9&strain=fewer_pictures&pictures=4',
  paused49: '/dev/gallery.html?people=49&strain=fewer_pictures&pictures=9',
  pausedscreen: '/dev/gallery.html?people=9&screen=1&strain=fewer_pictures&pictures=0',
  pausedtrouble: '/dev/gallery.html?people=4&state=reconnecting&strain=fewer_pictures&pictures=1',
  overloaded: '/dev/gallery.html?message=overloaded',
  full: '/dev/gallery.html?message=room_full',
  token: '/dev/gallery.html?message=unauthorized',
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
  ],
});
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark']) {
    // A phone has fingers, which do not hover.
    const touch = { hasTouch: size === 'phone', isMobile: size === 'phone' };
    const context = await browser.newContext({
      viewport,
      colorScheme,
      deviceScaleFactor: 1,
      ...touch,
    });
    for (const [name, path] of Object.entries(PAGES)) {
      const file = `${name}-${size}-${colorScheme}.png`;
      if (!file.includes(filter)) continue;
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error(file, error.message));
      await page.goto(base + path);
      await page.waitForTimeout(1_200);
      await page.screenshot({ path: `${folder}/${file}` });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
