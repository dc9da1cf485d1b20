//! The one place that reads a clock: nanoseconds of CLOCK_MONOTONIC, which every
//! process of a machine shares, so that a packet's send time means the same to
//! whoever receives it.

use std::time::{Duration, Instant};

/// Nanoseconds of CLOCK_MONOTONIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Nanos(pub u64);

impl Nanos {
    pub(crate) const MAX: Self = Self(u64::MAX);

    pub(crate) fn now() -> Self {
        Self(read(libc::CLOCK_MONOTONIC))
    }

    /// Time since `earlier`, none when that is later.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    #[must_use]
    pub(crate) const fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(wait.as_nanos() as u64))
    }
}

/// Nanoseconds since 1970, by the clock that the kernel stamps datagrams with.
pub(crate) fn wall_nanos() -> u64 {
    read(libc::CLOCK_REALTIME)
}

/// Wall-clock time in the 64-bit NTP format of sender reports (RFC 3550 §4).
pub(crate) fn ntp_now() -> u64 {
    const SECONDS_FROM_1900_TO_1970: u64 = 2_208_988_800;
    let nanos = wall_nanos();
    let seconds = nanos / 1_000_000_000 + SECONDS_FROM_1900_TO_1970;
    let fraction = ((nanos % 1_000_000_000) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call fills the struct it is given; both clocks exist on Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The same moment as the media crate's state machines count it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    instant: Instant,
    nanos: Nanos,
}

impl Epoch {
    #[expect(clippy::disallowed_methods, reason = "the load tester's clock is here")]
    pub(crate) fn new() -> Self {
        Self {
            instant: Instant::now(),
            nanos: Nanos::now(),
        }
    }

    pub(crate) fn instant(&self, at: Nanos) -> Instant {
        self.instant + at.since(self.nanos)
    }

    pub(crate) fn nanos(&self, at: Instant) -> Nanos {
        self.nanos.after(at.saturating_duration_since(self.instant))
    }
}

impl Default for Epoch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_views_agree() {
        let epoch = Epoch::new();
        let later = Nanos::now().after(Duration::from_millis(7));
        assert_eq!(epoch.nanos(epoch.instant(later)), later);
    }
}
