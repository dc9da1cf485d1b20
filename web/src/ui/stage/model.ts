/** What there is to show: one model for every tile, from the state of the call. */

import { type CallState, isSpeaking, slotShowing, takesPart, trackOf } from '../../call/state';
import type { LocalMedia } from '../../rtc/LocalMedia';
import type { ParticipantInfo } from '../../protocol/messages';

export interface TileModel {
  key: string;
  participantId: string;
  userId: string;
  source: 'camera' | 'screen';
  name: string;
  avatarUrl: string | undefined;
  isYou: boolean;
  /** There is a picture, or will be in a moment. */
  video: boolean;
  muted: boolean;
  speaking: boolean;
  reconnecting: boolean;
  undecodable: boolean;
  /** The server is too busy to send the picture, and will again. */
  withheld: boolean;
}

type Local = Pick<LocalMedia, 'state'>;

const keyOf = (participantId: string, source: string): string => `${participantId}/${source}`;

function camera(state: CallState, participant: ParticipantInfo): TileModel {
  const { id, userId, name, avatarUrl, connection } = participant;
  const slot = slotShowing(state, id, 'camera')?.state;
  return {
    key: keyOf(id, 'camera'),
    participantId: id,
    userId,
    source: 'camera',
    name,
    avatarUrl,
    isYou: false,
    video: trackOf(participant, 'camera')?.muted === false,
    muted: trackOf(participant, 'microphone')?.muted ?? true,
    speaking: isSpeaking(state, id),
    reconnecting: connection === 'reconnecting',
    undecodable: slot === 'undecodable',
    withheld: slot === 'withheld',
  };
}

function screen(state: CallState, participant: ParticipantInfo): TileModel {
  const slot = slotShowing(state, participant.id, 'screen')?.state;
  return {
    ...camera(state, participant),
    key: keyOf(participant.id, 'screen'),
    source: 'screen',
    video: true,
    muted: false,
    speaking: false,
    undecodable: slot === 'undecodable',
    withheld: slot === 'withheld',
  };
}

/** One's own state is known before the server has told it back. */
export function yourTile(state: CallState, local: Local): TileModel | undefined {
  if (!state.you) return undefined;
  const muted = local.state('microphone') !== 'live';
  return {
    ...camera(state, state.you),
    isYou: true,
    video: local.state('camera') === 'live',
    muted,
    speaking: !muted && isSpeaking(state, state.you.id),
    reconnecting: false,
    undecodable: false,
  };
}

/** Shared screens first: the newest sharer is who people talk about. */
export function screenTiles(state: CallState): TileModel[] {
  return state.participants
    .filter((participant) => trackOf(participant, 'screen')?.muted === false)
    .map((participant) => screen(state, participant))
    .reverse();
}

export function cameraTiles(state: CallState): TileModel[] {
  return state.participants
    .filter(takesPart)
    .map((participant) => camera(state, participant));
}
