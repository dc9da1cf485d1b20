// Chromium with Firefox, both ways.

import assert from 'node:assert/strict';

import { journeys } from './lib/journey.mjs';
import { Person, RAMP_MS, flowsCalmly, meet } from './lib/person.mjs';

const { journey } = journeys('firefox');

journey('Chromium and Firefox see and hear each other', async ({ room, url, browsers }) => {
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const fox = await Person.join(await browsers.firefox(), { url, room, name: 'Fox' });
  await meet(ada, fox);
  await fox.sees(ada, { width: 640, timeoutMs: RAMP_MS });
  await ada.sees(fox, { width: 640, timeoutMs: RAMP_MS });
  await flowsCalmly(fox, ada, { width: 640 });
  await flowsCalmly(ada, fox, { width: 640 });
  const { transport } = await fox.tab.stats();
  assert.match(transport.srtpCipher, /AES_128_GCM/);
  await fox.tab.screenshot('8-firefox');

  await fox.tab.click('mute-button');
  await ada.seesTile(fox, 'muted', (tile) => tile?.muted);
  await ada.tab.click('camera-button');
  await fox.seesTile(ada, 'no picture', (tile) => tile && !tile.picture);
});

journey('Firefox sends 720p, and it arrives', async ({ room, url, browsers }) => {
  const fox = await Person.join(await browsers.firefox(), { url, room, name: 'Fox' });
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  await meet(ada, fox);
  const { height } = await ada.sees(fox, { width: 1280, timeoutMs: 2 * RAMP_MS });
  assert.equal(height, 720);
});

journey('Firefox with Firefox', async ({ room, url, browsers }) => {
  const fox = await Person.join(await browsers.firefox(), { url, room, name: 'Fox' });
  const panda = await Person.join(await browsers.firefox(), { url, room, name: 'Panda' });
  await meet(fox, panda);
});
