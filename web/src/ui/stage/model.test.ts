import { describe, expect, it } from 'vitest';
import { type CallState, initialState } from '../../call/state';
import type { SlotState } from '../../protocol/messages';
import { withTracks } from '../../testing/values';
import { cameraTiles, screenTiles } from './model';

const state = (camera: SlotState, screen: SlotState): CallState => ({
  ...initialState,
  participants: [withTracks('p1', 'camera', 'screen')],
  slots: new Map([
    ['3', { mid: '3', state: camera, participantId: 'p1', source: 'camera' }],
    ['4', { mid: '4', state: screen, participantId: 'p1', source: 'screen' }],
  ]),
});

describe('tiles', () => {
  it.each([
    ['active', { withheld: false, undecodable: false }],
    ['withheld', { withheld: true, undecodable: false }],
    ['undecodable', { withheld: false, undecodable: true }],
  ] as const)('say why a picture is missing, each for its own Slot: %s', (slot, want) => {
    expect(cameraTiles(state(slot, 'active'))[0]).toMatchObject(want);
    expect(screenTiles(state('active', slot))[0]).toMatchObject(want);
    const other = cameraTiles(state('active', slot))[0];
    expect(other).toMatchObject({ withheld: false, undecodable: false });
  });
});
