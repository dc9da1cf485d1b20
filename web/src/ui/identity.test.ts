import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as identity from './identity';

const base64url = (claims: unknown) => Buffer.from(JSON.stringify(claims)).toString('base64url');
const token = (claims: unknown) => `e30.${base64url(claims)}.c2ln`;

beforeEach(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
});

describe('tokenFor', () => {
  it.each([
    ['of every room', token({ sub: '1' }), true],
    ['of this room', token({ sub: '1', room: 'standup' }), true],
    ['of another room', token({ sub: '1', room: 'board' }), false],
    // The server says what is wrong with it.
    ['that is none', 'nonsense', true],
    ['of nothing', token(null), true],
  ])('a token %s', (_, value, shown) => {
    identity.setToken(value);
    expect(identity.tokenFor('standup')).toBe(shown ? value : undefined);
    // It is still there for its own room.
    expect(identity.token()).toBe(value);
  });

  it('has none where there is none', () => {
    expect(identity.tokenFor('standup')).toBeUndefined();
  });
});

it('greets the bearer by name', () => {
  expect(identity.nameInToken(token({ name: 'Zoë' }))).toBe('Zoë');
  for (const nameless of [token({}), token({ name: '' }), token({ name: 7 }), 'x', '']) {
    expect(identity.nameInToken(nameless)).toBeUndefined();
  }
});

describe('the address', () => {
  const at = (href: string) => {
    const replaceState = vi.fn();
    vi.stubGlobal('location', { href });
    vi.stubGlobal('history', { state: null, replaceState });
    return replaceState;
  };

  it('gives its token and does not keep it', () => {
    const replaceState = at('https://calls.example.org/r/board?codec=vp9&jwt=b#token=a');
    expect(identity.adoptTokenFromAddress()).toBe(true);
    expect(identity.token()).toBe('a');
    expect(replaceState).toHaveBeenCalledWith(null, '', '/r/board?codec=vp9');
  });

  it('leaves what is known when it has none', () => {
    identity.setToken('known');
    const replaceState = at('https://calls.example.org/r/board#people');
    expect(identity.adoptTokenFromAddress()).toBe(false);
    expect(identity.token()).toBe('known');
    expect(replaceState).not.toHaveBeenCalled();
  });
});

describe('a refused token', () => {
  const config = (guests: boolean) =>
    vi.fn(async () => new Response(JSON.stringify({ guests }))) as unknown as typeof fetch;

  it('is forgotten where a name is enough', async () => {
    identity.setToken('expired');
    await expect(identity.forgetRefusedToken(config(true))).resolves.toBe(true);
    expect(identity.token()).toBeUndefined();
  });

  it.each([
    ['guests are not admitted', config(false)],
    ['nobody knows', () => Promise.reject(new TypeError('no'))],
    ['the answer is none', async () => new Response('null')],
  ])('is kept where %s', async (_, ask) => {
    identity.setToken('expired');
    await expect(identity.forgetRefusedToken(ask as typeof fetch)).resolves.toBe(false);
    expect(identity.token()).toBe('expired');
  });

  it('is not another one that came meanwhile', async () => {
    identity.setToken('expired');
    const forgetting = identity.forgetRefusedToken(config(true));
    identity.setToken('new');
    await expect(forgetting).resolves.toBe(false);
    expect(identity.token()).toBe('new');
  });

  it('asks nothing without one', async () => {
    const ask = config(true);
    await expect(identity.forgetRefusedToken(ask)).resolves.toBe(false);
    expect(ask).not.toHaveBeenCalled();
  });
});
