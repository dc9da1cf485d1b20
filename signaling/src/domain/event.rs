//! What happened in a Call, in order: the record that deliveries and audits read.

use super::call::EndReason;
use super::participant::LeaveReason;
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
    Joined,
    /// The Session is gone; the Participant may return.
    Disconnected,
    Resumed,
    Left(LeaveReason),
    Ended(EndReason),
}
