/**
 * What each receive Slot is to show. Pure: from what the layout shows and what
 * the Slots show now to the fewest changes, because a Slot that keeps its Track
 * needs no keyframe and no flicker.
 */

import type { SlotTarget, SlotWish, TrackSource } from '../protocol/messages';

/** A tile of the layout that wants a picture. */
export interface TileWish {
  participantId: string;
  source: Extract<TrackSource, 'camera' | 'screen'>;
  /** Physical pixels; 0 by 0 keeps the Slot but sends nothing. */
  width: number;
  height: number;
  priority: number;
}

/** Enough for the voices that can be told apart; a sharer's sound is one more. */
export const AUDIO_SLOTS = 4;
/** Each step is one more offer, so the layout grows in squares of a grid. */
const VIDEO_STEPS = [1, 4, 9, 16, 25, 36, 49] as const;

/** Slots to have for `wanted` pictures. Never shrinks: a spare Slot costs nothing. */
export function videoSlotsFor(wanted: number, limit: number): number {
  const step = VIDEO_STEPS.find((size) => size >= wanted) ?? VIDEO_STEPS.at(-1)!;
  return Math.min(step, limit);
}

const OFF: SlotTarget = { kind: 'off' };

const keyOf = (target: SlotTarget): string | undefined =>
  target.kind === 'pinned' ? `${target.participantId}/${target.source}` : undefined;

const wishKey = ({ participantId, source }: TileWish): string => `${participantId}/${source}`;

function wishFor(mid: string, { participantId, source, ...tile }: TileWish): SlotWish {
  return { mid, show: { kind: 'pinned', participantId, source }, ...tile };
}

const same = (a: SlotWish, b: SlotWish): boolean =>
  a.show.kind === b.show.kind &&
  keyOf(a.show) === keyOf(b.show) &&
  (a.width ?? 0) === (b.width ?? 0) &&
  (a.height ?? 0) === (b.height ?? 0) &&
  a.priority === b.priority;

/**
 * Every Slot's wish, those of `previous` that still hold unchanged. When there
 * are fewer Slots than tiles, the tiles named first get them.
 */
export function planSlots(
  mids: readonly string[],
  previous: readonly SlotWish[],
  tiles: readonly TileWish[],
): SlotWish[] {
  const wanted = new Map(tiles.slice(0, mids.length).map((tile) => [wishKey(tile), tile]));
  const before = new Map(previous.map((wish) => [wish.mid, wish]));
  const planned = new Map<string, SlotWish>();
  for (const mid of mids) {
    const key = keyOf(before.get(mid)?.show ?? OFF);
    const tile = key === undefined ? undefined : wanted.get(key);
    if (key === undefined || !tile) continue;
    planned.set(mid, wishFor(mid, tile));
    wanted.delete(key);
  }
  const waiting = [...wanted.values()];
  return mids.map((mid) => {
    const kept = planned.get(mid);
    if (kept) return kept;
    const tile = waiting.shift();
    return tile ? wishFor(mid, tile) : { mid, show: OFF, priority: 0 };
  });
}

/** Only what the server does not know yet. A new Slot is `automatic` there. */
export function changedWishes(
  previous: readonly SlotWish[],
  next: readonly SlotWish[],
): SlotWish[] {
  const before = new Map(previous.map((wish) => [wish.mid, wish]));
  return next.filter((wish) => {
    const known = before.get(wish.mid);
    return !known || !same(known, wish);
  });
}
