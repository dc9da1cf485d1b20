// Voice and picture of one person, though nothing tells the browser that they belong
// together (docs/decisions/0007).

import assert from 'node:assert/strict';

import { eventually } from './lib/await.mjs';
import { clapper, listen, skews } from './lib/clapper.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';
import { LossyPath } from './lib/relays.mjs';

const { journey } = journeys('lipsync', { CONVOKE_MEDIA_ADVERTISED_IPS: '127.0.0.1' });

/** ITU-R BT.1359: acceptable is sound from 90 ms before its picture to 185 after. */
const PICTURE_LATE_MS = 90;
const PICTURE_EARLY_MS = 185;

/** Ada claps, Bob is in `tab`: by how many ms the picture comes after its sound. */
async function claps({ room, url, browsers }, tab, wanted = 12) {
  const bob = await Person.join(tab, { url, room, name: 'Bob' });
  const stage = await browsers.chromium({ script: clapper });
  const ada = await Person.join(stage, { url, room, name: 'Ada' });
  await meet(bob, ada);
  await bob.tab.evaluate(listen, { participantId: ada.id });
  const measured = await eventually(
    `Bob sees and hears ${wanted} claps`,
    async () => skews(await bob.tab.evaluate(() => window.__claps)),
    (list) => list.length >= wanted,
    90_000,
  );
  const sorted = [...measured].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(`the picture comes after its sound by ${measured.join(', ')} ms; median ${median}`);
  return median;
}

const inSync = (median) =>
  assert.ok(median < PICTURE_LATE_MS && median > -PICTURE_EARLY_MS, `${median} ms`);

journey('who claps is seen and heard at the same time', async (world) => {
  inSync(await claps(world, await world.browsers.chromium()));
});

journey('in Firefox as well', async (world) => {
  inSync(await claps(world, await world.browsers.firefox()));
});

journey('over a path that loses one packet in twenty and takes 80 ms each way', async (world) => {
  const path = await LossyPath.start({ delayMs: 80, loss: 0.05 });
  try {
    const median = await claps(world, await world.browsers.chromium({ mediaPort: path.port }), 20);
    console.log(`${path.lost} of ${path.carried} packets were lost`);
    assert.ok(path.lost > 100, 'Bob was on that path');
    inSync(median);
  } finally {
    path.close();
  }
});
