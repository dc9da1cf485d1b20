//! Remembers when packets arrived, over all Encodings of a Participant, and tells
//! its estimator (draft-holmer-rmcat-transport-wide-cc-extensions-01): with this
//! feedback a publisher's rate ramps up, without it stays at its start.

use crate::ids::{SeqNo, Ssrc};
use crate::rtp::rtcp::RtcpWriter;
use crate::rtp::rtcp::twcc::{Feedback, MAX_STATUSES};

/// Arrivals remembered: 60 ms at 15 000 packets a second.
const WINDOW: u64 = 1024;
/// A packet this late is still told, by repeating what came after it.
const LATE: u64 = 500;

/// Arrival times by transport-wide sequence number.
#[derive(Debug, Default)]
pub(crate) struct ArrivalRecorder {
    /// (number, tick) by number modulo [`WINDOW`]; made by the first packet.
    arrivals: Vec<(u64, i64)>,
    newest: Option<SeqNo>,
    /// First number not told yet.
    start: u64,
    pending: bool,
    count: u8,
}

impl ArrivalRecorder {
    pub(crate) fn record(&mut self, seq: u16, tick: i64) {
        let newest = self.newest.unwrap_or(SeqNo(u64::from(seq) + (1 << 16)));
        let seq = newest.nearest(seq).0;
        if self.arrivals.is_empty() {
            self.arrivals = vec![(0, 0); WINDOW as usize];
            self.start = seq;
        }
        if seq + LATE < newest.0 || self.arrival(seq).is_some() {
            return;
        }
        self.arrivals[(seq % WINDOW) as usize] = (seq, tick);
        self.newest = Some(newest.max(SeqNo(seq)));
        self.start = self.start.min(seq);
        self.pending = true;
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    fn arrival(&self, seq: u64) -> Option<i64> {
        let (recorded, tick) = self.arrivals[(seq % WINDOW) as usize];
        (recorded == seq && seq != 0).then_some(tick)
    }

    /// Writes one message; false when everything is told.
    pub(crate) fn write(&mut self, sender: Ssrc, media: Ssrc, writer: &mut RtcpWriter) -> bool {
        let Some(SeqNo(newest)) = self.newest.filter(|_| self.pending) else {
            return false;
        };
        let start = self.start.max((newest + 1).saturating_sub(WINDOW));
        let Some(base) = (start..=newest).find(|seq| self.arrival(*seq).is_some()) else {
            self.pending = false;
            return false;
        };
        let mut arrivals = [None; MAX_STATUSES];
        let len = (newest + 1 - base).min(MAX_STATUSES as u64) as usize;
        for (arrival, seq) in arrivals[..len].iter_mut().zip(base..) {
            *arrival = self.arrival(seq);
        }
        let taken = writer.transport_feedback(&Feedback {
            sender,
            media,
            base: base as u16,
            count: self.count,
            arrivals: &arrivals[..len],
        });
        if taken == 0 {
            return false;
        }
        self.count = self.count.wrapping_add(1);
        self.start = base + taken as u64;
        self.pending = self.start <= newest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::rtcp::twcc::tests::decode;

    fn feedback(recorder: &mut ArrivalRecorder) -> Vec<(u16, Vec<Option<i64>>, u8)> {
        let mut read = Vec::new();
        let mut writer = RtcpWriter::default();
        while recorder.write(Ssrc(1), Ssrc(2), &mut writer) {
            read.push(decode(writer.bytes()));
            writer.clear();
        }
        read
    }

    #[test]
    fn every_packet_is_told_once_over_the_wrap() {
        let mut recorder = ArrivalRecorder::default();
        let mut told = Vec::new();
        for n in 0..3000u16 {
            if n % 7 != 3 {
                recorder.record(n.wrapping_add(64_000), i64::from(n) * 3);
            }
            if n % 100 == 99 {
                for (base, statuses, count) in feedback(&mut recorder) {
                    assert_eq!(usize::from(count), usize::from(n / 100));
                    for (offset, status) in statuses.into_iter().enumerate() {
                        told.extend(status.map(|tick| (base.wrapping_add(offset as u16), tick)));
                    }
                }
            }
        }
        let want: Vec<_> = (0..3000u16)
            .filter(|n| n % 7 != 3)
            .map(|n| (n.wrapping_add(64_000), i64::from(n) * 3))
            .collect();
        assert_eq!(told, want);
        assert!(!recorder.is_pending());
    }

    #[test]
    fn the_late_is_told_with_what_came_after_and_the_too_late_is_not() {
        let mut recorder = ArrivalRecorder::default();
        for seq in [10, 11, 13] {
            recorder.record(seq, i64::from(seq));
        }
        assert_eq!(
            feedback(&mut recorder),
            [(10, vec![Some(10), Some(11), None, Some(13)], 0)]
        );
        recorder.record(12, 20);
        recorder.record(12, 99);
        assert_eq!(feedback(&mut recorder), [(12, vec![Some(20), Some(13)], 1)]);
        recorder.record(2000, 30);
        feedback(&mut recorder);
        recorder.record(14, 40);
        assert_eq!(feedback(&mut recorder), []);
    }

    #[test]
    fn a_burst_takes_several_messages() {
        let mut recorder = ArrivalRecorder::default();
        for seq in 0..1000 {
            recorder.record(seq, 5);
        }
        let lengths: Vec<_> = feedback(&mut recorder)
            .iter()
            .map(|(_, s, _)| s.len())
            .collect();
        assert_eq!(lengths, [480, 480, 40]);
    }
}
