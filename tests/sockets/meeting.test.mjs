// Whole meetings by real clients: /api/meeting and its events on the default namespace.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { KINDS, connect } from './lib/client.mjs';
import { Server } from './lib/server.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server.close());

const enter = (kind, user) => connect(kind, server.url, '/', { token: server.token(user) });

/** Users of one test. */
let lastUser = 100;
const users = () => [++lastUser, ++lastUser, ++lastUser];

for (const [one, other] of [
  [KINDS[0], KINDS[2]],
  [KINDS[3], KINDS[1]],
]) {
  test(`a meeting from the invitation to its end: ${one} hosts ${other}`, async (t) => {
    const [host, moderator, guest] = users();
    const hosting = await enter(one, host);
    const invited = await enter(other, guest);
    t.after(() => Promise.all([hosting.close(), invited.close()]));

    const meeting = await server.as(host, 'POST', '/api/meeting/create', {
      title: 'Test Meeting',
      participantUserIds: [guest],
      moderatorUserIds: [moderator],
    });
    const meetingId = meeting.id;
    assert.equal(meeting.status, 'InProgress');
    const invitation = { meetingId, hostName: `User ${host}`, title: 'Test Meeting' };
    assert.deepEqual(await invited.next('meeting_invitation'), invitation);
    // Who comes late is invited as well.
    const late = await enter(one, moderator);
    t.after(() => late.close());
    assert.deepEqual(await late.next('meeting_invitation'), invitation);

    const everybody = [
      [hosting, host, 'Host'],
      [late, moderator, 'Moderator'],
      [invited, guest, 'Participant'],
    ];
    for (const [client, user, role] of everybody) {
      const joined = await server.as(user, 'POST', `/api/meeting/${meetingId}/join`);
      assert.deepEqual([joined.roomName, joined.role], [meeting.roomName, role]);
      assert.equal(joined.jitsiToken.split('.').length, 3);
      assert.equal((await client.ask('join_meeting_room', { meetingId })).success, true);
    }
    const about = (user) => ({ userId: user, userName: `User ${user}` });
    for (const user of [moderator, guest]) {
      const joined = await hosting.next('user_joined_meeting');
      assert.deepEqual(joined, { ...about(user), meetingId });
    }

    invited.emit('meeting_audio_status', { meetingId, isMuted: true });
    invited.emit('meeting_video_status', { meetingId, isVideoOn: false });
    for (const client of [hosting, late]) {
      const audio = await client.next('user_audio_status');
      assert.deepEqual(audio, { ...about(guest), isMuted: true });
      const video = await client.next('user_video_status');
      assert.deepEqual(video, { ...about(guest), isVideoOn: false });
    }
    invited.emit('meeting_screen_share_started', { meetingId });
    invited.emit('meeting_hand_raised', { meetingId });
    assert.equal((await invited.ask('meeting_screen_share_stopped', { meetingId })).success, true);
    assert.equal((await invited.ask('meeting_hand_lowered', { meetingId })).success, true);
    const refused = await invited.ask('meeting_recording_started', { meetingId });
    assert.equal(refused.error.code, 'forbidden');
    hosting.emit('meeting_recording_started', { meetingId });
    for (const [client] of everybody) {
      const started = { meetingId, startedBy: host };
      assert.deepEqual(await client.next('recording_started'), started);
    }
    late.emit('meeting_recording_stopped', { meetingId });
    for (const [client] of everybody) {
      const stopped = { meetingId, stoppedBy: moderator };
      assert.deepEqual(await client.next('recording_stopped'), stopped);
    }

    late.emit('leave_meeting_room', { meetingId });
    for (const client of [hosting, invited]) {
      const left = { ...about(moderator), meetingId };
      assert.deepEqual(await client.next('user_left_meeting'), left);
    }
    const ended = await server.as(host, 'PUT', `/api/meeting/${meetingId}/end`);
    assert.equal(ended.status, 'Completed');
    for (const [client] of everybody) {
      const end = { meetingId, endedAt: ended.endedAt };
      assert.deepEqual(await client.next('meeting_ended'), end);
      assert.equal(client.count('user_left_meeting'), 0);
    }
  });
}

for (const kind of KINDS) {
  test(`${kind} hears of a meeting that is planned and called off`, async (t) => {
    const [host, guest] = users();
    const client = await enter(kind, guest);
    t.after(() => client.close());
    const planned = await server.as(host, 'POST', '/api/meeting/create', {
      title: 'Interview',
      participantUserIds: [guest],
      scheduledAt: '2099-01-15T10:00:00Z',
    });
    assert.equal(planned.status, 'Scheduled');
    assert.equal((await client.next('meeting_invitation')).meetingId, planned.id);
    await server.as(host, 'PUT', `/api/meeting/${planned.id}/cancel`);
    const cancelled = { meetingId: planned.id, title: 'Interview' };
    assert.deepEqual(await client.next('meeting_cancelled'), cancelled);
    const { notifications, unreadCount } = await server.as(guest, 'GET', '/api/v1/notifications');
    assert.deepEqual(notifications.map(({ kind: what }) => what), ['cancelled', 'invitation']);
    assert.equal(unreadCount, 2);
    const read = await server.as(guest, 'PATCH', '/api/v1/notifications/read');
    assert.deepEqual(read, { read: 2 });
  });
}
