//! How a thread of clients spends its time: how many packets it opens, and when it
//! listens.

use std::time::Duration;

use crate::clock::Nanos;

use super::options::{LatencyAt, Options, Verify};

/// Received packets a second of one thread beyond which decrypting all of them would
/// be a good part of its time: 250 ns each, so 6 %.
const OPEN_ALL_BELOW: f64 = 250_000.0;

/// How long packets gather while many come. Waking for the first of them would be the
/// server's time, on the machine that both share, and so would be what the clients do
/// beside it where the cores share a part; no server has its clients on its machine.
/// Arrival is the kernel's stamp, so no latency is hidden or added.
pub(super) const NAP: Duration = Duration::from_millis(2);

/// Received packets a second of one thread from which on it naps.
const NAP_ABOVE: f64 = 2_000.0;

/// Parts of a window, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct NapShare {
    pub(crate) napped: f64,
    /// So many packets came that it should have.
    pub(crate) due: f64,
}

/// How long a thread napped in a window, and how long it should have.
#[derive(Debug, Clone, Copy, Default)]
struct Naps {
    begin: Nanos,
    /// The window's end, once it has ended.
    end: Option<Nanos>,
    napped: Duration,
    due: Duration,
}

/// See the module.
pub(super) struct Policy {
    verify: Verify,
    sample_every: u32,
    pub(super) latency_at: LatencyAt,
    pub(super) segments: bool,
    /// In force now.
    pub(super) open_every: u32,
    pub(super) naps: bool,
    /// Enough packets come for it.
    naps_due: bool,
    pub(super) sampled: bool,
    /// Received in the second that began then.
    pub(super) received: u64,
    since: Nanos,
    /// When it adapted last.
    turned: Nanos,
    window: Naps,
}

impl Policy {
    pub(super) fn new(options: &Options) -> Self {
        let sampling = options.verify == Verify::Sample;
        let now = Nanos::now();
        Self {
            verify: options.verify,
            sample_every: options.sample_every,
            latency_at: options.latency_at,
            segments: options.publish_segments,
            open_every: if sampling {
                options.sample_every.max(1)
            } else {
                1
            },
            naps: false,
            naps_due: false,
            sampled: false,
            received: 0,
            since: now,
            turned: now,
            window: Naps::default(),
        }
    }

    /// A window begins.
    pub(super) fn begin(&mut self, now: Nanos) {
        self.sampled = false;
        self.turned = now;
        self.window = Naps {
            begin: now,
            ..Naps::default()
        };
    }

    pub(super) fn end(&mut self, now: Nanos) {
        self.turn(now);
        self.window.end = Some(now);
    }

    /// Of the window.
    pub(super) fn nap_share(&self) -> NapShare {
        let Naps { napped, due, .. } = self.window;
        let end = self.window.end.unwrap_or(self.turned);
        let share = |part: Duration| {
            let whole = end.since(self.window.begin).as_secs_f64();
            part.as_secs_f64() / whole.max(f64::MIN_POSITIVE)
        };
        NapShare {
            napped: share(napped),
            due: share(due),
        }
    }

    /// Adds the time since the last turn to what it was spent on.
    fn turn(&mut self, now: Nanos) {
        let passed = now.since(std::mem::replace(&mut self.turned, now));
        if self.window.end.is_none() {
            self.window.napped += if self.naps { passed } else { Duration::ZERO };
            self.window.due += if self.naps_due {
                passed
            } else {
                Duration::ZERO
            };
        }
    }

    /// After each turn of the thread; each second, by how many packets came.
    pub(super) fn adapt(&mut self, now: Nanos, settled: impl FnOnce() -> bool) {
        self.turn(now);
        let seconds = now.since(self.since).as_secs_f64();
        if seconds < 1.0 {
            return;
        }
        let rate = self.received as f64 / seconds;
        self.received = 0;
        self.since = now;
        self.naps_due = rate > NAP_ABOVE;
        self.naps = self.naps_due && settled();
        self.open_every = match self.verify {
            Verify::All => 1,
            Verify::Sample => self.sample_every.max(1),
            Verify::Auto if rate > OPEN_ALL_BELOW => self.sample_every.max(1),
            Verify::Auto => 1,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn that_a_thread_did_not_nap_where_it_should_is_known() {
        let mut policy = Policy::new(&Options::default());
        let begin = policy.since;
        policy.begin(begin);
        let seconds = [
            (0, true),
            (3_000, false),
            (3_000, false),
            (3_000, true),
            (0, true),
        ];
        for (second, (packets, settled)) in (1..).zip(seconds) {
            policy.received += packets;
            policy.adapt(begin.after(second * SECOND), || settled);
        }
        policy.end(begin.after(8 * SECOND));
        policy.adapt(begin.after(9 * SECOND), || true);
        let share = NapShare {
            napped: 1.0 / 8.0,
            due: 3.0 / 8.0,
        };
        assert_eq!(policy.nap_share(), share);
    }
}
