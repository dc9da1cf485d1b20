// A camera's picture is sent in the sizes that somebody is shown, and in no others.

import assert from 'node:assert/strict';

import { eventually, settles } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, RAMP_MS, meet } from './lib/person.mjs';

const { journey } = journeys('layers');

const LARGE = [1280, 800];
/** A window in which the smallest layer of 720p fills the tile. */
const SMALL = [400, 260];
/** The server waits 5 s before it says that nobody wants a layer. */
const UNWANTED_MS = 20_000;
const QUIET_MS = 2_000;

/** Frames that a layer of somebody's camera has had so far. */
async function framesOf({ tab }, rid) {
  const { sent } = await tab.stats();
  return sent.find((layer) => layer.rid === rid)?.frames ?? 0;
}

async function sends(person, rid, timeoutMs) {
  const before = await framesOf(person, rid);
  return eventually(
    `${person.name} sends layer ${rid}`,
    () => framesOf(person, rid),
    // A layer that comes back may count from nothing.
    (frames) => frames > before || (frames > 0 && frames < before),
    timeoutMs,
  );
}

/** Rids that the page lets the browser send: fewer may be sent where the path is narrow. */
const activeLayers = ({ tab }) =>
  tab.evaluate(() => {
    const senders = window.__e2e.connections.at(-1).getSenders();
    const encodings = senders.flatMap((sender) => sender.getParameters().encodings ?? []);
    return encodings.filter(({ rid, active }) => rid && active).map(({ rid }) => rid);
  });

async function stopsSendingFullSize(person) {
  await eventually(
    `${person.name}'s page lets q be sent, and not f`,
    () => activeLayers(person),
    (rids) => rids.includes('q') && !rids.includes('f'),
    UNWANTED_MS,
  );
  await settles(`${person.name} sends no more of f`, () => framesOf(person, 'f'), QUIET_MS);
}

/** Bob is shown large to Ada, who is the only one, and all of his layers are sent. */
async function shownLarge({ room, url }, adaTab, bobTab, timeoutMs) {
  const ada = await Person.join(adaTab, { url, room, name: 'Ada' });
  const bob = await Person.join(bobTab, { url, room, name: 'Bob' });
  await meet(ada, bob);
  await ada.sees(bob, { width: 1280, timeoutMs });
  await sends(bob, 'f');
  return [ada, bob];
}

async function followsItsPlace(world, adaTab, bobTab, timeoutMs) {
  const [ada, bob] = await shownLarge(world, adaTab, bobTab, timeoutMs);

  await ada.tab.resize(...SMALL);
  await stopsSendingFullSize(bob);
  await sends(bob, 'q');
  const { width: small } = await ada.sees(bob);
  assert.ok(small < 1280, `${small} wide in a small window`);

  await ada.tab.resize(...LARGE);
  await sends(bob, 'f', timeoutMs);
  const { width: large } = await ada.sees(bob, { width: 1280, timeoutMs });
  assert.equal(large, 1280);
}

journey('what is shown small is not sent large, until it is shown large again', async (world) => {
  const { browsers } = world;
  await followsItsPlace(world, await browsers.chromium(), await browsers.chromium(), RAMP_MS);
});

journey('by Firefox as well', async (world) => {
  const { browsers } = world;
  await followsItsPlace(world, await browsers.chromium(), await browsers.firefox(), 2 * RAMP_MS);
});

journey('another offer does not bring back what nobody is shown', async (world) => {
  const { browsers } = world;
  const tabs = [await browsers.chromium(), await browsers.chromium()];
  const [ada, bob] = await shownLarge(world, ...tabs, RAMP_MS);
  await ada.tab.resize(...SMALL);
  await stopsSendingFullSize(bob);

  const before = await bob.tab.evaluate(() => window.__e2e.ufrag());
  await bob.tab.evaluate(() => window.__e2e.changeNetwork());
  const answered = () =>
    bob.tab.evaluate(() => [
      window.__e2e.ufrag(),
      window.__e2e.connections.at(-1).signalingState,
    ]);
  await eventually('an offer was answered', answered, ([ufrag, state]) => {
    return ufrag !== before && state === 'stable';
  });
  await stopsSendingFullSize(bob);
  await ada.sees(bob);
});

journey('what becomes wanted while the WebSocket is lost is sent', async (world) => {
  const { browsers } = world;
  const tabs = [await browsers.chromium(), await browsers.chromium()];
  const [ada, bob] = await shownLarge(world, ...tabs, RAMP_MS);
  await ada.tab.resize(...SMALL);
  await stopsSendingFullSize(bob);

  await bob.tab.evaluate(() => window.__e2e.closeSockets());
  await ada.tab.resize(...LARGE);
  await ada.sees(bob, { width: 1280, timeoutMs: RAMP_MS });
});
