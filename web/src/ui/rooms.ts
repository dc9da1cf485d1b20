/** Room names: making new ones, and finding them in what people paste. */

/** No letter that is read or heard as another one. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz';
/** 23^10 names: 45 bits, too many to try. */
const GROUPS = [3, 4, 3];

export function newRoomName(
  random: (bytes: Uint8Array) => Uint8Array = (bytes) =>
    crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
): string {
  // Bytes past the last full round of the alphabet would favour its beginning.
  const usable = Math.floor(256 / LETTERS.length) * LETTERS.length;
  const letters: string[] = [];
  const wanted = GROUPS.reduce((sum, size) => sum + size, 0);
  while (letters.length < wanted) {
    for (const byte of random(new Uint8Array(wanted))) {
      if (byte < usable) letters.push(LETTERS[byte % LETTERS.length]!);
    }
  }
  return GROUPS.map((size) => letters.splice(0, size).join('')).join('-');
}

export interface Invitation {
  room: string;
  token?: string;
}

export const roomPath = (room: string): string => `/r/${encodeURIComponent(room)}`;

/** The room of a page's path, if it is a room's page. */
export function roomOfPath(path: string): string | undefined {
  const match = /^\/r\/([^/]+)\/?$/.exec(path);
  if (!match) return undefined;
  try {
    return decodeURIComponent(match[1]!);
  } catch {
    return undefined;
  }
}

/** What a link may call its token: our own name for it, and Jitsi's. */
export const TOKEN_PARAMETERS = ['token', 'jwt'];

/** A token travels in the fragment, which browsers do not send to servers. */
export function tokenOf({ hash, search }: Pick<URL, 'hash' | 'search'>): string | undefined {
  for (const text of [hash.replace(/^#/, ''), search]) {
    const parameters = new URLSearchParams(text);
    for (const name of TOKEN_PARAMETERS) {
      const token = parameters.get(name);
      if (token) return token;
    }
  }
  return undefined;
}

/** Names are letters and digits of any script, dashes, dots and underscores. */
const NOT_IN_NAMES = /[^\p{L}\p{N}._-]/gu;

/** What somebody typed or pasted: a link, or the name of a room. */
export function parseInvitation(text: string): Invitation | undefined {
  const trimmed = text.trim();
  if (/^https?:\/\//i.test(trimmed)) {
    if (!URL.canParse(trimmed)) return undefined;
    const url = new URL(trimmed);
    const room = roomOfPath(url.pathname);
    const token = tokenOf(url);
    return room === undefined ? undefined : { room, ...(token === undefined ? {} : { token }) };
  }
  const room = trimmed
    .replace(/^\/?r\//, '')
    .replace(/\s+/g, '-')
    .replace(NOT_IN_NAMES, '');
  return room === '' ? undefined : { room };
}
