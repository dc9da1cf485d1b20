// Whole calls of a chat room by real clients: /api/v1/calls and the namespace /calls.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { KINDS, connect } from './lib/client.mjs';
import { Server } from './lib/server.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.close());

const enter = (kind, user) => connect(kind, server.url, '/calls', { token: server.token(user) });

/** Users of one test, so that nobody is busy in another. */
let lastUser = 0;
async function room() {
  const [ann, ben] = [`${++lastUser}`, `${++lastUser}`];
  const chat = `room-${ann}`;
  const members = { name: 'Team', memberIds: [ann, ben] };
  await server.asBackend('PUT', `/api/v1/directory/chat-rooms/${chat}`, members);
  return { ann, ben, initiate: `/api/v1/calls/rooms/${chat}/initiate` };
}

for (const [one, other] of [
  [KINDS[0], KINDS[2]],
  [KINDS[3], KINDS[1]],
]) {
  test(`a call rings, is answered and ends: ${one} calls ${other}`, async (t) => {
    const { ann, ben, initiate } = await room();
    const caller = await enter(one, ann);
    const phone = await enter(other, ben);
    const tablet = await enter(one, ben);
    t.after(() => Promise.all([caller, phone, tablet].map((client) => client.close())));

    const request = { type: 'video', isGroupCall: false, inviteUserIds: [ben] };
    const call = await server.as(ann, 'POST', initiate, request);
    for (const device of [phone, tablet]) {
      const ring = await device.next('incoming_call');
      assert.equal(ring.callId, call.id);
      assert.equal(ring.initiatorName, `User ${ann}`);
    }
    const callId = call.id;
    assert.equal((await caller.ask('join_call', { callId })).success, true);
    assert.equal((await phone.ask('join_call', { callId })).call.status, 'ongoing');
    // The other device stops ringing.
    const stopped = await tablet.next('call_status_changed');
    assert.deepEqual([stopped.userId, stopped.participantStatus], [ben, 'accepted']);
    assert.equal((await caller.next('participant_joined')).userId, ben);

    const offer = { type: 'offer', sdp: 'v=0\r\n' };
    await caller.ask('offer', { callId, targetUserId: ben, offer });
    const offered = await phone.next('offer');
    assert.deepEqual([offered.fromUserId, offered.offer], [ann, offer]);
    const answer = { type: 'answer', sdp: 'v=0\r\n' };
    await phone.ask('answer', { callId, targetUserId: offered.fromUserId, answer });
    assert.deepEqual((await caller.next('answer')).answer, answer);
    const candidate = { candidate: 'candidate:1 1 udp 1 192.0.2.7 5 typ host', sdpMid: '0' };
    phone.emit('ice_candidate', { callId, targetUserId: ann, candidate });
    assert.deepEqual((await caller.next('ice_candidate')).candidate, candidate);

    caller.emit('media_state_changed', { callId, isMicMuted: true });
    assert.equal((await phone.next('participant_media_changed')).isMicMuted, true);
    await phone.ask('leave_call', { callId });
    assert.equal((await caller.next('participant_left')).userId, ben);
    await caller.ask('call_status_changed', { callId, status: 'completed' });
    for (const client of [caller, phone, tablet]) {
      assert.equal((await client.next('call_ended')).status, 'completed');
    }
    const { calls } = await server.as(ben, 'GET', '/api/v1/calls');
    assert.deepEqual([calls[0].id, calls[0].status], [call.id, 'completed']);
  });
}

for (const kind of KINDS) {
  test(`${kind} is told why it may not connect, and what went wrong`, async (t) => {
    const refused = connect(kind, server.url, '/calls', { token: 'a.b.c' });
    await assert.rejects(refused, /unauthorized: the token is not valid here/);
    const client = await enter(kind, 'somebody');
    t.after(() => client.close());
    const answer = await client.ask('join_call', { callId: 4711 });
    assert.deepEqual(answer, {
      success: false,
      error: { code: 'unknown-call', message: 'no such call' },
    });
    client.emit('leave_call', {});
    assert.equal((await client.next('call_error')).event, 'leave_call');
  });
}

test('two talk through the SFU by Socket.IO alone', async (t) => {
  const { ann, ben, initiate } = await room();
  const caller = await enter('python websocket', ann);
  const callee = await enter('python polling', ben);
  t.after(() => Promise.all([caller.close(), callee.close()]));
  const { iceServers } = await caller.next('sfu');
  assert.ok(Array.isArray(iceServers));
  await callee.next('sfu');
  const call = await server.as(ann, 'POST', initiate, { type: 'audio', inviteUserIds: [ben] });
  await callee.next('incoming_call');
  for (const client of [caller, callee]) {
    assert.equal((await client.command('sfu', { callId: call.id })).success, true);
  }
  const details = await server.as(ann, 'GET', `/api/v1/calls/${call.id}`);
  assert.equal(details.status, 'ongoing');
  assert.deepEqual(
    details.participants.map(({ userId, status }) => [userId, status]),
    [
      [ann, 'joined'],
      [ben, 'joined'],
    ],
  );
  await caller.ask('call_status_changed', { callId: call.id, status: 'completed' });
  assert.equal((await callee.next('call_ended')).status, 'completed');
});
