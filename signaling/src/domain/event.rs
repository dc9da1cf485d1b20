//! What happened in a Call, in order: the record that deliveries and audits read.

use super::call::EndReason;
use super::participant::{LeaveReason, MediaState};
use super::time::UnixMillis;
use crate::ids::{ParticipantId, UserId};

/// One entry of a Call's append-only log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// Counts from 1 within the Call, without gaps.
    pub seq: i64,
    pub at: UnixMillis,
    /// Who caused it or whom it is about; nobody for what the server did.
    pub user: Option<UserId>,
    pub participant: Option<ParticipantId>,
    pub what: Happening,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    Initiated,
    /// Asked to come, not necessarily now.
    Invited,
    /// Is being rung, until [`Times::rings_until`](super::call::Times::rings_until).
    Ringing,
    /// Would have been rung, but is in another Call.
    Busy,
    /// Answered the ring on one device, which stops it on the others.
    Accepted,
    Declined,
    /// Did not answer in time, or before the Call was over.
    Missed,
    /// Began by somebody's word, not by entering.
    Started,
    Joined,
    /// The Session is gone; the Participant may return.
    Disconnected,
    Resumed,
    Left(LeaveReason),
    /// Said what it does with its media.
    Media {
        state: MediaState,
        /// The flags that were otherwise before.
        changed: MediaState,
    },
    /// Somebody said that recording has begun, or is over.
    Recording(bool),
    /// A recording lies ready.
    RecordingAdded,
    Ended(EndReason),
}

impl Happening {
    /// As the record and everybody outside calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Invited => "invited",
            Self::Ringing => "ringing",
            Self::Busy => "busy",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Missed => "missed",
            Self::Started => "started",
            Self::Joined => "joined",
            Self::Disconnected => "disconnected",
            Self::Resumed => "resumed",
            Self::Left(_) => "left",
            Self::Media { .. } => "media",
            Self::Recording(true) => "recording_started",
            Self::Recording(false) => "recording_stopped",
            Self::RecordingAdded => "recording_added",
            Self::Ended(_) => "ended",
        }
    }

    /// Whether it stops the ring on every device of the user it is about.
    pub const fn stops_ring(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Declined | Self::Missed | Self::Joined | Self::Ended(_)
        )
    }
}
