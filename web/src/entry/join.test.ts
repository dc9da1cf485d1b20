import { describe, expect, it, vi } from 'vitest';
import { join } from './join';

const answering = (status: number, body: unknown) =>
  vi.fn(async () => new Response(JSON.stringify(body), { status })) as unknown as typeof fetch;

describe('join', () => {
  it('asks as the user and goes where the call takes place', async () => {
    const url = 'https://calls.example.org/r/call-1-x#jwt=abc';
    const ask = answering(200, { jitsi: { meetingUrl: url } });
    expect(await join('42', 'token', ask)).toBe(url);
    expect(ask).toHaveBeenCalledWith('/api/calls/42/join', {
      method: 'POST',
      headers: { Authorization: 'Bearer token' },
    });
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
