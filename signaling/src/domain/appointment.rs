//! What an appointment's Call has to do with the appointment.

use super::call::{Call, CallStatus, EndReason, Origin};
use super::directory::Appointment;
use super::event::{CallEvent, Happening};
use crate::ids::UserId;

/// The words that the host application has for these.
const CONFIRMED: &str = "CONFIRMED";
const IN_PROGRESS: &str = "IN_PROGRESS";
const COMPLETED: &str = "COMPLETED";

impl Appointment {
    /// Whether its Call may be made.
    pub fn is_due(&self) -> bool {
        let is = |word: &str| self.status.eq_ignore_ascii_case(word);
        is(CONFIRMED) || is(IN_PROGRESS)
    }

    pub fn is_of(&self, user: &UserId) -> bool {
        self.doctor == *user || self.patient == *user
    }
}

/// What an appointment's status becomes by what has just happened in its Call.
pub fn status_after(call: &Call, events: &[CallEvent]) -> Option<&'static str> {
    if call.nature.origin != Origin::Appointment {
        return None;
    }
    let completed = |event: &CallEvent| event.what == Happening::Ended(EndReason::Completed);
    if events.iter().any(completed) {
        return Some(COMPLETED);
    }
    let started = call.times.started == Some(call.times.updated) && !events.is_empty();
    (started && call.status == CallStatus::Ongoing).then_some(IN_PROGRESS)
}
