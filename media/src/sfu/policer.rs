//! How much one Participant may send: what is over the rate is dropped before it is
//! forwarded, since a flood by one costs a seal for everybody else. RTCP counts like RTP:
//! each NACK in it is a look into a history.

use std::time::{Duration, Instant};

use crate::limits::SendRate;

/// How far a sender may run ahead of its rate: a burst of this much at full rate.
const BURST: Duration = Duration::from_millis(500);

/// Two virtual clocks (the generic cell rate algorithm), one for packets and one for
/// bytes: each packet moves them on by what it costs at the full rate, and they may not
/// get further than [`BURST`] ahead of the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policer {
    rate: SendRate,
    packets: Instant,
    bytes: Instant,
    pub(super) dropped: u64,
}

impl Policer {
    pub(super) fn new(now: Instant, rate: SendRate) -> Self {
        Self {
            rate,
            packets: now,
            bytes: now,
            dropped: 0,
        }
    }

    /// Whether a packet of `len` bytes is within the rate.
    pub(super) fn admit(&mut self, now: Instant, len: usize) -> bool {
        let packets = self.packets.max(now);
        let bytes = self.bytes.max(now);
        if packets > now + BURST || bytes > now + BURST {
            self.dropped += 1;
            return false;
        }
        self.packets = packets + cost(1, self.rate.packets_per_second);
        self.bytes = bytes + cost(len as u64, self.rate.bytes_per_second);
        true
    }
}

fn cost(amount: u64, per_second: u32) -> Duration {
    Duration::from_nanos(amount * 1_000_000_000 / u64::from(per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SendRate = SendRate {
        packets_per_second: 1000,
        bytes_per_second: 100_000,
    };

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn start() -> Instant {
        Instant::now()
    }

    /// Packets admitted of `offered` a second, of `len` bytes, in two seconds.
    fn admitted(offered: u32, len: usize) -> u32 {
        let start = start();
        let mut policer = Policer::new(start, RATE);
        let sent = (0..2 * offered).filter(|n| {
            let now = start + Duration::from_secs(1) * *n / offered;
            policer.admit(now, len)
        });
        let sent = sent.count() as u32;
        assert_eq!(policer.dropped, u64::from(2 * offered - sent));
        sent
    }

    #[test]
    fn the_rate_and_a_burst_pass_and_no_more() {
        // (packets a second, bytes each) → in two seconds
        let cases = [
            (1000, 100, 2000..=2000),
            (100, 1000, 200..=200),
            (10_000, 10, 2500..=2502),
            (1000, 1000, 250..=252),
        ];
        for (offered, len, want) in cases {
            let got = admitted(offered, len);
            assert!(want.contains(&got), "{offered} x {len}: {got}");
        }
    }

    #[test]
    fn a_burst_after_silence_is_bounded() {
        let start = start();
        let mut policer = Policer::new(start, RATE);
        let later = start + Duration::from_secs(3600);
        let burst = (0..5000).filter(|_| policer.admit(later, 10)).count();
        assert!((500..=502).contains(&burst), "{burst}");
    }
}
