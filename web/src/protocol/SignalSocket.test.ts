import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeServer, welcome } from '../testing/FakeSocket';
import { joined } from '../testing/values';
import { backoffDelay, FIRST_DELAY_MS, LONGEST_DELAY_MS } from './backoff';
import { SignalSocket } from './SignalSocket';

function connected() {
  const server = new FakeServer();
  const socket = new SignalSocket({
    url: 'ws://server/ws',
    credentials: { name: 'Ada' },
    createWebSocket: server.create,
    random: () => 1,
  });
  socket.connect();
  return { server, socket };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('backoffDelay', () => {
  it('doubles up to a limit, in the upper half of the step', () => {
    const steps = [0, 1, 2, 3].map((attempt) => backoffDelay(attempt, () => 1));
    expect(steps).toEqual([1, 2, 4, 8].map((factor) => factor * FIRST_DELAY_MS));
    expect(backoffDelay(0, () => 0)).toBe(FIRST_DELAY_MS / 2);
    expect(backoffDelay(1_000, () => 1)).toBe(LONGEST_DELAY_MS);
    expect(backoffDelay(0, () => 0, 5_000)).toBe(5_000);
  });
});

describe('hello', () => {
  it('names the guest and is open with the welcome', () => {
    const { server, socket } = connected();
    expect(socket.send({ type: 'ping' })).toBe(false);
    server.welcomes();
    expect(server.socket.sent).toEqual([{ type: 'hello', protocol: 1, name: 'Ada' }]);
    expect(socket.state).toEqual({ name: 'open' });
  });

  it('ends for good when the server does not let us in', () => {
    const { server, socket } = connected();
    server.socket.opens();
    server.socket.says({ type: 'error', code: 'unauthorized', message: 'no' });
    expect(socket.state).toMatchObject({ name: 'closed', error: { reason: 'unauthorized' } });
    vi.advanceTimersByTime(60_000);
    expect(server.sockets).toHaveLength(1);
  });

  it('tells the user soon when there is no server', () => {
    const { server, socket } = connected();
    for (let second = 0; second < 16; second += 1) {
      if (!server.socket.closed) server.socket.ends();
      vi.advanceTimersByTime(1_000);
    }
    expect(socket.state).toMatchObject({ name: 'closed', error: { reason: 'connection_failed' } });
    expect(server.sockets.length).toBeGreaterThan(3);
  });

  it.each([undefined, 60])('tells soon what the server said, to come in %s s', (retryAfterSecs) => {
    const { server, socket } = connected();
    for (let second = 0; second < 15; second += 1) {
      if (!server.socket.closed) {
        server.socket.opens();
        const retry = retryAfterSecs === undefined ? {} : { retryAfterSecs };
        server.socket.says({ type: 'error', code: 'unavailable', message: 'busy', ...retry });
      }
      expect(socket.state.name).not.toBe('closed');
      vi.advanceTimersByTime(1_000);
    }
    expect(socket.state).toMatchObject({ name: 'closed', error: { reason: 'unavailable' } });
  });

  it('comes again without the token when the session cannot be resumed', () => {
    const { server, socket } = connected();
    server.welcomes();
    server.socket.ends();
    vi.advanceTimersByTime(FIRST_DELAY_MS);
    server.socket.opens();
    server.socket.says({ type: 'error', code: 'resume_failed', message: 'too late' });
    expect(server.socket.sentOf('hello').map(({ resume }) => resume)).toEqual([
      'resume-1',
      undefined,
    ]);
    server.socket.says(welcome());
    expect(socket.state.name).toBe('open');
  });
});

describe('reconnecting', () => {
  it('resumes with the newest token after a backoff that grows', () => {
    const { server } = connected();
    server.welcomes();
    server.socket.says(joined());
    server.socket.ends();
    vi.advanceTimersByTime(FIRST_DELAY_MS - 1);
    expect(server.sockets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(server.sockets).toHaveLength(2);
    server.socket.ends();
    vi.advanceTimersByTime(2 * FIRST_DELAY_MS);
    server.welcomes({ resumed: true });
    expect(server.socket.sentOf('hello')[0]?.resume).toBe('resume-2');
  });

  it('starts again from the first delay once it was welcome', () => {
    const { server, socket } = connected();
    server.welcomes();
    server.socket.ends();
    vi.advanceTimersByTime(FIRST_DELAY_MS);
    server.welcomes({ resumed: true });
    server.socket.ends();
    expect(socket.state).toEqual({ name: 'waiting', attempt: 1, delayMs: FIRST_DELAY_MS });
  });

  it('leaves the server in peace after 1013', () => {
    const { server, socket } = connected();
    server.welcomes();
    server.socket.ends(1013, 'too slow');
    expect(socket.state).toMatchObject({ name: 'waiting', delayMs: 2_000 });
  });

  it('does not wait when the network is back', () => {
    const { server, socket } = connected();
    server.welcomes();
    server.socket.ends();
    socket.nudge();
    expect(server.sockets).toHaveLength(2);
    vi.advanceTimersByTime(FIRST_DELAY_MS);
    expect(server.sockets).toHaveLength(2);
  });

  it('gives up after five minutes', () => {
    const { server, socket } = connected();
    server.socket.opens();
    // Long ago by then.
    server.socket.says({ type: 'error', code: 'unavailable', message: 'busy' });
    socket.nudge();
    server.welcomes();
    server.socket.ends();
    for (let second = 0; second < 301 && socket.state.name !== 'closed'; second += 1) {
      if (socket.state.name === 'connecting') server.socket.ends();
      vi.advanceTimersByTime(1_000);
    }
    expect(socket.state).toMatchObject({ name: 'closed', error: { reason: 'connection_failed' } });
  });
});

describe('a newer session of the same participant', () => {
  it('is final: this one does not come back', async () => {
    const { server, socket } = connected();
    server.welcomes();
    const asked = socket.request((request) => ({ type: 'join', request, room: 'r' }), 'joined');
    server.socket.ends(4003, 'continued elsewhere');
    expect(socket.state).toMatchObject({ name: 'closed', error: { reason: 'replaced' } });
    await expect(asked).rejects.toMatchObject({ reason: 'replaced' });
    vi.advanceTimersByTime(10 * 60_000);
    socket.nudge();
    expect(server.sockets).toHaveLength(1);
  });
});

describe('heartbeat', () => {
  it('pings when there is nothing else to say', () => {
    const { server, socket } = connected();
    server.welcomes({ pingIntervalSecs: 20 });
    vi.advanceTimersByTime(9_000);
    socket.send({ type: 'leave' });
    vi.advanceTimersByTime(9_999);
    expect(server.socket.sentOf('ping')).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(server.socket.sentOf('ping')).toHaveLength(1);
  });

  it('takes silence after a ping for a dead path', () => {
    const { server, socket } = connected();
    server.welcomes({ pingIntervalSecs: 2 });
    vi.advanceTimersByTime(1_000);
    vi.advanceTimersByTime(2_999);
    expect(socket.state.name).toBe('open');
    vi.advanceTimersByTime(1);
    expect(socket.state.name).toBe('waiting');
    expect(server.sockets[0]?.closed).toBe(true);
  });

  it('is content with any answer', () => {
    const { server, socket } = connected();
    server.welcomes({ pingIntervalSecs: 20 });
    for (let ping = 0; ping < 5; ping += 1) {
      vi.advanceTimersByTime(10_000);
      server.socket.says({ type: 'speaking', speakers: [] });
    }
    expect(socket.state.name).toBe('open');
  });

  it('probes an open socket after a network change, with less patience', () => {
    const { server, socket } = connected();
    server.welcomes();
    socket.nudge();
    expect(server.socket.sentOf('ping')).toHaveLength(1);
    vi.advanceTimersByTime(3_000);
    expect(socket.state.name).toBe('waiting');
  });
});

describe('requests', () => {
  it('pair with their answers, whatever comes between', async () => {
    const { server, socket } = connected();
    server.welcomes();
    const answer = socket.request((request) => ({ type: 'join', request, room: 'r' }), 'joined');
    server.socket.says({ type: 'speaking', speakers: [] });
    const { request } = server.socket.sentOf('join')[0]!;
    server.socket.says(joined({ request }));
    await expect(answer).resolves.toMatchObject({ you: { id: 'you' } });
  });

  it('fail with the reason of the error that echoes their number', async () => {
    const { server, socket } = connected();
    server.welcomes();
    const answer = socket.request((request) => ({ type: 'join', request, room: 'r' }), 'joined');
    const { request } = server.socket.sentOf('join')[0]!;
    server.socket.says({ type: 'error', request, code: 'room_full', message: 'full' });
    await expect(answer).rejects.toMatchObject({ reason: 'room_full' });
  });

  it('fail when the socket goes, and when no answer comes', async () => {
    const { server, socket } = connected();
    await expect(
      socket.request((request) => ({ type: 'join', request, room: 'r' }), 'joined'),
    ).rejects.toMatchObject({ reason: 'disconnected' });
    server.welcomes();
    const lost = socket.request((request) => ({ type: 'join', request, room: 'r' }), 'joined');
    server.socket.ends();
    await expect(lost).rejects.toMatchObject({ reason: 'disconnected' });
    socket.nudge();
    server.welcomes({ pingIntervalSecs: 600 });
    const late = socket.request((request) => ({ type: 'join', request, room: 'r' }), 'joined');
    vi.advanceTimersByTime(15_000);
    await expect(late).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('are not disturbed by what is not a message', () => {
    const { server, socket } = connected();
    server.welcomes();
    for (const data of ['', 'null', '[]', '{"type":', '7']) server.socket.onmessage?.({ data });
    expect(socket.state.name).toBe('open');
  });
});
