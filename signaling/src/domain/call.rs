//! A Call: one occurrence of talk in a Room, from scheduling to its end.

use super::time::UnixMillis;
use super::words::words;
use crate::ids::{CallId, RoomName, UserId};

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

    /// What the Call grew out of; `origin_id` names the one.
    Origin {
        AdHoc => "ad_hoc",
        Chat => "chat",
        ChatRoom => "chat_room",
        Appointment => "appointment",
        Meeting => "meeting",
    }
}

/// A Call as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub id: CallId,
    /// Row number, the id of dialects that count in integers.
    pub number: i64,
    pub room: RoomName,
    pub kind: CallKind,
    pub mode: CallMode,
    pub backend: Backend,
    pub origin: Origin,
    pub initiated_by: Option<UserId>,
    pub status: CallStatus,
    pub end_reason: Option<EndReason>,
    pub created_at: UnixMillis,
    pub started_at: Option<UnixMillis>,
    pub ended_at: Option<UnixMillis>,
    /// Time of the last transition; the next one is never earlier.
    pub updated_at: UnixMillis,
    /// Number of the last event; events of a Call count from 1 without gaps.
    pub last_event: i64,
}

impl Call {
    /// From the start to the end; nothing before both are known.
    pub fn duration(&self) -> Option<std::time::Duration> {
        Some(self.ended_at?.since(self.started_at?))
    }
}
