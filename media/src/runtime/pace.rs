//! When a worker takes its next turn: the trade of a little delay for batches.
//!
//! A datagram that is forwarded alone costs a wake-up and, at each receiver, a walk
//! through the kernel's send path of 2 to 3 µs; one that leaves beside others of its
//! destination a third of that. So datagrams gather in the sockets: a frame that begins
//! after a pause waits for its rest, and while media flows turns keep a distance, unless
//! it has turned out that nothing comes in so short a time: a frame or a voice now and
//! then is no reason to wake up twice for each. It adds 1.2 ms at most, on average half of
//! it, unless the operator wants more; a turn that takes longer than its distance is
//! followed by the next at once. A worker whose time becomes dear takes longer distances
//! before anything is left out.

use std::mem;
use std::time::{Duration, Instant};

/// From the first datagrams after a pause to the next look, where a frame has begun among
/// them: its packets, which their sender wrote with one call or a few, are a tenth of a
/// millisecond apart.
const QUIET: Duration = Duration::from_micros(100);

/// From turn to turn while media flows and runs are long, as of pictures that come in
/// bursts: waiting longer would not make them much cheaper.
const NEAR: Duration = Duration::from_micros(400);

/// From turn to turn while most packets leave alone, as of voices and small tiles, if
/// nothing else is configured. Fifty people's audio is two or three packets for every
/// destination at once then, and the wait stays below what anybody notices in a call.
pub(super) const FAR: Duration = Duration::from_micros(1200);

/// The same, at least, while the worker saves: a third of a meeting's price less, and still
/// below what a network adds.
const FRUGAL: Duration = Duration::from_millis(5);

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
#[derive(Debug)]
pub(super) struct Pace {
    /// Longest distance, as configured.
    far: Duration,
    frugal: bool,
    flowing: bool,
    /// When the last turn that sent media on began.
    flowed: Option<Instant>,
    /// What comes next comes within the distance, as far as is known.
    dense: bool,
    sent: Sent,
    /// Sums whose older parts fade by one [`MEMORY`]th a turn.
    recent: Sent,
}

impl Pace {
    pub(super) fn new(far: Duration) -> Self {
        Self {
            far,
            frugal: false,
            flowing: false,
            flowed: None,
            dense: false,
            sent: Sent::default(),
            recent: Sent::default(),
        }
    }

    /// Whether the worker's time is dearer than a little delay; answers whether that is new.
    pub(super) fn save(&mut self, frugal: bool) -> bool {
        mem::replace(&mut self.frugal, frugal) != frugal
    }

    /// A turn began at `begun`, and media `flowing` through it was received and sent on;
    /// `sent` is what has been sent by now.
    pub(super) fn turned(&mut self, begun: Instant, flowing: bool, sent: Sent) {
        if self.flowing && !flowing {
            self.dense = false;
        }
        self.flowing = flowing;
        if flowing {
            self.flowed = Some(begun);
        }
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

    /// How long to leave the sockets alone for the rest of a frame that ended a pause.
    pub(super) fn quiet(&self) -> Duration {
        QUIET.min(self.far)
    }

    /// A datagram ended a pause. What comes within the distance of what was last sent on
    /// is worth waiting for; looking for it in vain in between makes it no denser.
    pub(super) fn woken(&mut self, now: Instant) {
        let after = self.flowed.map(|at| now.saturating_duration_since(at));
        self.dense = after.is_some_and(|after| after <= self.distance());
    }

    /// How long to leave the sockets alone after a turn that began at `turned`; `None`
    /// when nothing flowed in the last turn or nothing will so soon, so that the next
    /// waits to be woken.
    pub(super) fn rest(&self, turned: Instant, now: Instant) -> Option<Duration> {
        let due = turned + self.distance();
        (self.flowing && self.dense).then(|| due.saturating_duration_since(now))
    }

    fn distance(&self) -> Duration {
        let long_runs = self.recent.datagrams >= self.recent.messages * LONG_RUN;
        match (long_runs, self.frugal) {
            (true, _) => NEAR.min(self.far),
            (false, false) => self.far,
            (false, true) => self.far.max(FRUGAL),
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
        let mut pace = Pace::new(FAR);
        assert_eq!(pace.rest(start, start + micros(10)), None);
        pace.turned(start, true, Sent::default());
        let sent = Sent {
            datagrams: 500,
            messages: 50,
        };
        pace.woken(start + micros(300));
        pace.turned(start, true, sent);
        for (spent, rest) in [(0, 400), (100, 300), (400, 0), (5000, 0)] {
            let left = pace.rest(start, start + micros(spent));
            assert_eq!(left, Some(micros(rest)), "{spent} µs");
        }
        pace.turned(start, false, sent);
        assert_eq!(pace.rest(start, start + micros(10)), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn media_that_comes_now_and_then_is_not_waited_for() {
        let mut now = Instant::now();
        let mut pace = Pace::new(FAR);
        // After how many microseconds a datagram came, and whether the next is waited for.
        for (after, waits) in [(20_000, false), (300, true), (20_000, false)] {
            now += micros(after);
            pace.woken(now);
            pace.turned(now, true, Sent::default());
            assert_eq!(pace.rest(now, now).is_some(), waits, "{after} µs");
        }
        pace.woken(now + micros(100));
        pace.turned(now, true, Sent::default());
        // In vain.
        pace.turned(now, false, Sent::default());
        pace.turned(now, true, Sent::default());
        assert_eq!(pace.rest(now, now), None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_rhythm_longer_than_the_distance_is_not_looked_into() {
        let start = Instant::now();
        let mut pace = Pace::new(FAR);
        let mut in_vain = 0;
        let short = Sent {
            datagrams: 60,
            messages: 50,
        };
        pace.turned(start, true, short);
        // What comes soon makes it look for more; a beat later it knows better.
        for beat in 0..10 {
            let now = start + micros(300 + 2000 * beat);
            pace.woken(now);
            pace.turned(now, true, short);
            if let Some(rest) = pace.rest(now, now) {
                in_vain += 1;
                pace.turned(now + rest, false, short);
            }
        }
        assert_eq!(in_vain, 1);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn short_runs_lengthen_the_distance_and_long_ones_shorten_it_again() {
        let now = Instant::now();
        let mut pace = Pace::new(FAR);
        let mut sent = Sent::default();
        let mut turns = |pace: &mut Pace, count: u64, datagrams: u64| {
            for _ in 0..count {
                sent.datagrams += datagrams;
                sent.messages += 50;
                pace.turned(now, true, sent);
            }
            pace.distance()
        };
        assert_eq!(turns(&mut pace, 1, 500), NEAR);
        assert_eq!(turns(&mut pace, 100, 120), FAR);
        assert_eq!(turns(&mut pace, 1, 500), FAR);
        assert_eq!(turns(&mut pace, 100, 500), NEAR);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn saving_lengthens_the_distance_where_runs_are_short() {
        let short = Sent {
            datagrams: 60,
            messages: 50,
        };
        let long = Sent {
            datagrams: 500,
            messages: 50,
        };
        // Microseconds configured, what was sent, whether it saves, and the distance then.
        for (far, sent, frugal, distance) in [
            (1200, short, false, 1200),
            (1200, short, true, 5000),
            (8000, short, true, 8000),
            (8000, long, false, 400),
            (1200, long, true, 400),
            (200, short, false, 200),
            (200, long, false, 200),
        ] {
            let mut pace = Pace::new(micros(far));
            pace.turned(Instant::now(), true, sent);
            pace.save(frugal);
            assert_eq!(pace.distance(), micros(distance), "{far} {sent:?} {frugal}");
        }
    }
}
