//! Wall-clock time as sender reports carry it, and its relation to media time.

use std::time::{Duration, Instant};

/// Time in the 64-bit NTP format (RFC 5905 §6): seconds in the upper half. It
/// wraps in 2036, so only differences are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ntp(pub u64);

impl Ntp {
    /// `self - earlier` in 2^-32 s.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0) as i64
    }

    #[must_use]
    pub fn plus(self, delta: i64) -> Self {
        Self(self.0.wrapping_add(delta as u64))
    }

    /// The middle 32 bits, by which reports refer to each other (RFC 3550 §4).
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// Media ticks as a difference of [`Ntp`].
pub fn ticks_to_ntp(ticks: i32, rate: u32) -> i64 {
    (i64::from(ticks) << 32) / i64::from(rate)
}

/// Inverse of [`ticks_to_ntp`], modulo 2^32 as timestamps are.
pub fn ntp_to_ticks(delta: i64, rate: u32) -> u32 {
    ((i128::from(delta) * i128::from(rate)) >> 32) as u32
}

/// Ties the monotonic clock to the wall clock: `ntp` (64-bit NTP format) is the
/// wall-clock time at `instant`. One anchor for the whole server makes its sender
/// reports one timebase.
#[derive(Debug, Clone, Copy)]
pub struct ClockAnchor {
    pub instant: Instant,
    pub ntp: u64,
}

impl ClockAnchor {
    pub fn ntp_at(&self, now: Instant) -> Ntp {
        let elapsed = now.saturating_duration_since(self.instant);
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        Ntp(self.ntp.wrapping_add((elapsed.as_secs() << 32) + fraction))
    }

    /// Time since the anchor in units of 1/`rate` s.
    pub fn ticks_at(&self, now: Instant, rate: u32) -> i64 {
        let elapsed = now.saturating_duration_since(self.instant);
        duration_to_ticks(elapsed, rate)
    }
}

pub fn duration_to_ticks(duration: Duration, rate: u32) -> i64 {
    let rate = i64::from(rate);
    duration.as_secs() as i64 * rate + i64::from(duration.subsec_nanos()) * rate / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn media_time_and_wall_time_convert_both_ways() {
        assert_eq!(ntp_to_ticks(ticks_to_ntp(90_000, 90_000), 90_000), 90_000);
        assert_eq!(
            ntp_to_ticks(ticks_to_ntp(-48_000, 48_000), 48_000),
            (-48_000i32) as u32
        );
        let anchor = ClockAnchor {
            instant: Instant::now(),
            ntp: u64::MAX,
        };
        let later = anchor.instant + Duration::from_millis(2500);
        assert_eq!(anchor.ntp_at(later).since(Ntp(u64::MAX)), 5 << 31);
        assert_eq!(anchor.ticks_at(later, 4000), 10_000);
    }
}
