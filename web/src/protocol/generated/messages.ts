// Generated from signaling/src/session/message.rs by signaling/tests/protocol_types.rs.
// Do not edit; run that test with CONVOKE_UPDATE_TYPES=1.

export const PROTOCOL_VERSION = 1;

/**
 * Who did something to the client.
 */
export type Actor = { userId: string, name: string, };

export type CallInfo = { id: string, room: string, 
/**
 * Unix milliseconds.
 */
startedAt: number, };

export type CallKind = "audio" | "video" | "screen";

export type Caller = { userId: string, name: string, avatarUrl?: string, };

/**
 * From the client.
 */
export type ClientMessage = { "type": "hello", protocol: number, token?: string, name?: string, resume?: string, } | { "type": "join", request: number, room: string, } | { "type": "offer", request: number, sdp: string, publish: Array<PublishLine>, } | { "type": "candidate", candidate: string, mid?: string, } | { "type": "slots", slots: Array<SlotWish>, } | { "type": "publish", source: TrackSource, state: PublishState, } | { "type": "leave", } | { "type": "end_call", request: number, } | { "type": "mute_others", request: number, } | { "type": "decline", request: number, callId: string, } | { "type": "ping", };

export type Connection = "connected" | "reconnecting";

export type EndReason = "completed" | "missed" | "rejected" | "cancelled" | "failed" | "no_show";

export type ErrorCode = "bad_message" | "unexpected" | "unsupported_protocol" | "unauthorized" | "forbidden" | "resume_failed" | "room_full" | "invalid_room" | "not_in_call" | "already_in_call" | "bad_offer" | "bad_candidate" | "unknown_slot" | "rate_limited" | "overloaded" | "unavailable" | "internal";

export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

export type LeaveReason = "left" | "timed_out" | "removed" | "call_ended";

export type Limits = { maxParticipants: number, maxMessageBytes: number, maxSlots: number, };

/**
 * Whether the server still holds the client's media transport.
 */
export type MediaContinuity = "new" | "kept";

export type MediaKind = "audio" | "video";

export type ParticipantInfo = { id: string, userId: string, name: string, avatarUrl?: string, role: Role, connection: Connection, tracks: Array<TrackInfo>, 
/**
 * Unix milliseconds.
 */
joinedAt: number, };

export type PublishLine = { mid: string, source: TrackSource, };

export type PublishState = "off" | "live" | "muted";

export type RingEnd = "answered" | "declined" | "missed" | "over";

export type RingInfo = { id: string, number: number, 
/**
 * To join.
 */
room: string, title?: string, kind: CallKind, 
/**
 * Whether more than two are called.
 */
group: boolean, };

export type Role = "host" | "moderator" | "participant" | "viewer";

/**
 * To the client.
 */
export type ServerMessage = { "type": "welcome", protocol: number, sessionId: string, 
/**
 * Present it in `hello.resume` within `resumeWindowSecs` after losing the
 * socket. The newest one counts: `joined` brings another.
 */
resumeToken: string, resumeWindowSecs: number, 
/**
 * Send something, if only a `ping`, at least this often.
 */
pingIntervalSecs: number, resumed: boolean, user: UserInfo, iceServers: Array<IceServer>, limits: Limits, } | { "type": "joined", request?: number, 
/**
 * Replaces the one of `welcome`: it continues as this participant.
 */
resumeToken: string, call: CallInfo, 
/**
 * The receiver of this message.
 */
you: ParticipantInfo, 
/**
 * Everybody else.
 */
participants: Array<ParticipantInfo>, slots: Array<SlotAssignment>, speakers: Array<Speaker>, strain?: Strain, media: MediaContinuity, } | { "type": "answer", request: number, sdp: string, 
/**
 * The Slots that the offer's `recvonly` m-lines became.
 */
slots: Array<SlotLine>, } | { "type": "participant_joined", participant: ParticipantInfo, } | { "type": "participant_changed", participant: ParticipantInfo, } | { "type": "participant_left", participantId: string, reason: LeaveReason, } | { "type": "slots", slots: Array<SlotAssignment>, } | { "type": "speaking", speakers: Array<Speaker>, } | { "type": "strained", strain: Strain, } | { "type": "layers", source: TrackSource, wanted: Array<string>, } | { "type": "muted", source: TrackSource, 
/**
 * Nobody when the host application did it.
 */
by?: Actor, } | { "type": "others_muted", request: number, participantIds: Array<string>, } | { "type": "transport", state: TransportState, } | { "type": "ring", call: RingInfo, 
/**
 * Who calls; nobody when the host application does.
 */
from?: Caller, 
/**
 * Unix milliseconds: when it stops by itself.
 */
expiresAt: number, } | { "type": "ring_ended", callId: string, reason: RingEnd, } | { "type": "call_ended", reason: EndReason, } | { "type": "error", request?: number, code: ErrorCode, message: string, retryAfterSecs?: number, } | { "type": "pong", };

export type SlotAssignment = { mid: string, state: SlotState, participantId?: string, source?: TrackSource, };

export type SlotLine = { mid: string, kind: MediaKind, };

export type SlotState = "empty" | "active" | "muted" | "withheld" | "undecodable";

export type SlotTarget = { "kind": "off", } | { "kind": "automatic", } | { "kind": "pinned", participantId: string, source: TrackSource, };

export type SlotWish = { mid: string, show: SlotTarget, 
/**
 * Physical pixels of the place where it is shown; 0 by 0 while hidden.
 */
width?: number, height?: number, 
/**
 * Greater is served first when bandwidth is short.
 */
priority: number, };

export type Speaker = { participantId: string, 
/**
 * -dBov: 0 is loudest, 127 silence.
 */
level: number, };

/**
 * How much less than asked for the server sends, because it has too much to do.
 */
export type Strain = "none" | "smaller_pictures" | "fewer_pictures";

export type TrackInfo = { source: TrackSource, muted: boolean, };

export type TrackSource = "microphone" | "camera" | "screen" | "screen_audio";

export type TransportState = "connected" | "disconnected" | "failed";

export type UserInfo = { id: string, name: string, avatarUrl?: string, guest: boolean, };
