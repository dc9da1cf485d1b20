// Clients that are not our page: the example of docs/protocol.md, and aiortc.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { eventually } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person } from './lib/person.mjs';

const { journey } = journeys('clients');

const ROOT = path.resolve(import.meta.dirname, '../..');
const PYTHON = path.join(ROOT, 'target/venv/bin/python');

/** Frames decoded and sound heard by a page that is not ours. */
const received = async (tab) => {
  const { video, audio } = await tab.stats();
  return {
    frames: Math.max(0, ...video.map(({ frames }) => frames)),
    energy: audio.reduce((sum, { energy }) => sum + energy, 0),
    voice: audio.reduce((sum, { packets }) => sum + packets, 0),
  };
};

journey('examples/minimal.html between two browsers', async ({ room, url, browsers }) => {
  const [one, two] = [await browsers.chromium(), await browsers.firefox()];
  await one.goto(`${url}/examples/minimal.html?room=${room}&name=One`);
  await two.goto(`${url}/examples/minimal.html?room=${room}&name=Two`);
  for (const tab of [one, two]) {
    await eventually(
      'pictures and sound arrive',
      () => received(tab),
      ({ frames, voice }) => frames > 40 && voice > 40,
      30_000,
    );
  }
  await one.screenshot('11-minimal');
});

journey('aiortc with Chromium, both ways', async ({ room, url, browsers }) => {
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const script = path.join(import.meta.dirname, 'aiortc_client.py');
  const client = spawn(PYTHON, [script, `${url.replace('http', 'ws')}/ws`, room, 'Aio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(client, 'exit');
  let last = {};
  createInterface({ input: client.stdout }).on('line', (line) => (last = JSON.parse(line)));
  try {
    await eventually(
      'aiortc decodes pictures and hears the beep',
      async () => last,
      ({ pictures, energy }) => pictures > 40 && energy > 0.001,
      30_000,
    );
    assert.equal(last.state, 'connected');
    const tiles = await eventually(
      'Ada has a tile of Aio',
      () => ada.tab.tiles(),
      (all) => all.some(({ text }) => text.includes('Aio')),
    );
    const { participantId: id } = tiles.find(({ text }) => text.includes('Aio'));
    await ada.sees({ name: 'Aio', id }, { frames: 40 });
    await ada.hears();
  } finally {
    client.stdin.end();
  }
  assert.deepEqual(await exited, [0, null]);
});
