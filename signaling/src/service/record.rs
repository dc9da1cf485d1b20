//! Calls on record, as the history shows them.

use std::time::Duration;

use crate::domain::call::Call;
use crate::domain::event::CallEvent;
use crate::domain::participant::Participant;
use crate::ids::CallId;

/// A Call with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    pub call: Call,
    /// Up to now for a Call that goes on; nothing before it started.
    pub duration: Option<Duration>,
    /// In order of joining.
    pub participants: Vec<ParticipantRecord>,
    /// In order; empty in lists.
    pub events: Vec<CallEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantRecord {
    pub participant: Participant,
    /// Up to now for one that is still there.
    pub duration: Option<Duration>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only Calls older than this one.
    pub before: Option<CallId>,
    /// At most [`Page::MAX_LIMIT`] are given.
    pub limit: u32,
}

impl Page {
    pub const MAX_LIMIT: u32 = 100;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecords {
    pub calls: Vec<CallRecord>,
    /// [`Page::before`] of the next page, if there is one.
    pub next: Option<CallId>,
}
