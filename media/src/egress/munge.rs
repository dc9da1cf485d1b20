//! Joins what a Slot is sent from ever other sources into one sequence. A segment
//! says how the numbers of one source became those of the Slot; a handful of them
//! map back what a receiver asks for again, so nothing is kept per packet.

use std::time::Instant;

use super::munge_vp8::{Vp8Newest, Vp8Offsets};
use crate::ids::SeqNo;
use crate::router::table::EncodingIndex;
use crate::rtp::codec::Facts;
use crate::rtp::codec::vp8::Descriptor;
use crate::rtp::ntp::duration_to_ticks;

/// Earlier segments kept: switches and skips reach back seconds, requests do not.
const SEGMENTS: usize = 32;

/// An Encoding between two restarts of its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceId {
    pub(crate) encoding: EncodingIndex,
    pub(crate) epoch: u64,
}

/// A stretch of one source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    source: SourceId,
    first_in: SeqNo,
    first_out: SeqNo,
    timestamp: u32,
    vp8: Vp8Offsets,
    /// Of frame numbers in dependency descriptors.
    frame: u16,
    /// Begins a source, rather than goes on behind a skipped packet.
    begins: bool,
}

impl Segment {
    pub(crate) fn timestamp(&self, received: u32) -> u32 {
        received.wrapping_add(self.timestamp)
    }

    /// Added to a frame number that the source states.
    pub(crate) fn frame_offset(&self) -> u16 {
        self.frame
    }

    pub(crate) fn vp8(&self) -> &Vp8Offsets {
        &self.vp8
    }

    /// Whether `received` is the first packet of its source on this Slot.
    pub(crate) fn begins_with(&self, received: SeqNo) -> bool {
        self.begins && received == self.first_in
    }

    fn out(&self, received: SeqNo) -> SeqNo {
        SeqNo(received.0 - self.first_in.0 + self.first_out.0)
    }
}

/// Sequence of one Slot. In the order of C, for every packet touches the first of it.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Munger {
    last: Option<Segment>,
    newest: SeqNo,
    sent_at: Option<Instant>,
    timestamp: u32,
    vp8: Vp8Newest,
    frame: Option<u16>,
    /// What is sent now belongs to the last segment.
    running: bool,
    /// The segments before the last, oldest first.
    older: Vec<Segment>,
}

impl Munger {
    /// `first` is the number of the first packet to come.
    pub(crate) fn new(first: SeqNo, timestamp: u32) -> Self {
        Self {
            last: None,
            older: Vec::new(),
            running: false,
            newest: SeqNo(first.0 - 1),
            timestamp,
            sent_at: None,
            vp8: Vp8Newest::default(),
            frame: None,
        }
    }

    pub(crate) fn current(&self) -> Option<SourceId> {
        self.last
            .as_ref()
            .filter(|_| self.running)
            .map(|segment| segment.source)
    }

    /// The number of the packet to come.
    pub(crate) fn next(&self) -> SeqNo {
        SeqNo(self.newest.0 + 1)
    }

    pub(crate) fn stop(&mut self) {
        self.running = false;
    }

    /// The timestamp for the first packet of another source: `ideal`, where it
    /// was captured on the Slot's time line, unless that is out of reason; then as
    /// much later than the last one as time has passed. Never earlier than it.
    pub(crate) fn next_timestamp(&self, now: Instant, ideal: Option<u32>, rate: u32) -> u32 {
        let Some(sent_at) = self.sent_at else {
            return self.timestamp;
        };
        let elapsed = duration_to_ticks(now.saturating_duration_since(sent_at), rate) as u32;
        let expected = self.timestamp.wrapping_add(elapsed);
        let near = |ideal: &u32| (ideal.wrapping_sub(expected) as i32).unsigned_abs() <= rate;
        let next = ideal.filter(near).unwrap_or(expected);
        if next.wrapping_sub(self.timestamp) as i32 > 0 {
            next
        } else {
            self.timestamp.wrapping_add(1)
        }
    }

    /// Begins a source at `seq`, stamped `received`, which becomes `timestamp`.
    pub(crate) fn begin(
        &mut self,
        source: SourceId,
        seq: SeqNo,
        (received, timestamp): (u32, u32),
        first: &Facts,
    ) {
        let frame = self.frame.zip(first.frame_number);
        self.push(Segment {
            source,
            first_in: seq,
            first_out: self.next(),
            timestamp: timestamp.wrapping_sub(received),
            vp8: first
                .vp8
                .map(|first| self.vp8.follow(&first))
                .unwrap_or_default(),
            // A receiver drops a keyframe that is numbered below the one before.
            frame: frame.map_or(0, |(newest, first)| {
                newest.wrapping_add(1).wrapping_sub(first)
            }),
            begins: true,
        });
        self.running = true;
    }

    fn push(&mut self, segment: Segment) {
        let Some(before) = self.last.replace(segment) else {
            return;
        };
        if self.older.len() == SEGMENTS {
            self.older.remove(0);
        }
        self.older.reserve_exact(SEGMENTS - self.older.len());
        self.older.push(before);
    }

    /// All segments, newest first.
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.last.iter().chain(self.older.iter().rev())
    }

    /// Reads what forwarding a packet will read.
    pub(super) fn touch(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.first_in.0) ^ u64::from(self.running)
    }

    /// Where packet `seq` of the running source stands; `None` if it is from before
    /// its beginning or was skipped.
    pub(crate) fn map(&self, source: SourceId, seq: SeqNo) -> Option<(SeqNo, Segment)> {
        let mut end = u64::MAX;
        for segment in self.segments() {
            if segment.source != source {
                return None;
            }
            if seq >= segment.first_in {
                let out = segment.out(seq);
                return (out.0 < end).then_some((out, *segment));
            }
            if segment.begins {
                return None;
            }
            end = segment.first_out.0;
        }
        None
    }

    /// Takes `seq`, which has nothing to forward, out of the sequence, so that the
    /// receiver misses nothing. False if later ones have been sent already.
    pub(crate) fn skip(&mut self, source: SourceId, seq: SeqNo) -> bool {
        let Some((out, segment)) = self.map(source, seq) else {
            return true;
        };
        let behind = self.last.is_some_and(|last| seq < last.first_in);
        if behind || out <= self.newest {
            return false;
        }
        // Packets between the newest and this one may still come: they keep their
        // numbers, and only what follows moves up.
        self.push(Segment {
            first_in: SeqNo(seq.0 + 1),
            first_out: out,
            begins: false,
            ..segment
        });
        true
    }

    /// A packet went out under these numbers.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        out: SeqNo,
        timestamp: u32,
        (vp8, frame): (Option<&Descriptor>, Option<u16>),
    ) {
        if out > self.newest {
            self.frame = frame.or(self.frame);
            self.newest = out;
            self.timestamp = timestamp;
            self.sent_at = Some(now);
            if let Some(descriptor) = vp8 {
                self.vp8.sent(descriptor);
            }
        }
    }

    /// What was sent under number `out`.
    pub(crate) fn origin(&self, out: u16) -> Option<(SourceId, SeqNo, SeqNo, Segment)> {
        let out = self.newest.nearest(out);
        if out > self.newest {
            return None;
        }
        let segment = self.segments().find(|s| s.first_out <= out)?;
        let seq = SeqNo(out.0 - segment.first_out.0 + segment.first_in.0);
        Some((segment.source, seq, out, *segment))
    }

    /// Offset of the running source's timestamps.
    pub(crate) fn running(&self) -> Option<&Segment> {
        self.last.as_ref().filter(|_| self.running)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: SourceId = SourceId {
        encoding: EncodingIndex(1),
        epoch: 0,
    };
    const B: SourceId = SourceId {
        encoding: EncodingIndex(2),
        epoch: 9,
    };

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn now() -> Instant {
        Instant::now()
    }

    fn forward(munger: &mut Munger, now: Instant, source: SourceId, seq: u64) -> Option<u64> {
        let (out, segment) = munger.map(source, SeqNo(seq))?;
        munger.sent(now, out, segment.timestamp(seq as u32 * 3000), (None, None));
        Some(out.0)
    }

    fn begin(munger: &mut Munger, now: Instant, source: SourceId, seq: u64) {
        let received = seq as u32 * 3000;
        let timestamp = munger.next_timestamp(now, None, 90_000);
        munger.begin(source, SeqNo(seq), (received, timestamp), &Facts::default());
    }

    #[test]
    fn sources_are_joined_without_a_gap_and_losses_keep_theirs() {
        let now = now();
        let mut munger = Munger::new(SeqNo(65_534), 7);
        assert_eq!(munger.current(), None);
        begin(&mut munger, now, A, 500);
        let table = [(500, 65_534), (501, 65_535), (503, 65_537), (502, 65_536)];
        for (seq, want) in table {
            assert_eq!(forward(&mut munger, now, A, seq), Some(want));
        }
        assert_eq!(forward(&mut munger, now, A, 499), None);
        begin(&mut munger, now, B, 70_000);
        assert_eq!(munger.current(), Some(B));
        for (source, seq, want) in [
            (B, 70_000, Some(65_538)),
            (B, 70_002, Some(65_540)),
            (A, 504, None),
            (B, 69_999, None),
            (B, 70_001, Some(65_539)),
        ] {
            assert_eq!(forward(&mut munger, now, source, seq), want, "{seq}");
        }
        // Back to the first source: its old packets are not mapped any more.
        begin(&mut munger, now, A, 600);
        assert_eq!(forward(&mut munger, now, A, 600), Some(65_541));
        assert_eq!(forward(&mut munger, now, A, 505), None);
    }

    #[test]
    fn the_skipped_leave_no_gap() {
        let now = now();
        let mut munger = Munger::new(SeqNo(100), 0);
        begin(&mut munger, now, A, 10);
        assert_eq!(forward(&mut munger, now, A, 10), Some(100));
        assert!(munger.skip(A, SeqNo(11)));
        assert!(munger.skip(A, SeqNo(12)));
        // 13 is late: 15 is skipped before it comes, 14 never comes.
        assert!(munger.skip(A, SeqNo(15)));
        assert_eq!(forward(&mut munger, now, A, 16), Some(103));
        assert_eq!(forward(&mut munger, now, A, 13), Some(101));
        assert_eq!(forward(&mut munger, now, A, 11), None);
        assert_eq!(forward(&mut munger, now, A, 15), None);
        assert!(!munger.skip(A, SeqNo(14)), "its number is missed already");
        for (out, seq) in [(100, 10), (101, 13), (102, 14), (103, 16)] {
            let (source, from, _, _) = munger.origin(out).unwrap();
            assert_eq!((source, from), (A, SeqNo(seq)));
        }
    }

    #[test]
    fn what_was_sent_is_found_again() {
        let now = now();
        let mut munger = Munger::new(SeqNo(65_500), 0);
        assert!(munger.origin(65_500).is_none());
        begin(&mut munger, now, A, 10);
        for seq in 10..60 {
            forward(&mut munger, now, A, seq);
        }
        begin(&mut munger, now, B, 1000);
        forward(&mut munger, now, B, 1000);
        let found = |out: u16| munger.origin(out).map(|(source, seq, ..)| (source, seq.0));
        assert_eq!(found(65_500), Some((A, 10)));
        assert_eq!(found(65_535), Some((A, 45)));
        assert_eq!(found(13), Some((A, 59)));
        assert_eq!(found(14), Some((B, 1000)));
        assert_eq!(found(15), None);
        assert_eq!(found(65_499), None);
    }

    #[test]
    fn timestamps_go_on_by_capture_time_or_by_elapsed_time() {
        let now = now();
        let mut munger = Munger::new(SeqNo(1), u32::MAX - 10);
        assert_eq!(munger.next_timestamp(now, Some(5), 90_000), u32::MAX - 10);
        munger.sent(now, SeqNo(1), u32::MAX - 10, (None, None));
        let later = now + Duration::from_millis(100);
        let next = |ideal| munger.next_timestamp(later, ideal, 90_000);
        assert_eq!(next(None), 9000 - 11);
        assert_eq!(next(Some(8000)), 8000);
        // Out of reason, and before what was sent.
        assert_eq!(next(Some(900_000)), 9000 - 11);
        assert_eq!(next(Some(u32::MAX - 500)), u32::MAX - 9);
        assert_eq!(munger.next_timestamp(now, None, 90_000), u32::MAX - 9);
    }
}
