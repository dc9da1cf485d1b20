/**
 * When to repair the media path, and how hard to try: first an ICE restart, which
 * keeps everything that was negotiated, then a new RTCPeerConnection. It decides
 * only; the owner does.
 */

export interface Repairs {
  /** New ICE credentials on the same RTCPeerConnection. */
  restart(): void;
  /** A new RTCPeerConnection: also new DTLS and new keys. */
  rebuild(): void;
}

/** A `disconnected` path often comes back alone; people notice after about this. */
export const DISCONNECTED_GRACE_MS = 2_500;
/** A path that is not up after that long will not come up. */
export const REPAIR_TIMEOUT_MS = 8_000;
/** Restarts in a row before everything is made anew. */
export const RESTARTS_BEFORE_REBUILD = 2;

export class PathRecovery {
  #restarts = 0;
  #state: RTCPeerConnectionState = 'new';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Without signaling nothing can be repaired; the wish waits. */
  #signaling = true;
  #due: keyof Repairs | undefined;

  constructor(private readonly repairs: Repairs) {}

  pathChanged(state: RTCPeerConnectionState): void {
    this.#state = state;
    switch (state) {
      case 'connected':
        this.#restarts = 0;
        this.#due = undefined;
        clearTimeout(this.#timer);
        break;
      case 'connecting':
        this.#repairAfter(REPAIR_TIMEOUT_MS);
        break;
      case 'disconnected':
        this.#repairAfter(DISCONNECTED_GRACE_MS);
        break;
      case 'failed':
        this.#repair();
        break;
      case 'new':
      case 'closed':
        clearTimeout(this.#timer);
    }
  }

  /** The addresses that were gathered may be gone: do not wait until it shows. */
  networkChanged(): void {
    this.#do('restart');
  }

  /** The server lost its end of the path: only a new one helps. */
  serverLostPath(): void {
    this.#do('rebuild');
  }

  signalingChanged(open: boolean): void {
    this.#signaling = open;
    if (open && this.#due) this.#do(this.#due);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due = undefined;
  }

  #repairAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#repair(), ms);
  }

  #repair(): void {
    // A restart of a path that works does not show in its state.
    if (this.#state === 'connected') {
      this.#restarts = 0;
      return;
    }
    this.#do(this.#restarts < RESTARTS_BEFORE_REBUILD ? 'restart' : 'rebuild');
  }

  #do(what: keyof Repairs): void {
    clearTimeout(this.#timer);
    if (!this.#signaling) {
      // Which does what a restart does, too.
      if (this.#due !== 'rebuild') this.#due = what;
      return;
    }
    this.#due = undefined;
    this.#restarts = what === 'restart' ? this.#restarts + 1 : 0;
    if (what === 'rebuild') this.#state = 'new';
    this.#repairAfter(REPAIR_TIMEOUT_MS);
    this.repairs[what]();
  }
}
