//! The signaling protocol: one enum for each direction, one variant a message.
//! docs/protocol.md has an example of every variant, and a test parses them all.
//! TypeScript types are generated from these.
//!
//! Names are `snake_case` on the wire, fields `camelCase`. A `request` number is
//! echoed in the answer or the error, so that a client can pair them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

/// Protocol version that this server speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// From the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[ts(optional_fields)]
pub enum ClientMessage {
    /// First message. `token` is a user token or an invite; without one, `name`
    /// enters as a guest where guests are allowed. `resume` continues an earlier
    /// session as the same participant.
    Hello {
        protocol: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<String>,
    },
    /// Enters a room's call, starting one if none is going on.
    Join { request: u32, room: String },
    /// The complete SDP offer. `publish` names what each sending m-line carries;
    /// every `recvonly` m-line is a Slot. A new `ice-ufrag` restarts ICE.
    Offer {
        request: u32,
        sdp: String,
        #[serde(default)]
        publish: Vec<PublishLine>,
    },
    /// A trickled ICE candidate; empty at the end of candidates.
    Candidate {
        candidate: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mid: Option<String>,
    },
    /// What the Slots named are to show; the others keep what they had.
    Slots { slots: Vec<SlotWish> },
    /// State of one of the client's own sources.
    Publish {
        source: TrackSource,
        state: PublishState,
    },
    /// Leaves the call; the session stays and may join again.
    Leave {},
    /// Ends the call for everybody. Moderators and hosts only.
    EndCall { request: u32 },
    /// Mutes the microphones of everybody else, who may unmute themselves again.
    /// Moderators and hosts only.
    MuteOthers { request: u32 },
    /// Refuses a ring, for the user on all devices; joining its room answers it.
    Decline { request: u32, call_id: String },
    /// Keeps the session alive when the client has nothing else to say.
    Ping {},
}

/// To the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(
    tag = "type",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
#[ts(optional_fields)]
pub enum ServerMessage {
    /// Answer to `hello`. With `resumed`, a `joined` snapshot follows if the session was in a call.
    Welcome {
        protocol: u32,
        session_id: String,
        /// Present it in `hello.resume` within `resumeWindowSecs` after losing the
        /// socket. The newest one counts: `joined` brings another.
        resume_token: String,
        resume_window_secs: u32,
        /// Send something, if only a `ping`, at least this often.
        ping_interval_secs: u32,
        resumed: bool,
        user: UserInfo,
        ice_servers: Vec<IceServer>,
        limits: Limits,
    },
    /// The call as it is now: after `join`, and after a resumed `hello`.
    Joined {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u32>,
        /// Replaces the one of `welcome`: it continues as this participant.
        resume_token: String,
        call: CallInfo,
        /// The receiver of this message.
        you: ParticipantInfo,
        /// Everybody else.
        participants: Vec<ParticipantInfo>,
        slots: Vec<SlotAssignment>,
        speakers: Vec<Speaker>,
        #[serde(default, skip_serializing_if = "Strain::is_none")]
        #[ts(optional, as = "Option<Strain>")]
        strain: Strain,
        media: MediaContinuity,
    },
    Answer {
        request: u32,
        sdp: String,
        /// The Slots that the offer's `recvonly` m-lines became.
        slots: Vec<SlotLine>,
    },
    ParticipantJoined {
        participant: ParticipantInfo,
    },
    /// Name, role, tracks or connection changed; the whole participant as it is now.
    ParticipantChanged {
        participant: ParticipantInfo,
    },
    ParticipantLeft {
        participant_id: String,
        reason: LeaveReason,
    },
    /// The Slots whose content changed.
    Slots {
        slots: Vec<SlotAssignment>,
    },
    /// Everybody who speaks now, loudest first.
    Speaking {
        speakers: Vec<Speaker>,
    },
    /// The server has too much to do and sends the call less than it was asked for, or
    /// no longer has. Slots whose picture it keeps back are `withheld`.
    Strained {
        strain: Strain,
    },
    /// Which simulcast layers of a source of the client's somebody is shown, by their
    /// rids: the others need not be sent. Until the first after an offer on a new
    /// connection, all of them.
    Layers {
        source: TrackSource,
        wanted: Vec<String>,
    },
    /// Somebody else muted a source of the client's, which stops sending it and says so:
    /// `publish` with `muted`, and with `live` when its user wants to be heard again.
    /// Comes again right before a resumed `joined` when the client has not said so yet.
    Muted {
        source: TrackSource,
        /// Nobody when the host application did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// Answer to `mute_others`: whose microphones were live until then.
    OthersMuted {
        request: u32,
        participant_ids: Vec<String>,
    },
    /// The client's own media path.
    Transport {
        state: TransportState,
    },
    /// Somebody calls the session's user: on every device, in a call or not. Also right
    /// after `welcome`, when it rings already.
    Ring {
        call: RingInfo,
        /// Who calls; nobody when the host application does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Caller>,
        /// Unix milliseconds: when it stops by itself.
        #[ts(type = "number")]
        expires_at: i64,
    },
    /// A ring is over, whatever became of the call.
    RingEnded {
        call_id: String,
        reason: RingEnd,
    },
    /// The call is over; the session stays and may join again.
    CallEnded {
        reason: EndReason,
    },
    Error {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u32>,
        code: ErrorCode,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_secs: Option<u32>,
    },
    Pong {},
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct UserInfo {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    pub guest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    pub max_participants: u32,
    pub max_message_bytes: u32,
    pub max_slots: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallInfo {
    pub id: String,
    pub room: String,
    /// Unix milliseconds.
    #[ts(type = "number")]
    pub started_at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct RingInfo {
    pub id: String,
    #[ts(type = "number")]
    pub number: i64,
    /// To join.
    pub room: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub kind: CallKind,
    /// Whether more than two are called.
    pub group: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct Caller {
    pub user_id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// Who did something to the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    pub user_id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct ParticipantInfo {
    pub id: String,
    pub user_id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    pub role: Role,
    pub connection: Connection,
    pub tracks: Vec<TrackInfo>,
    /// Unix milliseconds.
    #[ts(type = "number")]
    pub joined_at: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrackInfo {
    pub source: TrackSource,
    pub muted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PublishLine {
    pub mid: String,
    pub source: TrackSource,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SlotLine {
    pub mid: String,
    pub kind: MediaKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(optional_fields)]
pub struct SlotWish {
    pub mid: String,
    pub show: SlotTarget,
    /// Physical pixels of the place where it is shown; 0 by 0 while hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u16>,
    /// Greater is served first when bandwidth is short.
    #[serde(default)]
    pub priority: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum SlotTarget {
    Off {},
    /// The server chooses: who speaks or spoke last.
    Automatic {},
    Pinned {
        participant_id: String,
        source: TrackSource,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields)]
pub struct SlotAssignment {
    pub mid: String,
    pub state: SlotState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<TrackSource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Speaker {
    pub participant_id: String,
    /// -dBov: 0 is loudest, 127 silence.
    pub level: u8,
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
    )+};
}

words! {
    CallKind { Audio, Video, Screen }

    RingEnd {
        /// On this device or another one.
        Answered,
        Declined,
        /// Not answered in time, or cancelled before.
        Missed,
        /// The call ended.
        Over,
    }

    TrackSource { Microphone, Camera, Screen, ScreenAudio }
    MediaKind { Audio, Video }
    PublishState {
        /// No longer published.
        Off,
        Live,
        Muted,
    }
    Role {
        Host,
        Moderator,
        Participant,
        /// Receives and does nothing else: to be listed, not to be given a tile.
        Viewer,
    }
    Connection { Connected, Reconnecting }
    TransportState { Connected, Disconnected, Failed }
    /// Whether the server still holds the client's media transport.
    MediaContinuity {
        /// Nothing was negotiated before, or it was lost: offer on a new RTCPeerConnection.
        New,
        /// The RTCPeerConnection goes on; restart ICE if its path is gone.
        Kept,
    }
    SlotState {
        Empty,
        Active,
        Muted,
        /// The server has too much to do to send it; it comes back by itself.
        Withheld,
        /// The browser has no decoder for what the Track carries.
        Undecodable,
    }
    /// How much less than asked for the server sends, because it has too much to do.
    Strain {
        None,
        /// No large pictures.
        SmallerPictures,
        /// Small pictures, and not all of them.
        FewerPictures,
    }
    LeaveReason {
        Left,
        /// Did not return within the grace time.
        TimedOut,
        Removed,
        CallEnded,
    }
    EndReason { Completed, Missed, Rejected, Cancelled, Failed, NoShow }
    ErrorCode {
        /// Not JSON, not a known message, or a field out of range.
        BadMessage,
        /// `hello` must come first and once.
        Unexpected,
        UnsupportedProtocol,
        Unauthorized,
        /// Also for rooms that do not exist, so that nobody can probe for names.
        Forbidden,
        /// The resume token is unknown or its time is over: say `hello` without it.
        ResumeFailed,
        RoomFull,
        InvalidRoom,
        NotInCall,
        AlreadyInCall,
        BadOffer,
        BadCandidate,
        UnknownSlot,
        RateLimited,
        /// The server has no time for another call now; those that go on can be joined.
        Overloaded,
        /// No worker or database for it now; try again.
        Unavailable,
        Internal,
    }
}

impl Strain {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

#[expect(clippy::derivable_impls, reason = "the words are made by a macro")]
impl Default for Strain {
    fn default() -> Self {
        Self::None
    }
}
