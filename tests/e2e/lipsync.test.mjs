// Voice and picture of one person, though nothing tells the browser that they belong
// together (docs/decisions/0007).

import assert from 'node:assert/strict';

import { eventually } from './lib/await.mjs';
import { clapper, listen, skews } from './lib/clapper.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';

const { journey } = journeys('lipsync');

/** ITU-R BT.1359: acceptable is sound from 90 ms before its picture to 185 ms after. */
const PICTURE_LATE_MS = 90;
const PICTURE_EARLY_MS = 185;

journey('who claps is seen and heard at the same time', async ({ room, url, browsers }) => {
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  const tab = await browsers.chromium({ script: clapper });
  const ada = await Person.join(tab, { url, room, name: 'Ada' });
  await meet(bob, ada);
  await bob.tab.evaluate(listen, ada.id);
  const measured = await eventually(
    'Bob sees and hears twelve claps',
    async () => skews(await bob.tab.evaluate(() => window.__claps)),
    (list) => list.length >= 12,
    60_000,
  );
  const sorted = [...measured].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  console.log(`the picture comes after its sound by ${measured.join(', ')} ms; median ${median}`);
  assert.ok(median < PICTURE_LATE_MS && median > -PICTURE_EARLY_MS, `${median} ms`);
});
