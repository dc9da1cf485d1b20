// What a person reads when it does not go on.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from './lib/await.mjs';
import { Browsers } from './lib/browsers.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';
import { Server } from './lib/server.mjs';

const { journey } = journeys('refusals', { CONVOKE_MAX_PARTICIPANTS: '2' });

const reads = (tab, words) =>
  eventually(`the page says ${words}`, () => tab.text('message'), (text) => words.test(text));

journey('a full room says so, and lets in when somebody has left', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);
  const tab = await browsers.chromium();
  await tab.goto(`${url}/r/${room}`);
  await tab.fill('name-input', 'Eve');
  await tab.click('join-button');
  await reads(tab, /full/i);
  await tab.screenshot('9-room-full');

  await bob.leave();
  // Back to the pre-join view, which knows the name already.
  await tab.click('rejoin-button');
  const eve = new Person(tab, 'Eve');
  await eve.enter();
  await meet(ada, eve);
});

journey('permission denied is explained, and joining to listen works', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const tab = await browsers.chromium({ permission: 'denied' });
  await tab.goto(`${url}/r/${room}`);
  await reads(tab, /permission|allow|blocked/i);
  await tab.screenshot('10-permission-denied');
  const eve = new Person(tab, 'Eve');
  await eve.enter();
  await eve.sees(ada);
  await eve.hears();
});

journey('no device at all is explained, and joining to listen works', async (world) => {
  const { room, url, browsers } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const tab = await browsers.chromium({ devices: false });
  await tab.goto(`${url}/r/${room}`);
  await reads(tab, /no microphone or camera was found/i);
  await tab.screenshot('15-no-device');
  const eve = new Person(tab, 'Eve');
  await eve.enter();
  await eve.sees(ada);
});

journey('the host ends the call for everybody, and everybody reads it', async (world) => {
  const { room, url, browsers, server } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);
  assert.equal(await bob.tab.text('end-button'), undefined, 'a guest cannot end it');
  await ada.tab.click('end-button');
  for (const { tab } of [bob, ada]) await reads(tab, /the call has ended/i);
  await bob.tab.screenshot('16-ended');
  const { calls } = await server.get(`/api/v1/rooms/${room}/calls`);
  assert.deepEqual([calls[0].status, calls[0].endReason], ['ended', 'completed']);
});

journey('the last one to leave ends the call', async (world) => {
  const { room, url, browsers, server } = world;
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  await ada.leave();
  const text = await ada.tab.text('message');
  assert.match(text, /left/i);
  await eventually(
    'the call is on record as ended',
    () => server.get(`/api/v1/rooms/${room}/calls`),
    ({ calls }) => calls[0]?.status === 'ended',
  );
});

test('where guests are not admitted the page asks for an invitation, and a link enters', async () => {
  const settings = { CONVOKE_AUTH_GUESTS: 'off', CONVOKE_HTTP_LISTEN: '127.0.0.1:8090', CONVOKE_MEDIA_PORT: '3490' };
  const browsers = new Browsers();
  const server = await Server.start('tokens', settings);
  try {
    const tab = await browsers.chromium();
    await tab.goto(`${server.url}/r/board`);
    await tab.fill('name-input', 'Mallory');
    await tab.click('join-button');
    await reads(tab, /invitation/i);

    const link = await server.invite('--user', '7', '--name', 'Ada', '--room', 'board', '--moderator');
    // Ours, and as the links of other systems have it.
    for (const as of ['#token=', '#jwt=', '?jwt=']) {
      const invited = await browsers.chromium();
      await invited.goto(link.replace('#token=', as));
      await invited.click('join-button');
      await eventually(`Ada is in by ${as}`, () => invited.tiles(), (tiles) => tiles.some(({ you }) => you));
      const shown = await invited.evaluate(() => location.href);
      assert.ok(shown.endsWith('/r/board'), `the token is not left in the address bar: ${shown}`);
    }
  } finally {
    await browsers.close();
    await server.close();
  }
});
