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
 * a shared screen. It lives as long as the tab. False when there was none.
 */
export function adoptTokenFromAddress(): boolean {
  const url = new URL(location.href);
  const token = tokenOf(url);
  if (token === undefined) return false;
  setToken(token);
  url.hash = '';
  for (const name of TOKEN_PARAMETERS) url.searchParams.delete(name);
  history.replaceState(history.state, '', url.pathname + url.search);
  return true;
}

export function token(): string | undefined {
  return stored(() => sessionStorage, TOKEN) || undefined;
}

/** To be shown for this room: one that names another room opens nothing here. */
export function tokenFor(room: string): string | undefined {
  const value = token();
  return value === undefined || (claimsOf(value).room ?? room) === room ? value : undefined;
}

export function setToken(value: string): void {
  stored(() => sessionStorage, TOKEN, value);
}

/**
 * A token that the server refused would keep its bearer out of every room, also
 * where a name is enough. True when it is forgotten.
 */
export async function forgetRefusedToken(ask: typeof fetch): Promise<boolean> {
  const refused = token();
  if (refused === undefined) return false;
  const config: unknown = await ask('/api/v1/config')
    .then((response) => response.json())
    .catch(() => undefined);
  // Another one may have come meanwhile.
  if (!(config as { guests?: boolean } | undefined)?.guests || token() !== refused) return false;
  setToken('');
  return true;
}

/** What the token says, unverified: only to greet its bearer. */
export function nameInToken(value: string): string | undefined {
  const { name } = claimsOf(value);
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function claimsOf(token: string): { name?: unknown; room?: unknown } {
  try {
    const payload = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    return Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return {};
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
