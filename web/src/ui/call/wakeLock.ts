/**
 * Keeps a phone's screen on while a call is watched. The lock goes whenever the
 * page is hidden, and has to be taken again (Screen Wake Lock §7).
 */

/** Returns the function that lets the screen sleep again. */
export function keepScreenOn(): () => void {
  const stop = new AbortController();
  let lock: WakeLockSentinel | undefined;
  const take = async () => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    // Refused on a low battery, which is not for us to judge.
    lock = await navigator.wakeLock.request('screen').catch(() => undefined);
    if (stop.signal.aborted) void lock?.release();
  };
  document.addEventListener('visibilitychange', () => void take(), { signal: stop.signal });
  void take();
  return () => {
    stop.abort();
    void lock?.release();
  };
}
