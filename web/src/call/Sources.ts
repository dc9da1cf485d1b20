/**
 * Keeps the server's idea of what we publish true: which track is on which m-line
 * and whether it is live, muted or off. Each change is told once; all of them
 * again when the server may have forgotten.
 */

import type { PublishState, TrackSource } from '../protocol/messages';
import type { LocalMedia } from '../rtc/LocalMedia';
import type { Transport } from '../rtc/Transport';

const SOURCES: readonly TrackSource[] = ['microphone', 'camera', 'screen', 'screen_audio'];

type Publishing = Pick<Transport, 'setTrack' | 'publishes'>;

export class Sources {
  #announced = new Map<TrackSource, PublishState>();

  constructor(
    private readonly media: LocalMedia,
    private readonly tell: (source: TrackSource, state: PublishState) => boolean,
  ) {}

  /** Puts every open track on a new Transport. */
  attach(transport: Publishing): void {
    this.#announced.clear();
    for (const source of SOURCES) this.#setTrack(transport, source);
  }

  changed(transport: Publishing, source: TrackSource): void {
    this.#setTrack(transport, source);
    this.#announce(transport, source);
  }

  announceAll(transport: Publishing): void {
    for (const source of SOURCES) this.#announce(transport, source);
  }

  /** After a lost connection: better told twice than not at all. */
  forget(): void {
    this.#announced.clear();
  }

  #setTrack(transport: Publishing, source: TrackSource): void {
    void transport.setTrack(source, this.media.track(source) ?? null);
  }

  #announce(transport: Publishing, source: TrackSource): void {
    const state = this.media.state(source);
    // An m-line that the server has not answered for cannot be spoken of yet.
    if (!transport.publishes(source) || this.#announced.get(source) === state) return;
    if (this.tell(source, state)) this.#announced.set(source, state);
  }
}
