import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Presence } from './presence';

describe('Presence', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const opened = () => {
    const ask = vi.fn(async () => new Response(null, { status: 204 }));
    const page = new EventTarget();
    const presence = new Presence('a room', 'token', ask as unknown as typeof fetch, page);
    const said = () =>
      ask.mock.calls.map((call) => {
        const [path, request] = call as unknown as [string, RequestInit];
        expect(path).toBe('/api/v1/rooms/a%20room/presence');
        expect(request).toMatchObject({ method: 'PUT', keepalive: true });
        return (JSON.parse(request.body as string) as { there: boolean }).there;
      });
    return { presence, page, said };
  };

  it('says so at once, and again and again', () => {
    const { said } = opened();
    vi.advanceTimersByTime(60_000);
    expect(said()).toEqual([true, true, true]);
  });

  it('says when the page is closed, and when it is back', () => {
    const { page, said } = opened();
    page.dispatchEvent(new Event('pagehide'));
    page.dispatchEvent(new Event('pageshow'));
    expect(said()).toEqual([true, false, true]);
  });

  it('says nothing any more once it is stopped', () => {
    for (const end of ['stop', 'leave'] as const) {
      const { presence, page, said } = opened();
      presence[end]();
      page.dispatchEvent(new Event('pagehide'));
      vi.advanceTimersByTime(60_000);
      expect(said()).toEqual(end === 'stop' ? [true] : [true, false]);
    }
  });

  it('does not mind that nobody answers', async () => {
    const ask = vi.fn(() => Promise.reject(new TypeError('no'))) as unknown as typeof fetch;
    new Presence('r', 'token', ask, new EventTarget()).stop();
    await Promise.resolve();
  });
});
