/**
 * Plays a voice with its picture. Nothing in SDP pairs our Slots (docs/decisions/0007),
 * so no browser does it. Both come the same way at the same time: what is left between
 * them is how long each waits here, a picture for repairs over a long path, a voice for
 * an uneven one. The one that would come first is held back by `jitterBufferTarget`.
 */

/** Mids of the Slots on which one person is heard and seen. */
export interface HeardAndSeen {
  voice: string;
  picture: string;
}

const EVERY_MS = 1_000;
/** Whoever is heard later than that is interrupted (ITU-T G.114): rather out of sync. */
const MAX_HOLD_MS = 400;
/** Nobody notices less, and each correction stretches a sound or drops a picture. */
const STEP_MS = 20;

/** Sums over all that a Slot played. */
interface Waited {
  seconds: number;
  count: number;
}

interface Waiting {
  receiver: RTCRtpReceiver;
  ms: number;
}

/** The part of RTCPeerConnection that is used, so that tests can stand in for it. */
export type Playing = Pick<RTCPeerConnection, 'getStats' | 'getTransceivers'>;

export class LipSync {
  #before = new Map<string, Waited>();
  #held = new Set<RTCRtpReceiver>();
  #timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly connection: Playing,
    private readonly pairs: () => readonly HeardAndSeen[],
  ) {
    // A connection that is closed meanwhile has nothing to adjust.
    const adjust = () => void this.adjust().catch(() => undefined);
    this.#timer = setInterval(adjust, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async adjust(): Promise<void> {
    const pairs = this.pairs();
    if (pairs.length === 0 && this.#held.size === 0) return;
    const waits = this.#waits(await this.connection.getStats());
    const receivers = new Map<string | null, RTCRtpReceiver>();
    for (const { mid, receiver } of this.connection.getTransceivers()) receivers.set(mid, receiver);
    const paired = new Set<RTCRtpReceiver>();
    for (const { voice, picture } of pairs) {
      const [ear, eye] = [receivers.get(voice), receivers.get(picture)];
      const [heard, seen] = [waits.get(voice), waits.get(picture)];
      if (!ear || !eye) continue;
      paired.add(ear).add(eye);
      // What stands still tells nothing; it keeps the time that it had.
      if (heard === undefined || seen === undefined) continue;
      this.#align({ receiver: ear, ms: heard }, { receiver: eye, ms: seen });
    }
    for (const receiver of this.#held) {
      if (!paired.has(receiver)) this.#release(receiver);
    }
  }

  /**
   * One of two follows the other, which waits as long as the network makes it: if each
   * followed the other they would drive each other up.
   */
  #align(voice: Waiting, picture: Waiting): void {
    if (this.#held.has(voice.receiver)) {
      this.#release(picture.receiver);
      this.#follow(voice, picture);
    } else if (this.#held.has(picture.receiver)) {
      this.#follow(picture, voice);
    } else if (Math.abs(voice.ms - picture.ms) >= STEP_MS) {
      if (voice.ms < picture.ms) this.#hold(voice.receiver, picture.ms);
      else this.#hold(picture.receiver, voice.ms);
    }
  }

  #follow(held: Waiting, free: Waiting): void {
    const floor = held.receiver.jitterBufferTarget ?? 0;
    // It waits longer by itself: then it is the other's turn to follow.
    if (held.ms >= Math.max(free.ms, floor) + STEP_MS) this.#release(held.receiver);
    else this.#hold(held.receiver, free.ms);
  }

  /** How long what was played since the last time had waited on average, in ms by mid. */
  #waits(report: RTCStatsReport): Map<string, number> {
    const waits = new Map<string, number>();
    report.forEach((entry: Record<string, unknown>) => {
      const { type, mid, jitterBufferDelay: seconds, jitterBufferEmittedCount: count } = entry;
      if (type !== 'inbound-rtp' || typeof mid !== 'string') return;
      if (typeof seconds !== 'number' || typeof count !== 'number') return;
      const before = this.#before.get(mid);
      this.#before.set(mid, { seconds, count });
      if (!before || count <= before.count) return;
      waits.set(mid, ((seconds - before.seconds) / (count - before.count)) * 1_000);
    });
    return waits;
  }

  /** At least so many ms from now on. */
  #hold(receiver: RTCRtpReceiver, ms: number): void {
    const now = receiver.jitterBufferTarget as number | null | undefined;
    // Where it is undefined the browser cannot do it.
    if (now === undefined) return;
    const wanted = Math.round(Math.min(ms, MAX_HOLD_MS));
    if (now !== null && Math.abs(wanted - now) < STEP_MS) return;
    receiver.jitterBufferTarget = wanted;
    this.#held.add(receiver);
  }

  #release(receiver: RTCRtpReceiver): void {
    if (this.#held.delete(receiver)) receiver.jitterBufferTarget = null;
  }
}
