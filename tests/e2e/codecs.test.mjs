// Every video codec once, and what happens to those who cannot decode one.

import assert from 'node:assert/strict';

import { eventually } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person } from './lib/person.mjs';

const { journey } = journeys('codecs');

const CODECS = ['vp8', 'vp9', 'h264', 'av1'];

for (const codec of CODECS) {
  journey(`${codec} from Chromium to Chromium`, async ({ room, url, browsers }) => {
    const ada = await Person.join(await browsers.chromium({ codec }), { url, room, name: 'Ada' });
    const bob = await Person.join(await browsers.chromium({ codec: 'vp8' }), { url, room, name: 'Bob' });
    const seen = await bob.sees(ada, { frames: 40, timeoutMs: 30_000 });
    assert.equal(seen.codec, `video/${codec}`);
    await ada.sees(bob, { frames: 40, timeoutMs: 30_000 });
  });
}

for (const codec of CODECS.filter((name) => name !== 'h264')) {
  journey(`${codec} from Chromium to Firefox`, async ({ room, url, browsers }) => {
    const ada = await Person.join(await browsers.chromium({ codec }), { url, room, name: 'Ada' });
    const fox = await Person.join(await browsers.firefox(), { url, room, name: 'Fox' });
    const seen = await fox.sees(ada, { frames: 40, timeoutMs: 30_000 });
    assert.equal(seen.codec, `video/${codec}`);
  });
}

journey('H264 to a browser without a decoder: it is told', async ({ room, url, browsers }) => {
  const ada = await Person.join(await browsers.chromium({ codec: 'h264' }), { url, room, name: 'Ada' });
  const fox = await Person.join(await browsers.firefox(), { url, room, name: 'Fox' });
  const decodes = await fox.tab.evaluate(() =>
    RTCRtpReceiver.getCapabilities('video').codecs.some(({ mimeType }) => /h264/i.test(mimeType)),
  );
  if (decodes) {
    await fox.sees(ada, { timeoutMs: 30_000 });
    return;
  }
  await eventually('Fox reads why', () => fox.tileOf(ada), (tile) => /cannot show/.test(tile?.text));
  await fox.hears();
});
