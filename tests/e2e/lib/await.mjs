// Waiting for what is asserted, never for a time. A condition that does not come
// true fails with what was seen last.

const POLL_MS = 150;
export const SOON_MS = 15_000;

/**
 * Reads until `holds` says yes, and returns that reading.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} read
 * @param {(value: T) => boolean} holds
 */
export async function eventually(what, read, holds, timeoutMs = SOON_MS) {
  const deadline = Date.now() + timeoutMs;
  let last;
  let failure;
  while (Date.now() < deadline) {
    try {
      last = await read();
      failure = undefined;
      if (holds(last)) return last;
    } catch (error) {
      // A page between two states may not answer; what counts is the last word.
      failure = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const seen = failure ? `error: ${failure.message}` : JSON.stringify(last, null, 1);
  throw new Error(`not within ${timeoutMs} ms: ${what}; last seen: ${seen}`);
}

/** Waits until a reading has stayed the same for so many ms. */
export function settles(what, read, quietMs, timeoutMs) {
  let last;
  let since = Date.now();
  const quiet = (value) => {
    if (value !== last) [last, since] = [value, Date.now()];
    return Date.now() - since >= quietMs;
  };
  return eventually(what, read, quiet, timeoutMs);
}
