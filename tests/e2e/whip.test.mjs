// Encoders and players of one request each: plain fetch and RTCPeerConnection in
// Chromium, as somebody would write them who has read RFC 9725 and nothing of ours.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import { eventually } from './lib/await.mjs';
import { journeys } from './lib/journey.mjs';
import { Person } from './lib/person.mjs';

const { journey } = journeys('whip');

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

/** Offers to `url`, publishing the fake devices or receiving, and keeps it as `window.whip`. */
const open = ({ url, publish, token, SDP: type }) => {
  const headers = { 'content-type': type };
  if (token) headers.authorization = `Bearer ${token}`;
  const start = async () => {
    const pc = new RTCPeerConnection();
    if (publish) {
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
      // As some encoders do; the answer rejects it.
      pc.createDataChannel('unused');
    } else {
      for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
      const video = document.createElement('video');
      Object.assign(video, { muted: true, autoplay: true });
      document.body.append(video);
      video.srcObject = new MediaStream();
      pc.ontrack = ({ track }) => video.srcObject.addTrack(track);
    }
    await pc.setLocalDescription();
    const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
    const answer = await response.text();
    if (response.status !== 201) return { status: response.status, answer };
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    const location = new URL(response.headers.get('location'), url).href;
    window.whip = { pc, location, tag: response.headers.get('etag'), headers };
    return { status: response.status, location, contentType: response.headers.get('content-type') };
  };
  return start();
};

/** What a player decodes. */
const decoded = () =>
  window.whip.pc.getStats().then((stats) => {
    const streams = [...stats.values()].filter(({ type }) => type === 'inbound-rtp');
    const video = streams.find(({ kind }) => kind === 'video');
    const audio = streams.find(({ kind }) => kind === 'audio');
    return {
      frames: video?.framesDecoded ?? 0,
      samples: audio?.totalSamplesReceived ?? 0,
      packets: audio?.packetsReceived ?? 0,
      state: window.whip.pc.connectionState,
    };
  });

/** Restarts ICE by `PATCH`, as RFC 9725 §4.3.3 has it. */
const restart = (type) => {
  const { pc, location, headers } = window.whip;
  const valueOf = (sdp, key) => sdp.match(new RegExp(`^a=${key}:(.*)$`, 'm'))[1].trim();
  const run = async () => {
    pc.restartIce();
    await pc.setLocalDescription();
    const { sdp } = pc.localDescription;
    const mid = valueOf(sdp, 'mid');
    const media = sdp.match(/^m=\S+/m)[0];
    const fragment = [
      `a=ice-ufrag:${valueOf(sdp, 'ice-ufrag')}`,
      `a=ice-pwd:${valueOf(sdp, 'ice-pwd')}`,
      `${media} 9 UDP/TLS/RTP/SAVPF 0`,
      `a=mid:${mid}`,
      '',
    ].join('\r\n');
    const response = await fetch(location, {
      method: 'PATCH',
      headers: { ...headers, 'content-type': type, 'if-match': '*' },
      body: fragment,
    });
    const ours = await response.text();
    const before = valueOf(pc.remoteDescription.sdp, 'ice-ufrag');
    const answer = pc.remoteDescription.sdp
      .replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${valueOf(ours, 'ice-ufrag')}`)
      .replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${valueOf(ours, 'ice-pwd')}`);
    await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    return {
      status: response.status,
      contentType: response.headers.get('content-type'),
      tag: response.headers.get('etag'),
      tagBefore: window.whip.tag,
      ufragChanged: before !== valueOf(ours, 'ice-ufrag'),
      candidates: (ours.match(/^a=candidate:/gm) ?? []).length,
    };
  };
  return run();
};

/** The ufrag of the server's in the pair that carries media now. */
const pairUfrag = () =>
  window.whip.pc.getStats().then((stats) => {
    const transport = [...stats.values()].find(({ type }) => type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    return { ufrag: transport?.iceLocalUsernameFragment, state: pair?.state };
  });

const remove = () =>
  fetch(window.whip.location, { method: 'DELETE', headers: window.whip.headers }).then(
    ({ status }) => status,
  );

async function plays(tab, more = 30) {
  const { frames, samples } = await tab.evaluate(decoded);
  return eventually(
    `${more} more frames are decoded, and sound`,
    () => tab.evaluate(decoded),
    (now) => now.frames >= frames + more && now.samples > samples && now.packets > 0,
  );
}

async function blank({ browsers, url }) {
  const tab = await browsers.chromium();
  await tab.goto(`${url}/healthz`);
  return tab;
}

journey('Chromium publishes by WHIP and plays by WHEP', async (world) => {
  const { room, url, browsers } = world;
  const player = await blank(world);
  // It waits for whom it names.
  const played = await player.evaluate(open, { url: `${url}/whep/${room}/Studio`, SDP });
  assert.equal(played.status, 201, played.answer);
  const encoder = await blank(world);
  const whip = `${url}/whip/${room}?participant=Studio`;
  const published = await encoder.evaluate(open, { url: whip, publish: true, SDP });
  assert.equal(published.status, 201, published.answer);
  assert.equal(published.contentType, SDP);
  await plays(player);

  // Whoever comes with the page sees the encoder as anybody else, and no tile for the player.
  const ada = await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const tiles = await eventually(
    'the encoder has a tile',
    () => ada.tab.tiles(),
    (all) => all.some(({ you, text, picture }) => !you && /Studio/.test(text) && picture),
  );
  assert.equal(tiles.filter(({ you }) => !you).length, 1, JSON.stringify(tiles));

  // ICE begins anew on both ends, and the pictures go on.
  for (const tab of [encoder, player]) {
    const before = await tab.evaluate(pairUfrag);
    const restarted = await tab.evaluate(restart, FRAGMENT);
    assert.equal(restarted.status, 200, JSON.stringify(restarted));
    assert.equal(restarted.contentType, FRAGMENT);
    assert.notEqual(restarted.tag, restarted.tagBefore);
    assert.ok(restarted.ufragChanged && restarted.candidates > 0, JSON.stringify(restarted));
    await eventually(
      'the new credentials are in use',
      () => tab.evaluate(pairUfrag),
      ({ ufrag, state }) => ufrag !== before.ufrag && state === 'succeeded',
    );
    const { state } = await plays(player);
    assert.equal(state, 'connected');
  }

  assert.equal(await encoder.evaluate(remove), 200);
  assert.equal(await encoder.evaluate(remove), 404);
  await eventually(
    'the encoder has left the call',
    () => ada.tab.tiles(),
    (all) => all.every(({ you }) => you),
  );
  const { calls } = await world.server.get(`/api/v1/rooms/${room}/calls`);
  const people = calls[0].participants.map(({ name, role, status }) => [name, role, status]);
  assert.deepEqual(people, [
    ['Viewer', 'viewer', 'joined'],
    ['Studio', 'host', 'left'],
    ['Ada', 'participant', 'joined'],
  ]);
});

journey('the room is played, whoever is in it', async (world) => {
  const { room, url, browsers } = world;
  await Person.join(await browsers.chromium(), { url, room, name: 'Ada' });
  const player = await blank(world);
  const played = await player.evaluate(open, { url: `${url}/whep/${room}`, SDP });
  assert.equal(played.status, 201, played.answer);
  await plays(player);
  assert.equal(await player.evaluate(remove), 200);
});

// The distribution's own: its GStreamer bindings are not for another Python.
const PYTHON = '/usr/bin/python3';
journey('GStreamer publishes by WHIP, with a token', async (world) => {
  const { room, url, server } = world;
  const link = await server.invite('--user', 'cam', '--name', 'GStreamer', '--room', room);
  const token = link.split('token=')[1];
  const script = path.join(import.meta.dirname, 'gst_whip.py');
  const encoder = spawn(PYTHON, [script, `${url}/whip/${room}`, token], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    const player = await blank(world);
    const played = await player.evaluate(open, { url: `${url}/whep/${room}/cam`, SDP });
    assert.equal(played.status, 201, played.answer);
    await plays(player);
  } finally {
    encoder.kill('SIGTERM');
    const [code] = await once(encoder, 'exit');
    assert.equal(code, 0);
  }
  const { calls } = await server.get(`/api/v1/rooms/${room}/calls`);
  const encoding = calls[0].participants.find(({ userId }) => userId === 'cam');
  assert.deepEqual([encoding.status, encoding.leaveReason], ['left', 'left']);
});
