/**
 * The signaling protocol, one union for each direction. docs/protocol.md is its
 * reference; these are the shapes of `signaling/src/session/message.rs`.
 */

export const PROTOCOL_VERSION = 1;

export type TrackSource = 'microphone' | 'camera' | 'screen' | 'screen_audio';
export type MediaKind = 'audio' | 'video';
export type PublishState = 'off' | 'live' | 'muted';
export type Role = 'host' | 'moderator' | 'participant';
export type Connection = 'connected' | 'reconnecting';
export type TransportState = 'connected' | 'disconnected' | 'failed';
export type MediaContinuity = 'new' | 'kept';
export type SlotState = 'empty' | 'active' | 'muted' | 'undecodable';
export type LeaveReason = 'left' | 'timed_out' | 'removed' | 'call_ended';
export type EndReason = 'completed' | 'missed' | 'rejected' | 'cancelled' | 'failed' | 'no_show';
export type ErrorCode =
  | 'bad_message'
  | 'unexpected'
  | 'unsupported_protocol'
  | 'unauthorized'
  | 'forbidden'
  | 'resume_failed'
  | 'room_full'
  | 'invalid_room'
  | 'not_in_call'
  | 'already_in_call'
  | 'bad_offer'
  | 'bad_candidate'
  | 'unknown_slot'
  | 'rate_limited'
  | 'unavailable'
  | 'internal';

export interface UserInfo {
  id: string;
  name: string;
  avatarUrl?: string;
  guest: boolean;
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export interface Limits {
  maxParticipants: number;
  maxMessageBytes: number;
  maxSlots: number;
}

export interface CallInfo {
  id: string;
  room: string;
  startedAt: number;
}

export interface TrackInfo {
  source: TrackSource;
  muted: boolean;
}

export interface ParticipantInfo {
  id: string;
  userId: string;
  name: string;
  avatarUrl?: string;
  role: Role;
  connection: Connection;
  tracks: TrackInfo[];
  joinedAt: number;
}

export interface PublishLine {
  mid: string;
  source: TrackSource;
}

export interface SlotLine {
  mid: string;
  kind: MediaKind;
}

export type SlotTarget =
  | { kind: 'off' }
  | { kind: 'automatic' }
  | { kind: 'pinned'; participantId: string; source: TrackSource };

export interface SlotWish {
  mid: string;
  show: SlotTarget;
  width?: number;
  height?: number;
  priority: number;
}

export interface SlotAssignment {
  mid: string;
  state: SlotState;
  participantId?: string;
  source?: TrackSource;
}

export interface Speaker {
  participantId: string;
  level: number;
}

export type ClientMessage =
  | { type: 'hello'; protocol: number; token?: string; name?: string; resume?: string }
  | { type: 'join'; request: number; room: string }
  | { type: 'offer'; request: number; sdp: string; publish: PublishLine[] }
  | { type: 'candidate'; candidate: string; mid?: string }
  | { type: 'slots'; slots: SlotWish[] }
  | { type: 'publish'; source: TrackSource; state: PublishState }
  | { type: 'leave' }
  | { type: 'end_call'; request: number }
  | { type: 'ping' };

export type ServerMessage =
  | {
      type: 'welcome';
      protocol: number;
      sessionId: string;
      resumeToken: string;
      resumeWindowSecs: number;
      pingIntervalSecs: number;
      resumed: boolean;
      user: UserInfo;
      iceServers: IceServer[];
      limits: Limits;
    }
  | {
      type: 'joined';
      request?: number;
      call: CallInfo;
      you: ParticipantInfo;
      participants: ParticipantInfo[];
      slots: SlotAssignment[];
      speakers: Speaker[];
      media: MediaContinuity;
    }
  | { type: 'answer'; request: number; sdp: string; slots: SlotLine[] }
  | { type: 'participant_joined'; participant: ParticipantInfo }
  | { type: 'participant_changed'; participant: ParticipantInfo }
  | { type: 'participant_left'; participantId: string; reason: LeaveReason }
  | { type: 'slots'; slots: SlotAssignment[] }
  | { type: 'speaking'; speakers: Speaker[] }
  | { type: 'transport'; state: TransportState }
  | { type: 'call_ended'; reason: EndReason }
  | { type: 'error'; request?: number; code: ErrorCode; message: string; retryAfterSecs?: number }
  | { type: 'pong' };

/** One message of the server's, by its type. */
export type Message<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;
