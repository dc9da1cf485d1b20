import { describe, expect, it, vi } from 'vitest';
import { join, leave } from './join';

const answering = (status: number, body: unknown) =>
  vi.fn(async () => new Response(JSON.stringify(body), { status })) as unknown as typeof fetch;

describe('join', () => {
  it('asks as the user and goes where the call takes place', async () => {
    const jitsi = { token: 'abc', meetingUrl: 'https://calls.example.org/r/call-1-x#jwt=abc' };
    const ask = answering(200, { call: { roomName: 'call-1-x' }, jitsi });
    const joined = await join('42', 'token', ask);
    expect(joined).toEqual({ room: 'call-1-x', elsewhere: false, block: jitsi });
    expect(ask).toHaveBeenCalledWith('/api/calls/42/join', {
      method: 'POST',
      headers: { Authorization: 'Bearer token' },
    });
  });

  it('knows a call that a Jitsi holds', async () => {
    const jitsi = { backend: 'jitsi', token: null, meetingUrl: 'https://meet.example.org/x' };
    const joined = await join('42', 'token', answering(200, { jitsi }));
    expect(joined.elsewhere).toBe(true);
  });

  it('says that it left, whether somebody hears it or not', async () => {
    const ask = answering(200, {});
    await leave('42', 'token', ask);
    expect(ask).toHaveBeenCalledWith('/api/calls/42/leave', {
      method: 'POST',
      headers: { Authorization: 'Bearer token' },
      keepalive: true,
    });
    const unreachable = vi.fn(() => Promise.reject(new TypeError('no'))) as unknown as typeof fetch;
    await leave('42', 'token', unreachable);
  });

  it('says what the server says', async () => {
    const ask = answering(403, { error: 'You are not a participant' });
    await expect(join('42', 'token', ask)).rejects.toThrow('You are not a participant');
  });

  it('asks nothing without a call or a token', async () => {
    const ask = answering(200, {});
    for (const [call, token] of [
      [null, 'token'],
      ['../x', 'token'],
      ['42', null],
    ] as const) {
      await expect(join(call, token, ask)).rejects.toThrow();
    }
    expect(ask).not.toHaveBeenCalled();
  });

  it('goes nowhere that is no page', async () => {
    for (const meetingUrl of ['javascript:alert(1)', '', undefined]) {
      await expect(join('42', 'token', answering(200, { jitsi: { meetingUrl } }))).rejects.toThrow();
    }
    const unreachable = vi.fn(() => Promise.reject(new TypeError('no'))) as unknown as typeof fetch;
    await expect(join('42', 'token', unreachable)).rejects.toThrow('cannot be reached');
  });
});
