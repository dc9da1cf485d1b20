//! Reception of one Encoding, as receiver reports state it (RFC 3550 §6.4.1,
//! appendices A.3 and A.8).

use std::time::{Duration, Instant};

use crate::ids::{SeqNo, Ssrc};
use crate::rtp::ntp::{Ntp, duration_to_ticks};
use crate::rtp::rtcp::report::ReportBlock;

/// Counts since the source began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reception {
    first: Option<SeqNo>,
    newest: u64,
    /// Packets that arrived by themselves, retransmissions apart: what the network
    /// lost stays lost in the report even if it was repaired.
    received: u64,
    /// Retransmissions that filled a gap, since the Encoding exists.
    pub(crate) repaired: u64,
    repaired_before: u64,
    prior: Option<(u64, u64)>,
    /// In 1/16 tick (A.8).
    jitter: u32,
    transit: Option<u32>,
    last_report: Option<(u32, Instant)>,
}

impl Reception {
    /// `arrival` counts in the media clock, from any origin.
    pub(crate) fn packet(&mut self, seq: SeqNo, timestamp: u32, arrival: u32) {
        let first = *self.first.get_or_insert(seq);
        // A packet from before the first one seen widens what was expected.
        self.first = Some(first.min(seq));
        self.newest = self.newest.max(seq.0);
        self.received += 1;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(last) = self.transit {
            let difference = (transit.wrapping_sub(last) as i32).unsigned_abs();
            let jitter = i64::from(self.jitter);
            // A timestamp jump is no jitter.
            let difference = i64::from(difference.min(1 << 20));
            self.jitter = (jitter + difference - ((jitter + 8) >> 4)) as u32;
        }
        self.transit = Some(transit);
    }

    /// The sequence began anew.
    pub(crate) fn restart(&mut self) {
        *self = Self {
            repaired: self.repaired,
            repaired_before: self.repaired,
            ..Self::default()
        };
    }

    pub(crate) fn sender_report(&mut self, now: Instant, ntp: Ntp) {
        self.last_report = Some((ntp.middle(), now));
    }

    fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.newest - first.0 + 1)
    }

    /// Packets missing now, repairs counted as arrived.
    pub(crate) fn missing(&self) -> u64 {
        let repaired = self.repaired - self.repaired_before;
        self.expected().saturating_sub(self.received + repaired)
    }

    /// The block of the next report, or `None` before the first packet.
    pub(crate) fn report(&mut self, now: Instant, ssrc: Ssrc) -> Option<ReportBlock> {
        self.first?;
        let expected = self.expected();
        let (expected_prior, received_prior) = self.prior.unwrap_or_default();
        let expected_interval = expected - expected_prior.min(expected);
        let lost_interval = expected_interval.saturating_sub(self.received - received_prior);
        self.prior = Some((expected, self.received));
        let (last_sr, since) = match self.last_report {
            Some((middle, at)) => (middle, now.saturating_duration_since(at)),
            None => (0, Duration::ZERO),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: (lost_interval * 256)
                .checked_div(expected_interval)
                .map_or(0, |fraction| fraction.min(255) as u8),
            lost: (expected as i64 - self.received as i64).clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_seq: self.newest as u32,
            jitter: self.jitter >> 4,
            last_sr,
            delay: u32::try_from(duration_to_ticks(since, 65_536)).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn loss_is_told_per_interval_and_in_sum() {
        let now = Instant::now();
        let mut reception = Reception::default();
        assert_eq!(reception.report(now, Ssrc(1)), None);
        for seq in (65_530..65_630).filter(|seq| seq % 4 != 0) {
            reception.packet(SeqNo(seq), 0, 0);
        }
        reception.sender_report(now, Ntp(0x0000_1111_2222_3333));
        let block = reception
            .report(now + Duration::from_millis(500), Ssrc(1))
            .unwrap();
        assert_eq!((block.fraction_lost, block.lost), (64, 25));
        assert_eq!(
            (block.highest_seq, block.last_sr, block.delay),
            (65_629, 0x1111_2222, 32_768)
        );
        reception.repaired += 5;
        assert_eq!(reception.missing(), 20);
        for seq in 65_630..65_640 {
            reception.packet(SeqNo(seq), 0, 0);
        }
        let block = reception.report(now, Ssrc(1)).unwrap();
        assert_eq!((block.fraction_lost, block.lost), (0, 25));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn jitter_converges_to_the_mean_deviation() {
        let mut reception = Reception::default();
        for n in 0..1000u32 {
            let late = if n % 2 == 0 { 160 } else { 0 };
            reception.packet(SeqNo(u64::from(n)), n * 960, n * 960 + late);
        }
        let jitter = reception.report(Instant::now(), Ssrc(1)).unwrap().jitter;
        assert!((155..=160).contains(&jitter), "{jitter}");
    }
}
