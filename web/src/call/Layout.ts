/**
 * What the page shows, brought to the Slots: keeps the tiles that were asked for,
 * counts the Slots that they need, and tells the server what changed.
 */

import type { SlotWish } from '../protocol/messages';
import { AUDIO_SLOTS, changedWishes, planSlots, type TileWish, videoSlotsFor } from '../rtc/slots';
import { type CallState, trackOf } from './state';

/** Of the Transport, what a layout needs. */
export interface SlotSource {
  growVideoSlots(count: number): void;
  slotMids(kind: 'audio' | 'video'): string[];
}

export class Layout {
  /** Undefined: the application does not care, and the server chooses. */
  #tiles: readonly TileWish[] | undefined;
  #wishes: SlotWish[] = [];

  constructor(
    private readonly automaticSlots: number,
    private readonly send: (slots: SlotWish[]) => boolean,
  ) {}

  show(tiles: readonly TileWish[]): void {
    this.#tiles = tiles;
  }

  /** The server may have forgotten our wishes, or the Slots are other ones. */
  forget(): void {
    this.#wishes = [];
  }

  /** Idempotent: call it whenever tiles, Tracks or Slots may have changed. */
  apply(transport: SlotSource, state: CallState): void {
    const limit = (state.limits?.maxSlots ?? Number.POSITIVE_INFINITY) - AUDIO_SLOTS;
    if (!this.#tiles) {
      transport.growVideoSlots(Math.min(this.automaticSlots, limit));
      return;
    }
    const tiles = this.#tiles.filter((tile) => exists(state, tile));
    transport.growVideoSlots(videoSlotsFor(tiles.length, limit));
    const next = planSlots(transport.slotMids('video'), this.#wishes, tiles);
    const changes = changedWishes(this.#wishes, next);
    if (changes.length > 0 && this.send(changes)) this.#wishes = next;
  }
}

/** A Slot for a camera that is off would be an m-line for nothing. */
function exists(state: CallState, { participantId, source }: TileWish): boolean {
  const participant = state.participants.find(({ id }) => id === participantId);
  return participant !== undefined && trackOf(participant, source) !== undefined;
}
