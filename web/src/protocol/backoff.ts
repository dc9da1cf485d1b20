/** How long to wait before attempt `n` (from 0) at reaching the server again. */

export const FIRST_DELAY_MS = 300;
/** Well within the time for which a session can be resumed. */
export const LONGEST_DELAY_MS = 5_000;

/**
 * Doubles, and is spread over its upper half: after a restart of the server
 * everybody comes back, and should not come at once.
 */
export function backoffDelay(attempt: number, random: () => number, atLeastMs = 0): number {
  const full = Math.min(FIRST_DELAY_MS * 2 ** Math.min(attempt, 10), LONGEST_DELAY_MS);
  return Math.max(full / 2 + (full / 2) * random(), atLeastMs);
}
