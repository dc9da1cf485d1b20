/**
 * The call as one value, and how messages change it. Pure, so that everything a
 * page shows can be tested without a server or a browser.
 */

import type { CallError } from '../errors';
import type {
  CallInfo,
  EndReason,
  Limits,
  Message,
  ParticipantInfo,
  ServerMessage,
  SlotAssignment,
  Speaker,
  Strain,
  TrackInfo,
  TrackSource,
  UserInfo,
} from '../protocol/messages';
import type { SignalState } from '../protocol/SignalSocket';
import type { HeardAndSeen } from '../rtc/lipsync';

export type Phase =
  | { name: 'idle' }
  | { name: 'joining' }
  | { name: 'joined' }
  /** Signaling was lost; media may still flow, and to the others nobody left. */
  | { name: 'reconnecting' }
  | { name: 'ended'; why: 'left' | 'removed' | 'call_ended'; reason?: EndReason }
  | { name: 'failed'; error: CallError };

export interface CallState {
  readonly phase: Phase;
  readonly room: string;
  readonly user?: UserInfo;
  readonly limits?: Limits;
  readonly call?: CallInfo;
  readonly you?: ParticipantInfo;
  /** Everybody else, in the order in which they joined. */
  readonly participants: readonly ParticipantInfo[];
  readonly slots: ReadonlyMap<string, SlotAssignment>;
  readonly speakers: readonly Speaker[];
  /** How much less than was asked for a busy server sends. */
  readonly strain: Strain;
  readonly path: RTCPeerConnectionState;
}

export type Action =
  | { type: 'joining'; room: string }
  | { type: 'signal'; state: SignalState }
  | { type: 'path'; state: RTCPeerConnectionState }
  /** The Slots of a new RTCPeerConnection are other ones. */
  | { type: 'transport_replaced' }
  | { type: 'left' }
  | { type: 'failed'; error: CallError }
  | { type: 'message'; message: ServerMessage };

export const initialState: CallState = {
  phase: { name: 'idle' },
  room: '',
  participants: [],
  slots: new Map(),
  speakers: [],
  strain: 'none',
  path: 'new',
};

/** Whether anything more can happen to the call. */
export const isOver = ({ phase }: CallState): boolean =>
  phase.name === 'ended' || phase.name === 'failed';

export function reduce(state: CallState, action: Action): CallState {
  if (action.type === 'joining') {
    return { ...initialState, room: action.room, phase: { name: 'joining' } };
  }
  if (isOver(state)) return state;
  switch (action.type) {
    case 'signal':
      return state.phase.name === 'joined' && action.state.name !== 'open'
        ? { ...state, phase: { name: 'reconnecting' } }
        : state;
    case 'path':
      return { ...state, path: action.state };
    case 'transport_replaced':
      return { ...state, slots: new Map(), path: 'new' };
    case 'left':
      return { ...state, phase: { name: 'ended', why: 'left' } };
    case 'failed':
      return { ...state, phase: { name: 'failed', error: action.error } };
    case 'message':
      return receive(state, action.message);
  }
}

function receive(state: CallState, message: ServerMessage): CallState {
  switch (message.type) {
    case 'welcome':
      return { ...state, user: message.user, limits: message.limits };
    case 'joined':
      return snapshot(state, message);
    case 'participant_joined':
    case 'participant_changed':
      return withParticipant(state, message.participant);
    case 'participant_left':
      return withoutParticipant(state, message);
    case 'slots':
      return { ...state, slots: assigned(state.slots, message.slots) };
    case 'speaking':
      return { ...state, speakers: message.speakers };
    case 'strained':
      return { ...state, strain: message.strain };
    case 'call_ended':
      return {
        ...state,
        phase: { name: 'ended', why: 'call_ended', reason: message.reason },
      };
    case 'answer':
    case 'layers':
    case 'muted':
    case 'others_muted':
    case 'transport':
    case 'ring':
    case 'ring_ended':
    case 'error':
    case 'pong':
      return state;
  }
}

function snapshot(state: CallState, joined: Message<'joined'>): CallState {
  return {
    ...state,
    phase: { name: 'joined' },
    call: joined.call,
    you: joined.you,
    participants: inOrder(joined.participants),
    slots: assigned(new Map(), joined.slots),
    speakers: joined.speakers,
    strain: joined.strain ?? 'none',
  };
}

function inOrder(participants: readonly ParticipantInfo[]): ParticipantInfo[] {
  return [...participants].sort((a, b) => a.joinedAt - b.joinedAt || (a.id < b.id ? -1 : 1));
}

function withParticipant(state: CallState, participant: ParticipantInfo): CallState {
  if (participant.id === state.you?.id) return { ...state, you: participant };
  const others = state.participants.filter(({ id }) => id !== participant.id);
  return { ...state, participants: inOrder([...others, participant]) };
}

function withoutParticipant(
  state: CallState,
  { participantId }: Message<'participant_left'>,
): CallState {
  if (participantId === state.you?.id) {
    return { ...state, phase: { name: 'ended', why: 'removed' } };
  }
  return {
    ...state,
    participants: state.participants.filter(({ id }) => id !== participantId),
    speakers: state.speakers.filter((speaker) => speaker.participantId !== participantId),
  };
}

function assigned(
  before: ReadonlyMap<string, SlotAssignment>,
  changes: readonly SlotAssignment[],
): ReadonlyMap<string, SlotAssignment> {
  return new Map([...before, ...changes.map((slot) => [slot.mid, slot] as const)]);
}

/** You first, then the others. */
export function everybody({ you, participants }: CallState): ParticipantInfo[] {
  return you ? [you, ...participants] : [...participants];
}

/** Whether it is somebody to talk to, and not only a player that receives. */
export const takesPart = ({ role }: ParticipantInfo): boolean => role !== 'viewer';

const leads = ({ you }: CallState): boolean => you?.role === 'host' || you?.role === 'moderator';

/** Hosts and moderators may end the call for everybody. */
export const mayEnd = leads;

/** And they may mute everybody else. */
export const mayMuteOthers = leads;

export function trackOf(participant: ParticipantInfo, source: TrackSource): TrackInfo | undefined {
  return participant.tracks.find((track) => track.source === source);
}

export function isSpeaking(state: CallState, participantId: string): boolean {
  return state.speakers.some((speaker) => speaker.participantId === participantId);
}

/** The Slot in which a Track of somebody else's is shown now. */
export function slotShowing(
  state: CallState,
  participantId: string,
  source: TrackSource,
): SlotAssignment | undefined {
  for (const slot of state.slots.values()) {
    if (slot.participantId === participantId && slot.source === source) return slot;
  }
  return undefined;
}

/** What is seen of whoever is heard, by Slot: a voice with its face, a film with its sound. */
export function heardAndSeen(state: CallState): HeardAndSeen[] {
  const pictures: Partial<Record<TrackSource, TrackSource>> = {
    microphone: 'camera',
    screen_audio: 'screen',
  };
  return [...state.slots.values()].flatMap(({ mid, participantId, source, ...slot }) => {
    const seen = source && pictures[source];
    if (slot.state !== 'active' || !participantId || !seen) return [];
    const picture = slotShowing(state, participantId, seen);
    return picture?.state === 'active' ? { voice: mid, picture: picture.mid } : [];
  });
}
