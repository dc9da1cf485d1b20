// Several media workers behind the one port: a room is on one of them, and a browser's
// packets find it wherever the kernel delivers them.

import assert from 'node:assert/strict';

import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';

const { journey } = journeys('workers', { CONVOKE_MEDIA_WORKERS: '2' });

/** Of two rooms that are equally busy neither worker does nearly all. */
const LEAST_SHARE = 0.2;

journey('two rooms on two workers: everybody sees and hears the own room', async (world) => {
  const { room, url, browsers, server } = world;
  const join = async (where, name) =>
    Person.join(await browsers.chromium(), { url, room: `${room}-${where}`, name });
  const [ada, bob] = [await join('red', 'Ada'), await join('red', 'Bob')];
  const [eve, cem] = [await join('blue', 'Eve'), await join('blue', 'Cem')];
  const before = await server.workerMillis();
  await meet(ada, bob);
  await meet(eve, cem);
  for (const { tab } of [ada, bob, eve, cem]) assert.equal((await tab.tiles()).length, 2);

  const after = await server.workerMillis();
  const worked = Object.keys(after).map((name) => Math.round(after[name] - before[name]));
  console.log(`the workers were busy for ${worked.join(' and ')} ms`);
  assert.equal(worked.length, 2);
  const share = Math.min(...worked) / (worked[0] + worked[1]);
  assert.ok(share > LEAST_SHARE, `each has a room: ${worked}`);

  // Their rooms end apart as well.
  await eve.leave();
  await cem.leave();
  await meet(ada, bob);
});
