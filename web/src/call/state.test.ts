import { describe, expect, it } from 'vitest';
import { CallError } from '../errors';
import type { ServerMessage, SlotState, TrackSource } from '../protocol/messages';
import { joined, participant, withTracks } from '../testing/values';
import {
  type Action,
  type CallState,
  heardAndSeen,
  initialState,
  isSpeaking,
  mayEnd,
  mayMuteOthers,
  reduce,
  slotShowing,
  takesPart,
} from './state';

const after = (...actions: Action[]): CallState => actions.reduce(reduce, initialState);
const message = (value: ServerMessage): Action => ({ type: 'message', message: value });
const inCall = [
  { type: 'joining', room: 'room' } as const,
  message(joined({ participants: [participant('p2'), participant('p1')] })),
];
const ids = (state: CallState) => state.participants.map(({ id }) => id);

describe('phases', () => {
  it.each([
    ['joining', []],
    ['joined', [inCall[1]!]],
    [
      'reconnecting',
      [inCall[1]!, { type: 'signal', state: { name: 'waiting', attempt: 1, delayMs: 1 } }],
    ],
    [
      'joined',
      [
        inCall[1]!,
        { type: 'signal', state: { name: 'waiting', attempt: 1, delayMs: 1 } },
        inCall[1]!,
      ],
    ],
    ['joining', [{ type: 'signal', state: { name: 'waiting', attempt: 1, delayMs: 1 } }]],
    ['ended', [inCall[1]!, { type: 'left' }]],
    ['ended', [inCall[1]!, message({ type: 'call_ended', reason: 'completed' })]],
    ['failed', [{ type: 'failed', error: new CallError('room_full') }]],
  ] satisfies [CallState['phase']['name'], Action[]][])('%s', (name, actions) => {
    expect(after(inCall[0]!, ...actions).phase.name).toBe(name);
  });

  it('stay over: nothing that comes late changes them', () => {
    const left = after(...inCall, { type: 'left' });
    expect(reduce(left, message({ type: 'call_ended', reason: 'completed' }))).toBe(left);
    expect(reduce(left, inCall[1]!)).toBe(left);
  });

  it('begin anew with another join', () => {
    expect(after(...inCall, { type: 'left' }, { type: 'joining', room: 'other' })).toEqual({
      ...initialState,
      room: 'other',
      phase: { name: 'joining' },
    });
  });

  it('tell that we were removed from that somebody was', () => {
    const removed = { type: 'participant_left', reason: 'removed' } as const;
    expect(after(...inCall, message({ ...removed, participantId: 'you' })).phase).toEqual({
      name: 'ended',
      why: 'removed',
    });
    expect(after(...inCall, message({ ...removed, participantId: 'p1' })).phase.name).toBe(
      'joined',
    );
  });
});

describe('participants', () => {
  it('are in the order in which they joined', () => {
    const state = after(
      ...inCall,
      message({ type: 'participant_joined', participant: participant('p3') }),
    );
    expect(ids(state)).toEqual(['p1', 'p2', 'p3']);
  });

  it('are replaced, not doubled, when they change', () => {
    const changed = withTracks('p1', 'camera');
    const state = after(...inCall, message({ type: 'participant_changed', participant: changed }));
    expect(ids(state)).toEqual(['p1', 'p2']);
    expect(state.participants[0]).toBe(changed);
  });

  it('include ourselves only as `you`', () => {
    const host = participant('you', { role: 'host' });
    const state = after(...inCall, message({ type: 'participant_changed', participant: host }));
    expect(ids(state)).toEqual(['p1', 'p2']);
    expect([mayEnd(state), mayMuteOthers(state)]).toEqual([true, true]);
    const other = after(...inCall);
    expect([mayEnd(other), mayMuteOthers(other)]).toEqual([false, false]);
  });

  it('may only watch, which is no right to anything', () => {
    const you = participant('you', { role: 'viewer' });
    const state = after(...inCall, message({ type: 'participant_changed', participant: you }));
    expect([mayEnd(state), mayMuteOthers(state)]).toEqual([false, false]);
    expect(takesPart(you)).toBe(false);
    expect(state.participants.every(takesPart)).toBe(true);
  });

  it('fall silent when they leave', () => {
    const state = after(
      ...inCall,
      message({ type: 'speaking', speakers: [{ participantId: 'p1', level: 20 }] }),
      message({ type: 'participant_left', participantId: 'p1', reason: 'left' }),
    );
    expect(isSpeaking(state, 'p1')).toBe(false);
    expect(ids(state)).toEqual(['p2']);
  });

  it('are those of the snapshot after a reconnection', () => {
    const state = after(...inCall, message(joined({ participants: [participant('p9')] })));
    expect(ids(state)).toEqual(['p9']);
  });
});

describe('strain', () => {
  const strained = message({ type: 'strained', strain: 'fewer_pictures' });

  it('is what was said last', () => {
    expect(after(...inCall).strain).toBe('none');
    expect(after(...inCall, strained).strain).toBe('fewer_pictures');
    expect(
      after(...inCall, strained, message({ type: 'strained', strain: 'none' })).strain,
    ).toBe('none');
  });

  it('is that of the snapshot, where none is not mentioned', () => {
    const smaller = message(joined({ strain: 'smaller_pictures' }));
    expect(after(inCall[0]!, smaller).strain).toBe('smaller_pictures');
    expect(after(...inCall, strained, message(joined())).strain).toBe('none');
  });
});

describe('slots', () => {
  it('pair a voice with its face and a film with its sound, while both are there', () => {
    const slot = (mid: string, participantId: string, source: TrackSource, state: SlotState) =>
      ({ mid, participantId, source, state }) as const;
    const state = after(
      ...inCall,
      message({
        type: 'slots',
        slots: [
          slot('2', 'p2', 'microphone', 'active'),
          slot('3', 'p1', 'screen_audio', 'active'),
          slot('4', 'p1', 'microphone', 'active'),
          slot('5', 'p1', 'screen', 'active'),
          slot('6', 'p2', 'camera', 'active'),
          slot('7', 'p1', 'camera', 'muted'),
        ],
      }),
    );
    expect(heardAndSeen(state)).toEqual([
      { voice: '2', picture: '6' },
      { voice: '3', picture: '5' },
    ]);
  });

  const active = (mid: string, participantId: string) =>
    ({ mid, state: 'active', participantId, source: 'camera' }) as const;

  it('change one by one', () => {
    const state = after(
      ...inCall,
      message({ type: 'slots', slots: [active('4', 'p1'), active('5', 'p2')] }),
      message({ type: 'slots', slots: [{ mid: '4', state: 'empty' }] }),
    );
    expect(slotShowing(state, 'p1', 'camera')).toBeUndefined();
    expect(slotShowing(state, 'p2', 'camera')?.mid).toBe('5');
  });

  it('are forgotten with the RTCPeerConnection that had them', () => {
    const state = after(
      ...inCall,
      message({ type: 'slots', slots: [active('4', 'p1')] }),
      { type: 'path', state: 'connected' },
      { type: 'transport_replaced' },
    );
    expect(state.slots.size).toBe(0);
    expect(state.path).toBe('new');
  });
});
