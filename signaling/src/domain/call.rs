//! A Call: one occurrence of talk in a Room, from scheduling to its end.

use super::time::UnixMillis;
use super::words::words;
use crate::ids::{AppointmentId, CallId, ChatId, RoomName, UserId};

words! {
    CallStatus {
        Scheduled => "scheduled",
        /// Ringing, or waiting for the first to enter.
        Pending => "pending",
        Ongoing => "ongoing",
        Ended => "ended",
    }

    EndReason {
        Completed => "completed",
        Missed => "missed",
        Rejected => "rejected",
        Cancelled => "cancelled",
        Failed => "failed",
        NoShow => "no_show",
    }

    CallKind { Audio => "audio", Video => "video", Screen => "screen" }

    CallMode { Direct => "direct", Group => "group" }

    /// Whose media: our own, or a Jitsi that we only issue tokens for.
    Backend { Sfu => "sfu", Jitsi => "jitsi" }

    /// What the Call grew out of; [`About`] names the one.
    Origin {
        AdHoc => "ad_hoc",
        Chat => "chat",
        ChatRoom => "chat_room",
        Appointment => "appointment",
        Meeting => "meeting",
    }

    Admission {
        /// Everybody whose proof reaches the Room.
        Open => "open",
        /// Who was invited, and who knows the password of a Call that has one.
        Members => "members",
    }
}

/// What people and the host application know the Call by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub title: Option<String>,
    pub chat: Option<ChatId>,
    pub appointment: Option<AppointmentId>,
    pub admission: Admission,
    /// PHC string of the password's hash.
    pub password_hash: Option<String>,
    pub recording_allowed: bool,
}

impl About {
    pub const NOTHING: Self = Self {
        title: None,
        chat: None,
        appointment: None,
        admission: Admission::Open,
        password_hash: None,
        recording_allowed: false,
    };
}

/// What a Call is, decided when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    pub kind: CallKind,
    pub mode: CallMode,
    pub backend: Backend,
    pub origin: Origin,
}

impl Nature {
    /// Somebody entered a Room in which nothing was going on.
    pub const AD_HOC: Self = Self {
        kind: CallKind::Video,
        mode: CallMode::Group,
        backend: Backend::Sfu,
        origin: Origin::AdHoc,
    };
}

/// Never runs backwards: each transition is at `updated` or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub created: UnixMillis,
    /// When it is meant to begin.
    pub scheduled: Option<UnixMillis>,
    /// Until when those who were called may answer.
    pub rings_until: Option<UnixMillis>,
    pub started: Option<UnixMillis>,
    /// When a second user came.
    pub answered: Option<UnixMillis>,
    pub ended: Option<UnixMillis>,
    /// The latest time at which somebody who has left was known to be there: the end,
    /// when nobody comes back.
    pub last_left: Option<UnixMillis>,
    pub updated: UnixMillis,
}

impl Times {
    pub const fn created_at(at: UnixMillis) -> Self {
        Self {
            created: at,
            scheduled: None,
            rings_until: None,
            started: None,
            answered: None,
            ended: None,
            last_left: None,
            updated: at,
        }
    }
}

/// A Call as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub id: CallId,
    /// Row number, the id of dialects that count in integers.
    pub number: i64,
    pub room: RoomName,
    pub nature: Nature,
    pub about: About,
    pub initiated_by: Option<UserId>,
    pub status: CallStatus,
    pub end_reason: Option<EndReason>,
    pub times: Times,
    /// Somebody said that it is being recorded.
    pub recording: bool,
    /// Number of the last event; events of a Call count from 1 without gaps.
    pub last_event: i64,
}

impl Call {
    /// A Call that nobody has entered yet.
    pub const fn pending(id: CallId, room: RoomName, nature: Nature, at: UnixMillis) -> Self {
        Self {
            id,
            number: 0,
            room,
            nature,
            about: About::NOTHING,
            initiated_by: None,
            status: CallStatus::Pending,
            end_reason: None,
            times: Times::created_at(at),
            recording: false,
            last_event: 0,
        }
    }

    /// Whether it is for a time of its own, and so outlives an empty moment.
    pub const fn planned(&self) -> bool {
        matches!(self.nature.origin, Origin::Appointment | Origin::Meeting)
    }

    /// From the start to the end; nothing before both are known.
    pub fn duration(&self) -> Option<std::time::Duration> {
        Some(self.times.ended?.since(self.times.started?))
    }
}
