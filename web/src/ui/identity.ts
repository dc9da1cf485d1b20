/** Who the user is to this server, as far as this browser remembers. */

import { TOKEN_PARAMETERS, tokenOf } from './rooms';

const TOKEN = 'convoke.token';
const NAME = 'convoke.name';

/** Storage may be forbidden; then nothing is remembered. */
function stored(storage: () => Storage, key: string, value?: string): string | undefined {
  try {
    if (value !== undefined) storage().setItem(key, value);
    return storage().getItem(key) ?? undefined;
  } catch {
    return value;
  }
}

/**
 * Takes a token out of the address bar before it is copied, bookmarked or seen on
 * a shared screen. It lives as long as the tab.
 */
export function adoptTokenFromAddress(): void {
  const url = new URL(location.href);
  const token = tokenOf(url);
  if (token === undefined) return;
  setToken(token);
  url.hash = '';
  for (const name of TOKEN_PARAMETERS) url.searchParams.delete(name);
  history.replaceState(history.state, '', url.pathname + url.search);
}

export function token(): string | undefined {
  return stored(() => sessionStorage, TOKEN) || undefined;
}

export function setToken(value: string): void {
  stored(() => sessionStorage, TOKEN, value);
}

export function forgetToken(): void {
  setToken('');
}

/** What the token says, unverified: only to greet its bearer. */
export function nameInToken(value: string): string | undefined {
  try {
    const payload = value.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    const { name } = JSON.parse(new TextDecoder().decode(bytes)) as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    return undefined;
  }
}

export function rememberedName(): string {
  return stored(() => localStorage, NAME) ?? '';
}

export function rememberName(name: string): void {
  stored(() => localStorage, NAME, name);
}

/** One or two letters for the avatar. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return (
    letters
      .map((word) => [...(word ?? '')][0] ?? '')
      .join('')
      .toUpperCase() || '?'
  );
}

/** The same colour for the same person, everywhere. */
export function hueOf(userId: string): number {
  let hash = 0;
  for (const char of userId) hash = (hash * 31 + char.codePointAt(0)!) >>> 0;
  return hash % 360;
}
