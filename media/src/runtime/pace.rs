//! When a worker takes its next turn: the trade of a little delay for batches.
//!
//! A datagram that is forwarded alone costs a wake-up and, at each receiver, a walk
//! through the kernel's send path of 2 to 3 µs; one that leaves beside others of its
//! destination a third of that. So datagrams gather in the sockets: what the first one
//! after a pause is forwarded as waits for the rest of its burst, and while media flows
//! turns keep a distance, unless it has turned out that nothing comes in so short a time:
//! a frame or a voice now and then is no reason to wake up twice for each. It adds 1.2 ms
//! at most, on average half of it; a turn that takes longer than its distance is followed
//! by the next at once.

use std::time::{Duration, Instant};

/// From the first datagram after a pause to the next look: a frame's packets, which their
/// sender wrote with one call or a few, are a tenth of a millisecond apart.
pub(super) const QUIET: Duration = Duration::from_micros(100);

/// From turn to turn while media flows and runs are long, as of pictures that come in
/// bursts: waiting longer would not make them much cheaper.
const NEAR: Duration = Duration::from_micros(400);

/// From turn to turn while most packets leave alone, as of voices and small tiles.
/// Fifty people's audio is two or three packets for every destination at once then,
/// and the wait stays below what anybody notices in a call.
const FAR: Duration = Duration::from_micros(1200);

/// Datagrams in one message above which a run is long.
const LONG_RUN: u64 = 4;

/// Turns over which the length of runs is averaged.
const MEMORY: u64 = 16;

/// What the turns until now have sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) datagrams: u64,
    pub(super) messages: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pace {
    flowing: bool,
    /// What comes next comes within the distance, as far as is known.
    dense: bool,
    sent: Sent,
    /// Sums whose older parts fade by one [`MEMORY`]th a turn.
    recent: Sent,
}

impl Pace {
    /// Whether media `flowing` through the last turn was received and sent on; `sent` is
    /// what has been sent by now.
    pub(super) fn turned(&mut self, flowing: bool, sent: Sent) {
        if self.flowing && !flowing {
            self.dense = false;
        }
        self.flowing = flowing;
        let fade = |recent: u64, now: u64, before: u64| recent - recent / MEMORY + now - before;
        // In hundredths, so that small counts fade as well.
        self.recent = Sent {
            datagrams: fade(
                self.recent.datagrams,
                sent.datagrams * 100,
                self.sent.datagrams * 100,
            ),
            messages: fade(
                self.recent.messages,
                sent.messages * 100,
                self.sent.messages * 100,
            ),
        };
        self.sent = sent;
    }

    /// A datagram ended a pause, so long after the turn before it began.
    pub(super) fn woken(&mut self, after: Duration) {
        self.dense = after <= self.distance();
    }

    /// How long to leave the sockets alone after a turn that began at `turned`; `None`
    /// when nothing flowed in the last turn or nothing will so soon, so that the next
    /// waits to be woken.
    pub(super) fn rest(&self, turned: Instant, now: Instant) -> Option<Duration> {
        let due = turned + self.distance();
        (self.flowing && self.dense).then(|| due.saturating_duration_since(now))
    }

    fn distance(&self) -> Duration {
        if self.recent.datagrams >= self.recent.messages * LONG_RUN {
            NEAR
        } else {
            FAR
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn turns_keep_a_distance_while_media_flows() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.rest(start, start + micros(10)), None);
        let sent = Sent {
            datagrams: 500,
            messages: 50,
        };
        pace.woken(micros(300));
        pace.turned(true, sent);
        for (spent, rest) in [(0, 400), (100, 300), (400, 0), (5000, 0)] {
            let left = pace.rest(start, start + micros(spent));
            assert_eq!(left, Some(micros(rest)), "{spent} µs");
        }
        pace.turned(false, sent);
        assert_eq!(pace.rest(start, start + micros(10)), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn media_that_comes_now_and_then_is_not_waited_for() {
        let now = Instant::now();
        let mut pace = Pace::default();
        // After how many microseconds a datagram came, and whether the next is waited for.
        for (after, waits) in [(20_000, false), (300, true), (20_000, false)] {
            pace.woken(micros(after));
            pace.turned(true, Sent::default());
            assert_eq!(pace.rest(now, now).is_some(), waits, "{after} µs");
        }
        pace.woken(micros(100));
        pace.turned(true, Sent::default());
        // In vain.
        pace.turned(false, Sent::default());
        pace.turned(true, Sent::default());
        assert_eq!(pace.rest(now, now), None);
    }

    #[test]
    fn short_runs_lengthen_the_distance_and_long_ones_shorten_it_again() {
        let mut pace = Pace::default();
        let mut sent = Sent::default();
        let mut turns = |pace: &mut Pace, count: u64, datagrams: u64| {
            for _ in 0..count {
                sent.datagrams += datagrams;
                sent.messages += 50;
                pace.turned(true, sent);
            }
            pace.distance()
        };
        assert_eq!(turns(&mut pace, 1, 500), NEAR);
        assert_eq!(turns(&mut pace, 100, 120), FAR);
        assert_eq!(turns(&mut pace, 1, 500), FAR);
        assert_eq!(turns(&mut pace, 100, 500), NEAR);
    }
}
