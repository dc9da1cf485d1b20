import { describe, expect, it } from 'vitest';
import { type CallState, initialState } from '../../call/state';
import type { SlotState, Strain } from '../../protocol/messages';
import { participant, withTracks } from '../../testing/values';
import { strainText } from './StrainNote';

const state = (strain: Strain, slot: SlotState, other = withTracks('p1', 'camera')): CallState => ({
  ...initialState,
  strain,
  participants: [other],
  slots: new Map([['3', { mid: '3', state: slot, participantId: 'p1', source: 'camera' }]]),
});

const SMALLER = 'The server is busy: pictures are smaller';
const PAUSED = 'The server is busy: some pictures are paused';

describe('strainText', () => {
  it.each([
    ['none', 'active', undefined],
    // The Slots are told one by one, before or after the strain.
    ['none', 'withheld', undefined],
    ['smaller_pictures', 'active', SMALLER],
    ['fewer_pictures', 'withheld', PAUSED],
    // In a call of few, none of them is left out.
    ['fewer_pictures', 'active', SMALLER],
  ] as const)('%s, a Slot is %s: %s', (strain, slot, text) => {
    expect(strainText(state(strain, slot))).toBe(text);
  });

  it('says nothing where there are no pictures', () => {
    expect(strainText(state('fewer_pictures', 'empty', participant('p1')))).toBeUndefined();
    const muted = participant('p1', { tracks: [{ source: 'camera', muted: true }] });
    expect(strainText(state('smaller_pictures', 'muted', muted))).toBeUndefined();
  });
});
