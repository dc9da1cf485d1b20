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

/// See the module.
pub(super) struct Policy {
    verify: Verify,
    sample_every: u32,
    pub(super) latency_at: LatencyAt,
    pub(super) segments: bool,
    /// In force now.
    pub(super) open_every: u32,
    pub(super) naps: bool,
    pub(super) sampled: bool,
    /// Received in the second that began then.
    pub(super) received: u64,
    since: Nanos,
}

impl Policy {
    pub(super) fn new(options: &Options) -> Self {
        let sampling = options.verify == Verify::Sample;
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
            sampled: false,
            received: 0,
            since: Nanos::now(),
        }
    }

    /// Each second, by how many packets came.
    pub(super) fn adapt(&mut self, now: Nanos, settled: impl Fn() -> bool) {
        let seconds = now.since(self.since).as_secs_f64();
        if seconds < 1.0 {
            return;
        }
        let rate = self.received as f64 / seconds;
        self.received = 0;
        self.since = now;
        self.naps = rate > NAP_ABOVE && settled();
        self.open_every = match self.verify {
            Verify::All => 1,
            Verify::Sample => self.sample_every.max(1),
            Verify::Auto if rate > OPEN_ALL_BELOW => self.sample_every.max(1),
            Verify::Auto => 1,
        };
    }
}
