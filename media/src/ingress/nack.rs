//! What is missing of one Encoding, and when to ask for it again (RFC 4585).

use std::time::{Duration, Instant};

use crate::ids::SeqNo;

/// Wait before the first request: a packet overtaken by its successors on the way
/// needs none.
const REORDERING: Duration = Duration::from_millis(10);
/// Requests for one packet before it is given up: about as many as fit into the
/// time that a receiver's jitter buffer waits.
const MAX_TRIES: u8 = 8;
/// More missing packets than this are an outage, which a keyframe repairs better.
const MAX_MISSING: usize = 256;
/// Least time between two requests for one packet, whatever the round trip.
const MIN_RETRY: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
struct Missing {
    seq: SeqNo,
    due: Instant,
    tries: u8,
}

/// Missing packets, ascending, at most [`MAX_MISSING`].
#[derive(Debug, Default)]
pub(crate) struct Losses {
    missing: Vec<Missing>,
    pub(crate) requests: u64,
}

impl Losses {
    /// The `gap` numbers before `newest` are missing. False if they are too many to
    /// ask for: a keyframe is needed then.
    pub(crate) fn gap(&mut self, now: Instant, newest: SeqNo, gap: u64) -> bool {
        if gap as usize + self.missing.len() > MAX_MISSING {
            self.missing.clear();
            return false;
        }
        // All at once, so that the packet path never allocates again.
        self.missing.reserve_exact(MAX_MISSING - self.missing.len());
        let due = now + REORDERING;
        self.missing
            .extend((newest.0 - gap..newest.0).map(|seq| Missing {
                seq: SeqNo(seq),
                due,
                tries: 0,
            }));
        true
    }

    /// True if `seq` was missing.
    pub(crate) fn found(&mut self, seq: SeqNo) -> bool {
        let Ok(at) = self
            .missing
            .binary_search_by_key(&seq, |missing| missing.seq)
        else {
            return false;
        };
        self.missing.remove(at);
        true
    }

    pub(crate) fn clear(&mut self) {
        self.missing.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Fills `wanted` with what is to be asked for now; what was asked too often is
    /// forgotten.
    pub(crate) fn due(&mut self, now: Instant, rtt: Duration, wanted: &mut [u16]) -> usize {
        let retry = rtt.max(MIN_RETRY);
        let mut count = 0;
        for missing in &mut self.missing {
            if missing.due <= now && count < wanted.len() {
                missing.tries += 1;
                // Each further request waits longer: the repair itself may be queued.
                missing.due = now + retry + retry / 4 * u32::from(missing.tries);
                if missing.tries <= MAX_TRIES {
                    wanted[count] = missing.seq.as_u16();
                    count += 1;
                }
            }
        }
        self.missing.retain(|missing| missing.tries <= MAX_TRIES);
        self.requests += count as u64;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(40);

    fn due(losses: &mut Losses, now: Instant) -> Vec<u16> {
        let mut wanted = [0; 256];
        let count = losses.due(now, RTT, &mut wanted);
        wanted[..count].to_vec()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn the_reordered_is_not_asked_for_and_the_lost_is_until_given_up() {
        let start = Instant::now();
        let mut losses = Losses::default();
        assert!(losses.gap(start, SeqNo(65_538), 4));
        assert!(losses.found(SeqNo(65_535)));
        assert!(!losses.found(SeqNo(65_535)));
        assert!(due(&mut losses, start).is_empty());
        let mut now = start + REORDERING;
        assert_eq!(due(&mut losses, now), [65_534, 0, 1]);
        assert!(due(&mut losses, now + RTT / 2).is_empty());
        assert!(losses.found(SeqNo(65_536)));
        let mut asked = 1;
        for _ in 0..2000 {
            now += Duration::from_millis(1);
            asked += usize::from(due(&mut losses, now) == [65_534, 1]);
        }
        assert_eq!(asked, usize::from(MAX_TRIES));
        assert!(losses.is_empty());
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn an_outage_is_not_asked_for() {
        let start = Instant::now();
        let mut losses = Losses::default();
        assert!(losses.gap(start, SeqNo(1000), 200));
        assert!(!losses.gap(start, SeqNo(1200), 100));
        assert!(losses.is_empty());
    }
}
