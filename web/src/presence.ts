/**
 * Tells the server that the page of a call is open which nothing else would tell it of:
 * before the call is joined with a device, or while a Jitsi is in the page. Whoever is
 * not heard of is out of the call after a while, and shortly after closing the page.
 */

/** Well within the two minutes that the server believes one. */
const INTERVAL_MS = 30_000;

export class Presence {
  #timer: ReturnType<typeof setInterval>;
  #hide = () => void this.#say(false);
  #show = () => void this.#say(true);

  constructor(
    private readonly room: string,
    private readonly token: string,
    private readonly ask: typeof fetch,
    private readonly page: EventTarget,
  ) {
    this.#timer = setInterval(this.#show, INTERVAL_MS);
    page.addEventListener('pagehide', this.#hide);
    // Out of the browser's cache of pages, as if it had never been gone.
    page.addEventListener('pageshow', this.#show);
    this.#show();
  }

  /** The server knows from elsewhere now. */
  stop(): void {
    clearInterval(this.#timer);
    this.page.removeEventListener('pagehide', this.#hide);
    this.page.removeEventListener('pageshow', this.#show);
  }

  /** The page is left, though it stays open. */
  leave(): void {
    this.stop();
    this.#hide();
  }

  async #say(there: boolean): Promise<void> {
    const request = {
      method: 'PUT',
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ there }),
      // The page may be gone before the answer comes.
      keepalive: true,
    };
    const path = `/api/v1/rooms/${encodeURIComponent(this.room)}/presence`;
    // The next one may reach the server; without any it finds out by itself.
    await this.ask(path, request).catch(() => undefined);
  }
}
