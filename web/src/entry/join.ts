import type { JitsiBlock } from './jitsi';

const NOT_REACHED = 'The server cannot be reached. Reload the page to try again.';

/** A call that was joined, and where it takes place. */
export interface Joined {
  room: string;
  /** Nothing but the page of a Jitsi is there; a page of ours does the rest itself. */
  elsewhere: boolean;
  block: JitsiBlock;
}

interface Answer {
  error?: string;
  call?: { roomName?: string };
  jitsi?: Partial<JitsiBlock> & { backend?: string };
}

const request = (token: string): RequestInit => ({
  method: 'POST',
  headers: { Authorization: `Bearer ${token}` },
});

/** An error says what to show. */
export async function join(
  callId: string | null,
  token: string | null,
  ask: typeof fetch,
): Promise<Joined> {
  if (!callId || !/^\d+$/.test(callId)) {
    throw new Error('This link names no call.');
  }
  if (!token) {
    throw new Error('Sign in first, then open the call again.');
  }
  const response = await ask(`/api/calls/${callId}/join`, request(token)).catch(() => {
    throw new Error(NOT_REACHED);
  });
  const answer: unknown = await response.json().catch(() => null);
  const { error, call, jitsi } = (answer ?? {}) as Answer;
  if (!response.ok) {
    throw new Error(error ?? NOT_REACHED);
  }
  const meetingUrl = jitsi?.meetingUrl ?? '';
  if (!/^https?:\/\//.test(meetingUrl)) {
    throw new Error(NOT_REACHED);
  }
  return {
    room: call?.roomName ?? '',
    elsewhere: jitsi?.backend === 'jitsi',
    block: { ...jitsi, token: jitsi?.token ?? null, meetingUrl },
  };
}

/** Says that the call was left; the server finds out by itself if it does not hear it. */
export async function leave(callId: string, token: string, ask: typeof fetch): Promise<void> {
  const left = ask(`/api/calls/${callId}/leave`, { ...request(token), keepalive: true });
  await left.catch(() => undefined);
}
