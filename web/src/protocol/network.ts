/** Signs that the path to the server may have changed, from the browser. */

export interface NetworkWatcher {
  /** The machine is on a network again, or on another one. */
  changed(): void;
  /** The page is in front again; timers may have slept. */
  awake(): void;
}

/** `navigator.connection` where it exists (Network Information API). */
type ConnectionInfo = EventTarget & { type?: string };

/** Returns the function that stops watching. */
export function watchNetwork(watcher: NetworkWatcher): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  window.addEventListener('online', () => watcher.changed(), { signal });
  document.addEventListener(
    'visibilitychange',
    () => document.visibilityState === 'visible' && watcher.awake(),
    { signal },
  );
  const connection = (navigator as { connection?: ConnectionInfo }).connection;
  let type = connection?.type;
  connection?.addEventListener(
    'change',
    () => {
      // Also fires for every new estimate of the bandwidth.
      if (connection.type !== type) watcher.changed();
      type = connection.type;
    },
    { signal },
  );
  return () => stop.abort();
}
