import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../protocol/messages';
import { LocalMedia } from '../rtc/LocalMedia';
import { FakePeerConnection, fakeTrack } from '../testing/FakePeerConnection';
import { FakeServer } from '../testing/FakeSocket';
import { joined, participant, settled, withTracks } from '../testing/values';
import { Call } from './Call';

const capabilities = { getCapabilities: () => ({ codecs: [], headerExtensions: [] }) };

beforeEach(() => {
  FakePeerConnection.all.length = 0;
  vi.stubGlobal('RTCRtpSender', capabilities);
  vi.stubGlobal('RTCRtpReceiver', capabilities);
  vi.stubGlobal('window', new EventTarget());
  vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('MediaStream', class {});
});

/** Which makes the next attempt at the server come now. */
const looksAtThePage = () => document.dispatchEvent(new Event('visibilitychange'));

const media = () =>
  new LocalMedia({
    openMicrophone: async () => fakeTrack('audio'),
    openCamera: async () => fakeTrack('video'),
    openBoth: async () => [fakeTrack('audio'), fakeTrack('video')],
    openScreen: async () => [fakeTrack('video')],
  });

async function inCall(more: Partial<Message<'joined'>> = {}) {
  const server = new FakeServer();
  const local = media();
  await local.setMicrophone(true);
  const call = new Call({
    url: 'ws://server/ws',
    name: 'Ada',
    media: local,
    random: () => 0,
    createWebSocket: server.create,
    createPeerConnection: () => new FakePeerConnection() as unknown as RTCPeerConnection,
  });
  call.join('room');
  server.welcomes();
  server.socket.says(joined({ request: server.socket.sentOf('join')[0]!.request, ...more }));
  await settled();
  const answer = async () => {
    const { request } = server.socket.sentOf('offer').at(-1)!;
    server.socket.says({ type: 'answer', request, sdp: 'answer', slots: [] });
    await settled();
  };
  await answer();
  const connection = () => FakePeerConnection.all.at(-1)!;
  connection().becomes('connected');
  return { server, call, local, answer, connection };
}

describe('joining', () => {
  it('offers, then says what is live and what is not', async () => {
    const { server, call } = await inCall();
    expect(call.state.phase.name).toBe('joined');
    expect(server.socket.sentOf('publish')).toEqual([
      { type: 'publish', source: 'microphone', state: 'live' },
      { type: 'publish', source: 'camera', state: 'off' },
    ]);
  });

  it.each(['room_full', 'overloaded'] as const)('fails with the server saying %s', async (code) => {
    const server = new FakeServer();
    const call = new Call({
      url: 'ws://server/ws',
      media: media(),
      createWebSocket: server.create,
    });
    call.join('room');
    server.welcomes();
    const { request } = server.socket.sentOf('join')[0]!;
    server.socket.says({ type: 'error', request, code, message: 'full' });
    await settled();
    expect(call.state.phase).toMatchObject({ name: 'failed', error: { reason: code } });
    expect(server.socket.closed).toBe(true);
  });
});

describe('a server that cannot take the call now', () => {
  const refuses = (server: FakeServer, retryAfterSecs?: number) => {
    const { request } = server.socket.sentOf('join').at(-1)!;
    const retry = retryAfterSecs === undefined ? {} : { retryAfterSecs };
    server.socket.says({ type: 'error', request, code: 'unavailable', message: 'busy', ...retry });
    return settled();
  };

  const joining = () => {
    const server = new FakeServer();
    const call = new Call({
      url: 'ws://server/ws',
      media: media(),
      createWebSocket: server.create,
    });
    call.join('room');
    server.welcomes({ pingIntervalSecs: 600 });
    return { server, call };
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => void vi.useRealTimers());

  it('is asked again, and given up after a while with what it said', async () => {
    const { server, call } = joining();
    for (let second = 0; second < 14; second += 2) {
      await refuses(server);
      expect(call.state.phase.name).toBe('joining');
      vi.advanceTimersByTime(2_000);
    }
    expect(server.socket.sentOf('join')).toHaveLength(8);
    await refuses(server);
    expect(call.state.phase).toMatchObject({ name: 'failed', error: { reason: 'unavailable' } });
  });

  it('is not waited for longer than that in silence', async () => {
    const { server, call } = joining();
    await refuses(server, 60);
    expect(call.state.phase).toMatchObject({ name: 'failed', error: { reason: 'unavailable' } });
  });

  it('is asked for longer by who was in the call', async () => {
    const { server, call } = await inCall();
    server.socket.ends();
    looksAtThePage();
    server.welcomes({ resumed: false, pingIntervalSecs: 600 });
    for (let second = 0; second < 60; second += 2) {
      await refuses(server);
      vi.advanceTimersByTime(2_000);
    }
    expect(call.state.phase.name).toBe('reconnecting');
    expect(server.socket.sentOf('join')).toHaveLength(31);
  });
});

describe('sources', () => {
  it('are announced when they change, once', async () => {
    const { server, local } = await inCall();
    await local.setCamera(true);
    await local.setMicrophone(false);
    await local.setMicrophone(false);
    expect(server.socket.sentOf('publish').slice(2)).toEqual([
      { type: 'publish', source: 'camera', state: 'live' },
      { type: 'publish', source: 'microphone', state: 'muted' },
    ]);
  });

  it('are announced again when the server could not take it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { server, local } = await inCall();
      await local.setMicrophone(false);
      server.socket.says({
        type: 'error',
        code: 'rate_limited',
        message: 'slow',
        retryAfterSecs: 2,
      });
      const before = server.socket.sentOf('publish').length;
      vi.advanceTimersByTime(1_999);
      expect(server.socket.sentOf('publish')).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(server.socket.sentOf('publish')[before]).toMatchObject({ state: 'muted' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('that need an m-line are announced after the answer', async () => {
    const { server, local, answer } = await inCall();
    await local.setScreen(true);
    await settled();
    const screens = () =>
      server.socket.sentOf('publish').filter(({ source }) => source === 'screen');
    expect(server.socket.sentOf('offer')).toHaveLength(2);
    expect(screens()).toEqual([]);
    await answer();
    expect(screens()).toEqual([{ type: 'publish', source: 'screen', state: 'live' }]);
  });
});

describe('being muted by somebody else', () => {
  const muted = {
    type: 'muted',
    source: 'microphone',
    by: { userId: '1', name: 'Ben' },
  } as const;

  it('turns the microphone off, says so and may be undone', async () => {
    const { server, call, local } = await inCall();
    const told: unknown[] = [];
    // By then the button has to be right.
    call.on('muted', ({ by }) => told.push([by?.name, local.state('microphone')]));
    server.socket.says(muted);
    expect(local.track('microphone')?.enabled).toBe(false);
    expect(told).toEqual([['Ben', 'muted']]);
    await settled();
    expect(server.socket.sentOf('publish').slice(2)).toEqual([
      { type: 'publish', source: 'microphone', state: 'muted' },
    ]);
    // News of what is so already is none.
    server.socket.says(muted);
    expect(told).toHaveLength(1);

    await local.setMicrophone(true);
    expect(local.track('microphone')?.enabled).toBe(true);
    expect(server.socket.sentOf('publish').at(-1)).toMatchObject({ state: 'live' });
  });

  it('while away is heeded before anything is said of the microphone', async () => {
    const { server, call, local } = await inCall();
    const told: unknown[] = [];
    call.on('muted', ({ by }) => told.push(by));
    server.socket.ends();
    looksAtThePage();
    server.welcomes({ resumed: true });
    server.socket.says({ type: 'muted', source: 'microphone' });
    server.socket.says(joined({ media: 'kept' }));
    await settled();
    expect(told).toEqual([undefined]);
    expect(local.state('microphone')).toBe('muted');
    const microphones = server.socket
      .sentOf('publish')
      .filter(({ source }) => source === 'microphone');
    expect(microphones.map(({ state }) => state)).not.toContain('live');
    expect(microphones.length).toBeGreaterThan(0);
  });
});

describe('muting others', () => {
  it('gives who was heard', async () => {
    const { server, call } = await inCall();
    const muting = call.muteOthers();
    const { request } = server.socket.sentOf('mute_others')[0]!;
    server.socket.says({ type: 'others_muted', request, participantIds: ['p1'] });
    await expect(muting).resolves.toEqual(['p1']);
  });

  it('rejects for who may not', async () => {
    const { server, call } = await inCall();
    const muting = call.muteOthers();
    const { request } = server.socket.sentOf('mute_others')[0]!;
    server.socket.says({ type: 'error', request, code: 'forbidden', message: 'no' });
    await expect(muting).rejects.toMatchObject({ reason: 'forbidden' });
    expect(call.state.phase.name).toBe('joined');
  });
});

describe('layers that nobody is shown', () => {
  const small: Message<'layers'> = { type: 'layers', source: 'camera', wanted: ['q'] };
  const sent = ({ connection }: Awaited<ReturnType<typeof inCall>>) =>
    connection().transceivers[1]!.sender.activeLayers();

  const told = async () => {
    const all = await inCall();
    all.server.socket.says(small);
    await settled();
    expect(sent(all)).toEqual(['q']);
    return all;
  };

  it('are not sent until they are wanted', async () => {
    const all = await told();
    all.server.socket.says({ ...small, wanted: ['q', 'h', 'f'] });
    await settled();
    expect(sent(all)).toEqual(['q', 'h', 'f']);
  });

  it('are sent after a lost WebSocket, until the server says so again', async () => {
    const all = await told();
    all.server.socket.ends();
    looksAtThePage();
    await settled();
    expect(sent(all)).toEqual(['q']);
    all.server.welcomes({ resumed: true });
    await settled();
    expect(sent(all)).toEqual(['q', 'h', 'f']);
    all.server.socket.says(small);
    all.server.socket.says(joined({ media: 'kept' }));
    await settled();
    expect(sent(all)).toEqual(['q']);
  });

  it('are sent on a new RTCPeerConnection', async () => {
    const all = await told();
    all.server.socket.says(joined({ media: 'new' }));
    // Of the one before.
    all.server.socket.says(small);
    await settled();
    await all.answer();
    expect(sent(all)).toEqual(['q', 'h', 'f']);
  });
});

describe('the layout', () => {
  const wish = (participantId: string) =>
    ({ participantId, source: 'camera', width: 640, height: 360, priority: 1 }) as const;

  it('gets Slots by an offer, and says what to put in them', async () => {
    const { server, call, answer } = await inCall({
      participants: [withTracks('p1', 'camera'), withTracks('p2', 'camera'), participant('p3')],
    });
    call.show([wish('p1'), wish('p2'), wish('p3')]);
    await settled();
    await answer();
    const [first] = server.socket.sentOf('slots');
    expect(
      first?.slots.map(({ show }) => (show.kind === 'pinned' ? show.participantId : show.kind)),
    ).toEqual(['p1', 'p2', 'off', 'off']);
  });

  it('follows a camera that is turned on', async () => {
    const { server, call, answer } = await inCall({ participants: [participant('p1')] });
    call.show([wish('p1')]);
    await settled();
    await answer();
    server.socket.says({ type: 'participant_changed', participant: withTracks('p1', 'camera') });
    expect(server.socket.sentOf('slots').at(-1)?.slots[0]).toMatchObject({
      show: { kind: 'pinned', participantId: 'p1', source: 'camera' },
      width: 640,
    });
  });
});

describe('after a lost WebSocket', () => {
  const lost = async (
    more: Partial<Message<'joined'>>,
    path?: RTCPeerConnectionState,
    meanwhile?: () => void,
  ) => {
    const all = await inCall({ participants: [participant('p1')] });
    await all.local.setMicrophone(false);
    all.server.socket.ends();
    if (path) all.connection().becomes(path);
    expect(all.call.state.phase.name).toBe('reconnecting');
    meanwhile?.();
    looksAtThePage();
    all.server.welcomes({ resumed: true });
    all.server.socket.says(joined(more));
    await settled();
    return all;
  };

  it('is the same participant with the same media, still muted', async () => {
    const { server, call } = await lost({ media: 'kept', participants: [participant('p1')] });
    expect(call.state.phase.name).toBe('joined');
    expect(FakePeerConnection.all).toHaveLength(1);
    expect(server.socket.sentOf('hello')[0]?.resume).toBe('resume-2');
    expect(server.socket.sentOf('join')).toEqual([]);
    expect(server.socket.sentOf('offer')).toEqual([]);
    expect(server.socket.sentOf('publish')[0]).toEqual({
      type: 'publish',
      source: 'microphone',
      state: 'muted',
    });
  });

  it.each(['disconnected', 'failed'] as const)(
    'restarts ICE once when the path is %s as well',
    async (path) => {
      const { server, connection } = await lost({ media: 'kept' }, path);
      expect(connection().restarts).toBe(1);
      expect(server.socket.sentOf('offer')).toHaveLength(1);
    },
  );

  it('restarts ICE for a network that changed before the path shows it', async () => {
    const { server, connection } = await lost({ media: 'kept' }, undefined, () =>
      window.dispatchEvent(new Event('online')),
    );
    expect(connection().restarts).toBe(1);
    expect(server.socket.sentOf('offer')).toHaveLength(1);
  });

  it('offers nothing on a path that the server has forgotten', async () => {
    const { server } = await lost({ media: 'new' }, 'failed');
    expect(FakePeerConnection.all.map(({ restarts }) => restarts)).toEqual([0, 0]);
    expect(server.socket.sentOf('offer')).toHaveLength(1);
  });

  it('makes a new RTCPeerConnection when the server lost the old one', async () => {
    const { server, call, answer } = await lost({ media: 'new' });
    expect(FakePeerConnection.all.map(({ closed }) => closed)).toEqual([true, false]);
    await answer();
    expect(server.socket.sentOf('publish').map(({ state }) => state)).toEqual(['muted', 'off']);
    expect(call.state.phase.name).toBe('joined');
  });

  it('tells who came and went meanwhile', async () => {
    const all = await inCall({ participants: [participant('p1'), participant('p2')] });
    const news: string[] = [];
    all.call.on('participantJoined', ({ id }) => news.push(`+${id}`));
    all.call.on('participantLeft', ({ id }) => news.push(`-${id}`));
    all.server.socket.says(
      joined({ media: 'kept', participants: [participant('p2'), participant('p3')] }),
    );
    expect(news).toEqual(['+p3', '-p1']);
  });

  it('joins again when the session could not be resumed', async () => {
    const all = await inCall();
    all.server.socket.ends();
    looksAtThePage();
    all.server.welcomes({ resumed: false });
    expect(all.server.socket.sentOf('join')).toMatchObject([{ room: 'room' }]);
  });
});

describe('the end', () => {
  it('closes everything when the call is over', async () => {
    const { server, call, local, connection } = await inCall();
    server.socket.says({ type: 'call_ended', reason: 'completed' });
    expect(call.state.phase).toEqual({ name: 'ended', why: 'call_ended', reason: 'completed' });
    expect([connection().closed, server.socket.closed, local.state('microphone')]).toEqual([
      true,
      true,
      'off',
    ]);
  });

  it('for all resolves with the end of the call', async () => {
    const { server, call } = await inCall();
    const ended = call.end();
    server.socket.says({ type: 'call_ended', reason: 'completed' });
    await expect(ended).resolves.toBeUndefined();
  });

  it('for all rejects for who may not', async () => {
    const { server, call } = await inCall();
    const ended = call.end();
    const { request } = server.socket.sentOf('end_call')[0]!;
    server.socket.says({ type: 'error', request, code: 'forbidden', message: 'no' });
    await expect(ended).rejects.toMatchObject({ reason: 'forbidden' });
    expect(call.state.phase.name).toBe('joined');
  });

  it('says goodbye', async () => {
    const { server, call } = await inCall();
    call.leave();
    expect(server.socket.sent.at(-1)).toEqual({ type: 'leave' });
    expect(server.socket.closed).toBe(true);
  });
});
