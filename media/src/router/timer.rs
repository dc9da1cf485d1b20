//! When the Router must be woken. Coarse on purpose: one timer serves all
//! Participants, and its work is a scan over small tables.

use std::time::{Duration, Instant};

/// Pace of asking for lost packets while some are missing.
pub(super) const LOSSES_PACE: Duration = Duration::from_millis(10);
/// Pace of everything that can wait: levels, layers, reports, repeated requests.
pub(super) const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// Negative acknowledgements to publishers.
    Losses,
    /// Transport-wide feedback to publishers.
    Feedback,
    /// Keyframe requests that were just wished for.
    Keyframes,
    Tick,
}

const COUNT: usize = Timer::Tick as usize + 1;

#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    /// Sets `timer` unless it is set already.
    pub(super) fn arm(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize].get_or_insert(at);
    }

    /// True, once, if `timer` has expired.
    pub(super) fn expired(&mut self, timer: Timer, now: Instant) -> bool {
        let expired = self.0[timer as usize].is_some_and(|at| at <= now);
        if expired {
            self.0[timer as usize] = None;
        }
        expired
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
