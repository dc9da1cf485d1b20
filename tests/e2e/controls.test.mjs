// What the buttons of a call do, as the others see and hear it.

import assert from 'node:assert/strict';

import { eventually } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';

const { journey } = journeys('controls');

/** Waits for two readings of a number that are the same, so many ms apart. */
async function settles(what, read, quietMs) {
  let last;
  let since = Date.now();
  return eventually(what, read, (value) => {
    if (value !== last) [last, since] = [value, Date.now()];
    return Date.now() - since >= quietMs;
  });
}

journey('mute: the others see it and hear nothing, until unmuted', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);

  await bob.tab.click('mute-button');
  await ada.seesTile(bob, 'muted', (tile) => tile?.muted);
  await settles('no more voice packets reach Ada', () => ada.voicePackets(), 2_000);
  const silent = await ada.heardEnergy();
  await ada.sees(bob, { frames: 40 });
  assert.ok((await ada.heardEnergy()) - silent < 0.0001, 'the picture goes on in silence');
  await bob.hears();

  await bob.tab.click('mute-button');
  await ada.seesTile(bob, 'not muted', (tile) => tile && !tile.muted);
  await ada.hears();
});

journey('camera off shows an avatar, on again shows the picture', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);
  await bob.tab.click('camera-button');
  await ada.seesTile(bob, 'no picture', (tile) => tile && !tile.picture);
  await ada.tab.screenshot('6-camera-off');
  await bob.tab.click('camera-button');
  await ada.seesTile(bob, 'a picture', (tile) => tile?.picture);
  await ada.sees(bob);
});

journey('a shared screen is seen and heard beside the camera', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);
  // What is heard of Bob from here on is not his voice.
  await bob.tab.click('mute-button');
  await ada.seesTile(bob, 'muted', (tile) => tile?.muted);
  await bob.tab.click('share-button');
  await ada.sees(bob, { source: 'screen', width: 1280, timeoutMs: 30_000 });
  await ada.hearsFrom(bob, 'screen_audio', 30_000);
  await ada.sees(bob, { source: 'camera' });
  await ada.tab.screenshot('7-screen-share');
  await bob.tab.click('share-button');
  await ada.seesTile(bob, 'gone', (tile) => tile === undefined, 'screen');
  await ada.sees(bob);
});
