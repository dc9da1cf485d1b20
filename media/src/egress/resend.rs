//! Bounds what a receiver's NACKs make us send: each packet once per round trip,
//! and all of them no more than a budget of bytes.

use std::time::{Duration, Instant};

use crate::ids::SeqNo;

/// Packets whose last retransmission is remembered.
const REMEMBERED: usize = 128;
/// Bytes a second that one Slot's retransmissions may take: a loss of 10 % of
/// 20 Mbit/s.
const RATE: u64 = 250_000;
/// Bytes in one go: one large keyframe.
const BURST: u64 = 200_000;
/// Least time between two retransmissions of one packet, whatever the round trip.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Limits of one Slot.
#[derive(Debug, Default)]
pub(crate) struct ResendLimit {
    recent: Vec<(SeqNo, Instant)>,
    budget: u64,
    refilled: Option<Instant>,
}

impl ResendLimit {
    /// Whether `seq`, of `len` bytes, may be sent again now.
    pub(crate) fn allow(&mut self, now: Instant, rtt: Duration, seq: SeqNo, len: usize) -> bool {
        self.refill(now);
        let at = seq.0 as usize % REMEMBERED;
        if let Some((last, sent)) = self.recent.get(at)
            && *last == seq
            && now.saturating_duration_since(*sent) < rtt.max(MIN_INTERVAL)
        {
            return false;
        }
        if self.budget < len as u64 {
            return false;
        }
        if self.recent.is_empty() {
            self.recent = vec![(SeqNo(0), now); REMEMBERED];
        }
        self.recent[at] = (seq, now);
        self.budget -= len as u64;
        true
    }

    fn refill(&mut self, now: Instant) {
        let gained = self.refilled.map_or(BURST, |at| {
            let elapsed = now.saturating_duration_since(at).as_micros() as u64;
            elapsed.min(10_000_000) * RATE / 1_000_000
        });
        // Too little time for a whole byte is kept for the next call.
        if gained > 0 {
            self.refilled = Some(now);
            self.budget = (self.budget + gained).min(BURST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn once_per_round_trip_and_within_the_budget() {
        let start = Instant::now();
        let rtt = Duration::from_millis(100);
        let mut limit = ResendLimit::default();
        let at = |ms| start + Duration::from_millis(ms);
        assert!(limit.allow(at(0), rtt, SeqNo(5), 1000));
        assert!(!limit.allow(at(99), rtt, SeqNo(5), 1000));
        assert!(limit.allow(at(99), rtt, SeqNo(6), 1000));
        assert!(limit.allow(at(100), rtt, SeqNo(5), 1000));
        let sent = (0..100_000)
            .filter(|n| limit.allow(at(100 + n / 100), rtt, SeqNo(1000 + n), 1000))
            .count();
        assert!((400..460).contains(&sent), "{sent} packets in a second");
    }
}
