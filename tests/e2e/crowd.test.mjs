// A full room on one screen: 49 people, of whom two are browsers that publish and the
// rest have neither camera nor microphone on.

import assert from 'node:assert/strict';

import { eventually } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';

const { journey } = journeys('crowd');

const FULL = 49;

/** Runs in a page: people who are there and send nothing. */
function gather({ count, room }) {
  const enter = (name) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${location.host}/ws`);
      const send = (message) => socket.send(JSON.stringify(message));
      socket.onopen = () => send({ type: 'hello', protocol: 1, name });
      socket.onerror = () => reject(new Error(`${name} has no socket`));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === 'welcome') send({ type: 'join', request: 1, room });
        if (message.type === 'joined') resolve();
        if (message.type === 'error') reject(new Error(message.message));
      };
    });
  return Promise.all(Array.from({ length: count }, (_, index) => enter(`Guest ${index + 1}`)));
}

/** Runs in the call's page: where the tiles are. */
function layout() {
  const rectangles = [...document.querySelectorAll('[data-testid="tile"]')]
    .filter((tile) => tile.checkVisibility())
    .map((tile) => tile.getBoundingClientRect());
  const inside = ({ left, top, right, bottom }) =>
    left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  const apart = (a, b) =>
    a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
  const overlapping = rectangles.filter((a, at) => rectangles.slice(at + 1).some((b) => !apart(a, b)));
  return {
    tiles: rectangles.length,
    outside: rectangles.filter((tile) => !inside(tile)).length,
    overlapping: overlapping.length,
    narrowest: Math.min(...rectangles.map(({ width }) => width)),
    overflows: document.documentElement.scrollWidth > innerWidth,
  };
}

journey('49 people fit on one screen, and a phone shows them in pages', async (world) => {
  const { room, url, browsers, server } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  const hall = await browsers.chromium();
  await hall.goto(url);
  await hall.evaluate(gather, { count: FULL - 2, room });
  const { calls } = await server.get(`/api/v1/rooms/${room}/calls`);
  const { participants } = await server.get(`/api/v1/calls/${calls[0].id}`);
  assert.equal(participants.length, FULL);

  await ada.tab.resize(1920, 1080);
  const desktop = await eventually(
    'Ada has a tile of everybody',
    () => ada.tab.evaluate(layout),
    (now) => now.tiles === FULL && !now.outside && !now.overlapping && !now.overflows,
  );
  console.log('desktop:', JSON.stringify(desktop));
  assert.ok(desktop.narrowest >= 100, 'names can be read');
  await meet(ada, bob);
  await ada.tab.screenshot('13-full-room');

  await ada.tab.resize(390, 844);
  const phone = await eventually(
    'a phone shows a page of them',
    () => ada.tab.evaluate(layout),
    // While tiles glide to their places some are still where the desktop had them.
    (now) => now.tiles > 1 && now.tiles < FULL && !now.outside && !now.overlapping && !now.overflows,
  );
  console.log('phone:', JSON.stringify(phone));
  await ada.tab.screenshot('14-full-room-phone');
});
