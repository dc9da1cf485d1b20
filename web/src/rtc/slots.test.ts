import { describe, expect, it } from 'vitest';
import type { SlotWish } from '../protocol/messages';
import { changedWishes, planSlots, type TileWish, videoSlotsFor } from './slots';

const tile = (participantId: string, more: Partial<TileWish> = {}): TileWish => ({
  participantId,
  source: 'camera',
  width: 320,
  height: 180,
  priority: 60,
  ...more,
});
const shown = (wishes: readonly SlotWish[]) =>
  wishes.map(({ mid, show }) => [mid, show.kind === 'pinned' ? show.participantId : show.kind]);

describe('videoSlotsFor', () => {
  it.each([
    [0, 60, 1],
    [1, 60, 1],
    [2, 60, 4],
    [5, 60, 9],
    [17, 60, 25],
    [49, 60, 49],
    [80, 60, 49],
    [20, 12, 12],
  ])('%i pictures, at most %i Slots: %i', (wanted, limit, slots) => {
    expect(videoSlotsFor(wanted, limit)).toBe(slots);
  });
});

describe('planSlots', () => {
  const mids = ['4', '5', '6'];

  it('fills Slots in order and turns the rest off', () => {
    expect(shown(planSlots(mids, [], [tile('a'), tile('b')]))).toEqual([
      ['4', 'a'],
      ['5', 'b'],
      ['6', 'off'],
    ]);
  });

  it('leaves who stays where they are', () => {
    const before = planSlots(mids, [], [tile('a'), tile('b'), tile('c')]);
    const next = planSlots(mids, before, [tile('c'), tile('d'), tile('b')]);
    expect(shown(next)).toEqual([
      ['4', 'd'],
      ['5', 'b'],
      ['6', 'c'],
    ]);
    expect(shown(changedWishes(before, next))).toEqual([['4', 'd']]);
  });

  it('gives the most important tiles the Slots when there are too few', () => {
    const next = planSlots(['4'], [], [tile('a'), tile('b')]);
    expect(shown(next)).toEqual([['4', 'a']]);
    expect(shown(planSlots(['4'], next, [tile('b'), tile('a')]))).toEqual([['4', 'b']]);
  });

  it('tells a camera from a screen of the same participant', () => {
    const next = planSlots(mids, [], [tile('a', { source: 'screen' }), tile('a')]);
    expect(next.map(({ show }) => show.kind === 'pinned' && show.source)).toEqual([
      'screen',
      'camera',
      false,
    ]);
  });

  it('shows a tile that is asked for twice once', () => {
    expect(shown(planSlots(mids, [], [tile('a'), tile('a')]))).toEqual([
      ['4', 'a'],
      ['5', 'off'],
      ['6', 'off'],
    ]);
  });
});

describe('changedWishes', () => {
  const before = planSlots(['4', '5'], [], [tile('a'), tile('b')]);

  it('says nothing when nothing changed', () => {
    expect(changedWishes(before, planSlots(['4', '5'], before, [tile('a'), tile('b')]))).toEqual(
      [],
    );
  });

  it.each([
    ['size', { width: 640, height: 360 }],
    ['priority', { priority: 200 }],
    ['hidden', { width: 0, height: 0 }],
  ])('tells a changed %s', (_, more) => {
    const next = planSlots(['4', '5'], before, [tile('a', more), tile('b')]);
    expect(changedWishes(before, next).map(({ mid }) => mid)).toEqual(['4']);
  });

  it('turns a new Slot off, which the server would fill by itself', () => {
    const grown = planSlots(['4', '5', '6'], before, [tile('a'), tile('b')]);
    expect(changedWishes(before, grown)).toEqual([
      { mid: '6', show: { kind: 'off' }, priority: 0 },
    ]);
  });
});
