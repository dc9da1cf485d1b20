// What the buttons of a call do, as the others see and hear it.

import assert from 'node:assert/strict';

import { eventually, settles } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';

const { journey } = journeys('controls');

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

/** What the browser's microphone gives to be sent, as it was told by getStats. */
const spoken = (person) =>
  person.tab.evaluate(async () => {
    const report = await window.__e2e.connections.at(-1).getStats();
    const isSound = ({ type, kind }) => type === 'media-source' && kind === 'audio';
    return [...report.values()].find(isSound)?.totalAudioEnergy;
  });

const microphoneOn = (person) =>
  person.tab.evaluate(() => {
    const button = document.querySelector('[data-testid="mute-button"]');
    const { enabled } = window.__convoke.call.media.track('microphone');
    return { button: button.dataset.on === 'true', label: button.ariaLabel, enabled };
  });

const reads = (person, words) =>
  eventually(`${person.name} reads ${words}`, () => person.tab.text('toast'), (text) => words.test(text));

journey('the host mutes everyone: they read it, are silent, and may unmute', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);
  assert.ok((await spoken(bob)) > 0, 'the fake microphone beeps');

  await ada.tab.click('people-button');
  await ada.tab.click('mute-others-button');
  await reads(bob, /^Ada muted you$/);
  await reads(ada, /muted everyone else/);
  await ada.tab.screenshot('17-muted-everyone');
  await bob.tab.resize(390, 844);
  await bob.tab.screenshot('18-muted-by-ada-phone');
  await bob.tab.resize(1280, 800);
  assert.deepEqual(await microphoneOn(bob), { button: false, label: 'Unmute', enabled: false });
  await ada.seesTile(bob, 'muted', (tile) => tile?.muted);
  await settles('no more voice packets reach Ada', () => ada.voicePackets(), 2_000);
  await settles('the browser sends silence at most', () => spoken(bob), 2_000);
  await bob.hears();
  assert.equal((await microphoneOn(ada)).enabled, true, 'not who asked for it');

  await bob.tab.click('people-button');
  assert.equal(await bob.tab.text('mute-others-button'), undefined, 'which is not for everyone');
  await bob.tab.click('mute-button');
  await ada.seesTile(bob, 'not muted', (tile) => tile && !tile.muted);
  await ada.hears();
  assert.deepEqual(await microphoneOn(bob), { button: true, label: 'Mute', enabled: true });
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
