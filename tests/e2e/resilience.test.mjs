// What must not end a call: a lost socket, a lost address, a lost server.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import { eventually } from './lib/await.mjs';
import { ip } from './lib/browsers.mjs';
import { journeys } from './lib/journey.mjs';
import { Person, meet } from './lib/person.mjs';
import { DeadEnds } from './lib/relays.mjs';

const { journey } = journeys('resilience', {
  // Both of the addresses that the browsers may use can reach these.
  CONVOKE_MEDIA_ADVERTISED_IPS: '127.0.0.2',
});

const two = async ({ room, url, browsers }) => {
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const bob = await Person.join(await browsers.chromium(), { url, room, name: 'Bob' });
  await meet(ada, bob);
  return [ada, bob];
};

const theCall = async ({ server, room }) => {
  const { calls } = await server.get(`/api/v1/rooms/${room}/calls`);
  return server.get(`/api/v1/calls/${calls[0].id}`);
};

const socketsOf = ({ tab }) =>
  tab.evaluate(() => {
    const { sockets } = window.__e2e;
    return { count: sockets.length, open: sockets.at(-1).readyState === WebSocket.OPEN };
  });

/** Bob's WebSocket is lost by `lose`: to the others nothing happened. */
async function survives(world, [ada, bob], lose) {
  const opened = await socketsOf(bob);
  await lose();
  await eventually(
    'Bob has another socket, open',
    () => socketsOf(bob),
    ({ count, open }) => count > opened.count && open,
    30_000,
  );
  await ada.sees(bob);
  await bob.sees(ada);
  assert.equal(await bob.ownId(), bob.id, 'the same participant');
  // Signaling works again in both directions.
  await bob.tab.click('mute-button');
  await ada.seesTile(bob, 'muted', (tile) => tile?.muted);
  const { events, participants } = await theCall(world);
  assert.equal(participants.length, 2);
  const left = events.filter(({ type }) => type === 'left');
  assert.deepEqual(left, [], 'nobody left');
}

journey('a WebSocket that is closed: the same participant, and media never stopped', async (world) => {
  const [ada, bob] = await two(world);
  await survives(world, [ada, bob], () => bob.tab.evaluate(() => window.__e2e.closeSockets()));
});

journey('a WebSocket that dies without a word is noticed, and nobody leaves', async (world) => {
  const ends = await DeadEnds.start();
  try {
    const { room, url, browsers } = world;
    const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
    const bob = await Person.join(await browsers.chromium(), { url: ends.url, room, name: 'Bob' });
    await meet(ada, bob);
    await survives(world, [ada, bob], () => assert.ok(ends.silence() > 0));
  } finally {
    ends.close();
  }
});

journey('an ICE restart keeps the call', async (world) => {
  const [ada, bob] = await two(world);
  const before = await bob.tab.evaluate(() => window.__e2e.ufrag());
  await bob.tab.evaluate(() => window.__e2e.changeNetwork());
  await eventually(
    'another ufrag is in use',
    () => bob.tab.evaluate(() => window.__e2e.ufrag()),
    (ufrag) => ufrag !== before,
  );
  await meet(ada, bob);
  assert.equal(await bob.ownId(), bob.id);
});

journey('the network path changes: media moves to the other address', async (world) => {
  const [ada, bob] = await two(world);
  const { transport } = await bob.tab.stats();
  const lost = transport.localAddress;
  console.log(`taking ${lost} away`);
  assert.match(lost, /^10\.99\.|^127\.0\.0\.2$/, 'an address that can be taken away');
  await ip('address', 'del', `${lost}/24`, 'dev', 'far0');
  after(() => ip('address', 'add', `${lost}/24`, 'dev', 'far0').catch(() => {}));
  await eventually(
    'Bob sends from another address',
    async () => (await bob.tab.stats()).transport,
    ({ localAddress }) => localAddress && localAddress !== lost,
    30_000,
  );
  await ada.sees(bob, { timeoutMs: 30_000 });
  await bob.sees(ada, { timeoutMs: 30_000 });
  await ada.hears(30_000);
  assert.equal(await bob.ownId(), bob.id, 'the same participant');
  const { events } = await theCall(world);
  assert.deepEqual(events.filter(({ type }) => type === 'left'), []);
});

/** What everybody goes through when the server ends by `end` and starts again. */
async function restart({ server }, [ada, bob], end) {
  await end();
  for (const { tab } of [ada, bob]) {
    await eventually('the page says what is wrong', () => tab.text('message'), (text) =>
      /connection lost/i.test(text),
    );
  }
  await ada.tab.screenshot('12-connection-lost');
  await server.run();
  for (const { tab } of [ada, bob]) {
    const quiet = (text) => text === undefined;
    await eventually('and no longer', () => tab.text('message'), quiet, 30_000);
  }
  await ada.sees(bob, { timeoutMs: 30_000 });
  await bob.sees(ada, { timeoutMs: 30_000 });
  await ada.hears();
  assert.deepEqual([await ada.ownId(), await bob.ownId()], [ada.id, bob.id], 'resumed');
}

journey('kill -9 and a new start: the same participants in the same call', async (world) => {
  const [ada, bob] = await two(world);
  const before = await theCall(world);
  await restart(world, [ada, bob], () => world.server.kill());
  const after = await theCall(world);
  assert.equal(after.id, before.id, 'one call');
  assert.equal(after.participants.length, 2);
  assert.deepEqual(after.events.filter(({ type }) => type === 'left'), [], 'nobody left');
});

journey('kill -9 and nobody returns: the call is ended, with a reason and times', async (world) => {
  const [ada, bob] = await two(world);
  const started = await theCall(world);
  await world.server.kill();
  await Promise.all([ada.tab.goto('about:blank'), bob.tab.goto('about:blank')]);
  await world.server.run();
  const record = await eventually(
    'the call has ended',
    () => world.server.get(`/api/v1/calls/${started.id}`),
    ({ endReason }) => endReason !== undefined,
    60_000,
  );
  assert.equal(record.id, started.id);
  assert.ok(record.endReason, JSON.stringify(record));
  assert.ok(record.startedAt <= record.endedAt);
  for (const participant of record.participants) assert.ok(participant.leftAt, 'everybody left');
});

journey('SIGTERM tells everybody and ends with 0; a start later they are back', async (world) => {
  const [ada, bob] = await two(world);
  const before = await theCall(world);
  await restart(world, [ada, bob], async () => assert.equal(await world.server.stop(), 0));
  const after = await theCall(world);
  assert.equal(after.id, before.id, 'one call');
  assert.deepEqual(after.events.filter(({ type }) => type === 'left'), [], 'nobody left');
});
