//! A Participant: one device of a user in one Call, from invitation to leaving.

use convoke_media::control::Source;

use super::time::UnixMillis;
use super::words::words;
use crate::ids::{Epoch, ParticipantId, UserId};

words! {
    /// What a Participant may do in its Call; decided by the server, never by its word.
    Role { Host => "host", Moderator => "moderator", Participant => "participant" }

    ParticipantStatus {
        Invited => "invited",
        Ringing => "ringing",
        Joined => "joined",
        Left => "left",
        Declined => "declined",
        Missed => "missed",
    }

    LeaveReason {
        Left => "left",
        /// Did not return within the grace time.
        TimedOut => "timed_out",
        Removed => "removed",
        CallEnded => "call_ended",
        /// The media core had no place for it.
        Failed => "failed",
    }
}

/// A Participant as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    pub id: ParticipantId,
    pub user: UserId,
    /// As it was when it joined.
    pub name: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    pub status: ParticipantStatus,
    pub joined_at: Option<UnixMillis>,
    pub left_at: Option<UnixMillis>,
    pub leave_reason: Option<LeaveReason>,
    /// Since when its Session is gone, while it may still return.
    pub lost_at: Option<UnixMillis>,
    pub epoch: Epoch,
}

impl Participant {
    pub fn connection(&self) -> Connection {
        match self.lost_at {
            None => Connection::Connected,
            Some(_) => Connection::Reconnecting,
        }
    }

    /// How long it was in the Call, once it left.
    pub fn duration(&self) -> Option<std::time::Duration> {
        Some(self.left_at?.since(self.joined_at?))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    Connected,
    Reconnecting,
}

/// What a Participant says of one of its own sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishState {
    /// No longer published.
    Off,
    Live,
    Muted,
}

/// A published Track as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackState {
    pub source: Source,
    pub muted: bool,
}
