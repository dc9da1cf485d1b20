// The front end of the document "Video/Audio Calls – Corporate Chat" with the clients
// that such front ends have: socket.io-client, and python-socketio over both of its
// transports. Its own functions, `startCall`, `acceptCall` and `declineCall`, in order.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { io } from 'socket.io-client';

import { eventually } from './lib/await.mjs';
import { Browsers } from './lib/browsers.mjs';
import { Server } from './lib/server.mjs';

const PYTHON = path.resolve(import.meta.dirname, '../../target/venv/bin/python');

let server;
const open = [];

before(async () => {
  server = await Server.start('corporate-chat', { CONVOKE_LOG: 'debug' });
});

after(async () => {
  for (const close of open) close();
  await server.close();
});

const tokenOf = async (user, name) => {
  const link = await server.invite('--user', user, '--name', name);
  return link.split('token=')[1];
};

/** One that heard what it heard, in order. */
class Device {
  heard = [];

  /** @param {(event: string) => boolean} last */
  until(what, last) {
    const come = async () => this.heard;
    return eventually(what, come, (heard) => heard.some(([event]) => last(event)));
  }

  names() {
    return this.heard.map(([event]) => event);
  }

  payload(event) {
    return this.heard.find(([name]) => name === event)?.[1];
  }
}

class NodeDevice extends Device {
  static async connect(token) {
    const device = new NodeDevice();
    device.socket = io(server.url, { auth: { token }, reconnection: false, forceNew: true });
    device.socket.onAny((event, payload) => device.heard.push([event, payload]));
    open.push(() => device.socket.close());
    await new Promise((resolve, reject) => {
      device.socket.on('connect', resolve);
      device.socket.on('connect_error', reject);
    });
    return device;
  }

  ask(event, payload) {
    return this.socket.timeout(10_000).emitWithAck(event, payload);
  }
}

class PythonDevice extends Device {
  answers = [];

  static async connect(token, transport) {
    const device = new PythonDevice();
    const script = path.join(import.meta.dirname, 'chat_device.py');
    device.child = spawn(PYTHON, [script, server.url, token, transport], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    open.push(() => device.child.kill());
    createInterface({ input: device.child.stdout }).on('line', (line) => {
      const [event, payload] = JSON.parse(line);
      (event === 'answer' ? device.answers : device.heard).push(event === 'answer' ? payload : [event, payload]);
    });
    await device.until('connected', (event) => event === 'connected');
    device.heard.length = 0;
    return device;
  }

  async ask(event, payload) {
    const before = this.answers.length;
    this.child.stdin.write(`${JSON.stringify([event, payload])}\n`);
    const answers = async () => this.answers;
    return (await eventually(event, answers, (all) => all.length > before)).at(-1);
  }
}

const post = async (pathname, token, body) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const request = { method: 'POST', headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const response = await fetch(server.url + pathname, request);
  const answer = await response.json();
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
};

test('a whole call by the document’s own front end', async () => {
  const [ann, ben, cara] = await Promise.all([
    tokenOf('1', 'John Doe'),
    tokenOf('2', 'Jane Smith'),
    tokenOf('3', 'Cara Blue'),
  ]);
  const john = await NodeDevice.connect(ann);
  const jane = await NodeDevice.connect(ben);
  const janesOther = await PythonDevice.connect(ben, 'websocket');
  const caras = await PythonDevice.connect(cara, 'polling');
  const all = [john, jane, janesOther, caras];

  // startCall
  const participants = [2, 3];
  const { call, jitsi } = await post('/api/calls/initiate', ann, {
    callType: 'video',
    participants,
    chatId: 1,
  });
  assert.equal(call.status, 'pending');
  assert.ok(jitsi.meetingUrl.startsWith(`${server.url}/r/${call.roomName}#jwt=`));
  const about = { callId: call.id };
  assert.equal((await john.ask('call_incoming', { ...about, participants })).success, true);
  await post(`/api/calls/${call.id}/join`, ann);
  await john.ask('call_join', about);
  for (const device of [jane, janesOther, caras]) {
    await device.until('it rings', (event) => event === 'call_incoming');
    const { callId, roomName, callType, initiatedBy } = device.payload('call_incoming');
    assert.deepEqual(
      { callId, roomName, callType, initiatedBy },
      {
        callId: call.id,
        roomName: call.roomName,
        callType: 'video',
        initiatedBy: { id: 1, name: 'John Doe' },
      },
    );
  }

  // acceptCall, declineCall
  const joined = await post(`/api/calls/${call.id}/join`, ben);
  assert.equal(joined.call.status, 'ongoing');
  await jane.ask('call_accept', about);
  await jane.ask('call_join', about);
  await post(`/api/calls/${call.id}/decline`, cara);
  assert.deepEqual(await caras.ask('call_decline', about), { success: true, callId: call.id });

  const status = { audio_muted: true, video_off: false, screen_sharing: true };
  await jane.ask('call_status_update', { ...about, status });
  await john.ask('call_recording_started', about);
  await john.ask('call_recording_stopped', about);
  const refused = await jane.ask('call_end', about);
  assert.equal(refused.error.code, 'forbidden');
  await jane.ask('call_leave', about);
  await john.ask('call_end', about);
  for (const device of all) {
    await device.until('the call is over', (event) => event === 'call_ended');
    assert.deepEqual(device.payload('call_ended'), {
      callId: call.id,
      endedBy: { id: 1, name: 'John Doe' },
    });
    const rings = device.names().filter((event) => event === 'call_incoming');
    assert.equal(rings.length, device === john ? 0 : 1);
  }
  assert.deepEqual(john.names(), [
    'call_participant_joined',
    'call_accepted',
    'call_participant_joined',
    'call_declined',
    'call_participant_status',
    'call_recording_started',
    'call_recording_stopped',
    'call_participant_left',
    'call_ended',
  ]);
  assert.deepEqual(john.payload('call_participant_status'), {
    callId: call.id,
    userId: 2,
    status,
  });
  assert.deepEqual(janesOther.heard, jane.heard);
  assert.deepEqual(janesOther.payload('call_ring_stopped'), {
    callId: call.id,
    reason: 'answered_elsewhere',
  });
});

test('/call.html leads into the call page', async () => {
  const ann = await tokenOf('1', 'John Doe');
  const { call } = await post('/api/calls/initiate', ann, { callType: 'video', participants: [2] });
  const browsers = new Browsers();
  try {
    const tab = await browsers.chromium();
    await tab.goto(`${server.url}/call.html?callId=${call.id}&token=${ann}`);
    await eventually(
      'the page of the call',
      () => tab.evaluate('location.href'),
      (href) => href === `${server.url}/r/${call.roomName}`,
    );
    await tab.click('join-button');
    const tiles = () => tab.tiles();
    await eventually('John is in the call', tiles, (all) => all.some(({ you }) => you));
    const { participants } = await server.get(`/api/calls/${call.id}`);
    assert.equal(participants.find(({ userId }) => userId === 1).status, 'joined');
    const stranger = await tokenOf('9', 'Nobody');
    const other = await browsers.chromium();
    await other.goto(`${server.url}/call.html?callId=${call.id}&token=${stranger}`);
    await eventually(
      'the refusal',
      () => other.evaluate('document.body.innerText'),
      (text) => text.includes('You are not a participant'),
    );
  } catch (error) {
    await browsers.record('corporate-chat');
    throw error;
  } finally {
    await browsers.close();
  }
});

test('who has no token is told why', async () => {
  await assert.rejects(NodeDevice.connect('nonsense'), /unauthorized/);
});
