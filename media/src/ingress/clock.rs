//! When a sample was captured, in the server's own time. A publisher's sender
//! reports tie its media clocks to its wall clock, and one offset per publisher
//! ties that wall clock to ours. Because audio and video of a publisher share the
//! offset, its error shifts both alike and lip sync holds.

use crate::rtp::ntp::{Ntp, ntp_to_ticks, ticks_to_ntp};

/// Our wall clock minus a publisher's, transit included.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClockOffset(Option<i64>);

/// Share of a later arrival that is believed: slow enough that a queue filling up
/// on the way does not move the clock, fast enough to follow the drift of one.
const FOLLOW: i64 = 64;

impl ClockOffset {
    pub(crate) fn update(&mut self, stated: Ntp, arrival: Ntp) {
        let sample = arrival.since(stated);
        self.0 = Some(match self.0 {
            // The least delayed report is the best; a clock that was set jumps.
            Some(offset) if sample > offset && sample - offset < JUMP => {
                offset + (sample - offset) / FOLLOW
            }
            _ => sample,
        });
    }

    pub(crate) fn get(&self) -> Option<i64> {
        self.0
    }
}

/// 10 s: no report is delayed by this, so the publisher's clock was set.
const JUMP: i64 = 10 << 32;

/// A media clock in the server's time: `rtp` was sampled at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CaptureClock {
    pub(crate) at: Ntp,
    pub(crate) rtp: u32,
    pub(crate) rate: u32,
}

impl CaptureClock {
    pub(crate) fn captured(&self, rtp: u32) -> Ntp {
        let ticks = rtp.wrapping_sub(self.rtp) as i32;
        self.at.plus(ticks_to_ntp(ticks, self.rate))
    }

    pub(crate) fn rtp_at(&self, time: Ntp) -> u32 {
        self.rtp
            .wrapping_add(ntp_to_ticks(time.since(self.at), self.rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 32;

    #[test]
    fn the_offset_follows_the_least_delayed_report() {
        let mut offset = ClockOffset::default();
        let ms = |n: i64| n * SECOND as i64 / 1000;
        let mut report = |delay: i64| {
            let stated = Ntp(1000 * SECOND);
            offset.update(stated, stated.plus(ms(delay)));
            (offset.get().unwrap() * 1000 + (SECOND / 2) as i64) >> 32
        };
        assert_eq!(report(500), 500);
        assert_eq!(report(100), 100);
        // A burst of queueing hardly moves it.
        assert!(report(300) < 105);
        // The publisher's clock was set by an hour.
        assert_eq!(report(3_600_000), 3_600_000);
    }

    #[test]
    fn timestamps_map_both_ways_over_their_wrap() {
        let clock = CaptureClock {
            at: Ntp(7 * SECOND),
            rtp: u32::MAX - 44_999,
            rate: 90_000,
        };
        assert_eq!(clock.captured(45_000), Ntp(8 * SECOND));
        assert_eq!(clock.rtp_at(Ntp(8 * SECOND)), 45_000);
        assert_eq!(clock.rtp_at(Ntp(6 * SECOND)), u32::MAX - 134_999);
    }
}
