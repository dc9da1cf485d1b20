const NOT_REACHED = 'The server cannot be reached. Reload the page to try again.';

/** Where the call takes place, once it is joined; an error says what to show. */
export async function join(
  callId: string | null,
  token: string | null,
  ask: typeof fetch,
): Promise<string> {
  if (!callId || !/^\d+$/.test(callId)) {
    throw new Error('This link names no call.');
  }
  if (!token) {
    throw new Error('Sign in first, then open the call again.');
  }
  const request = { method: 'POST', headers: { Authorization: `Bearer ${token}` } };
  const response = await ask(`/api/calls/${callId}/join`, request).catch(() => {
    throw new Error(NOT_REACHED);
  });
  const answer: unknown = await response.json().catch(() => null);
  const { error, jitsi } = (answer ?? {}) as { error?: string; jitsi?: { meetingUrl?: string } };
  if (!response.ok) {
    throw new Error(error ?? NOT_REACHED);
  }
  const url = jitsi?.meetingUrl ?? '';
  if (!/^https?:\/\//.test(url)) {
    throw new Error(NOT_REACHED);
  }
  return url;
}
