//! The packets of one Encoding, kept once for the retransmissions to all who
//! receive it. A ring of bytes rather than of packets: audio and low layers take
//! little, and a fast Encoding grows its ring until it spans [`SPAN`].

use std::time::{Duration, Instant};

use crate::ids::SeqNo;
use crate::rtp::packet::PADDED;

/// Time that the ring should cover: a request that comes later than a second is of
/// no use to a call.
const SPAN: Duration = Duration::from_secs(1);
const AUDIO_BYTES: usize = 16 << 10;
const VIDEO_BYTES: usize = 64 << 10;
const AUDIO_PACKETS: usize = 256;
const VIDEO_PACKETS: usize = 1024;

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    seq: u64,
    /// Position in the endless sequence of bytes ever written.
    start: u64,
    offset: u32,
    len: u16,
}

/// Plaintext packets by sequence number.
#[derive(Debug)]
pub(crate) struct History {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    head: usize,
    written: u64,
    /// Where the present round began, in `written`.
    round: u64,
    /// What was written before has been written over, however far it is behind.
    oldest: u64,
    wrapped_at: Option<Instant>,
    limit: usize,
    video: bool,
}

impl History {
    /// Takes no memory before the first packet. `limit` bounds a video ring.
    pub(crate) fn new(video: bool, limit: usize) -> Self {
        Self {
            entries: Vec::new(),
            bytes: Vec::new(),
            head: 0,
            written: 0,
            round: 0,
            oldest: 0,
            wrapped_at: None,
            limit,
            video,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.fill(Entry::default());
    }

    /// Whether a packet `seq` that comes late is known to be new: its place holds
    /// neither itself nor a later one.
    pub(crate) fn lacks(&self, seq: SeqNo) -> bool {
        self.entry(seq).is_none_or(|entry| entry.seq < seq.0)
    }

    fn entry(&self, seq: SeqNo) -> Option<&Entry> {
        self.entries
            .get(seq.0 as usize & self.entries.len().wrapping_sub(1))
    }

    pub(crate) fn get(&self, seq: SeqNo) -> Option<&[u8]> {
        let entry = self
            .entry(seq)
            .filter(|entry| entry.seq == seq.0 && entry.len > 0)?;
        let behind = self.written - entry.start;
        if behind > self.bytes.len() as u64 || entry.start < self.oldest {
            return None;
        }
        let at = entry.offset as usize;
        self.bytes.get(at..at + usize::from(entry.len))
    }

    /// Keeps an RTP packet whose padding has been cut off, so that it must not say that it
    /// has any when it is read again.
    pub(crate) fn push(&mut self, now: Instant, seq: SeqNo, packet: &[u8]) {
        if self.entries.is_empty() {
            let (packets, bytes) = if self.video {
                (VIDEO_PACKETS, VIDEO_BYTES.min(self.limit))
            } else {
                (AUDIO_PACKETS, AUDIO_BYTES)
            };
            self.entries.resize(packets, Entry::default());
            self.bytes.resize(bytes, 0);
            self.wrapped_at = Some(now);
        }
        if packet.len() > self.bytes.len() / 4 {
            return;
        }
        if self.head + packet.len() > self.bytes.len() {
            self.wrap(now);
        }
        let entry = Entry {
            seq: seq.0,
            start: self.written,
            offset: self.head as u32,
            len: packet.len() as u16,
        };
        let kept = &mut self.bytes[self.head..self.head + packet.len()];
        kept.copy_from_slice(packet);
        if let Some(first) = kept.first_mut() {
            *first &= !PADDED;
        }
        self.head += packet.len();
        self.written += packet.len() as u64;
        let mask = self.entries.len() - 1;
        self.entries[seq.0 as usize & mask] = entry;
    }

    /// The ring is full: grow it if it spans too little, else start over.
    fn wrap(&mut self, now: Instant) {
        let span = self.wrapped_at.map(|at| now.saturating_duration_since(at));
        let size = self.bytes.len();
        if self.video && size < self.limit && span.is_none_or(|span| span < SPAN) {
            self.bytes.resize((size * 2).min(self.limit), 0);
            // This round went over what the ones before had left in the smaller ring.
            self.oldest = self.round;
        }
        if self.bytes.len() == size {
            self.written += (size - self.head) as u64;
            self.head = 0;
            self.round = self.written;
            self.wrapped_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(seq: u64) -> Vec<u8> {
        sized(seq, 1000)
    }

    fn sized(seq: u64, len: usize) -> Vec<u8> {
        let mut packet = vec![0x80];
        packet.extend(seq.to_be_bytes().iter().cycle().take(len - 1));
        packet
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn what_is_kept_is_intact_and_what_was_overwritten_is_gone() {
        let start = Instant::now();
        let mut history = History::new(true, 64 << 10);
        assert!(history.lacks(SeqNo(1)));
        for seq in 65_000..67_000 {
            history.push(start + Duration::from_millis(seq), SeqNo(seq), &packet(seq));
            let kept = (65_000..=seq)
                .filter(|seq| history.get(SeqNo(*seq)).is_some())
                .count() as u64;
            assert!(kept >= (seq - 64_999).min(64), "{kept}");
            assert!(kept <= 65);
            for seq in seq + 1 - kept..=seq {
                assert_eq!(history.get(SeqNo(seq)), Some(&packet(seq)[..]));
            }
        }
        assert!(!history.lacks(SeqNo(66_999)));
        assert!(!history.lacks(SeqNo(65_001)), "too old to tell");
        history.clear();
        assert_eq!(history.get(SeqNo(66_999)), None);
    }

    /// A slow Encoding that fills its ring, and then is fast and has it grow in the midst of
    /// a round.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn what_is_kept_is_intact_however_it_grew() {
        for (slow, len, limit) in [
            (70, 1000, 128 << 10),
            (100, 1000, 1 << 20),
            (130, 1000, 1 << 20),
            (500, 200, 256 << 10),
            (45, 1499, 1 << 20),
        ] {
            let mut now = Instant::now();
            let mut history = History::new(true, limit);
            for seq in 1..=slow + 900 {
                now += Duration::from_millis(if seq <= slow { 40 } else { 1 });
                history.push(now, SeqNo(seq), &sized(seq, len));
                for kept in (1..=seq).rev().step_by(7) {
                    let intact = history.get(SeqNo(kept));
                    let intact = intact.is_none_or(|got| got == sized(kept, len));
                    assert!(intact, "{kept} at {seq} of {slow} x {len}");
                }
                assert!(history.get(SeqNo(seq)).is_some());
            }
            assert!(history.bytes.len() > VIDEO_BYTES, "it did not grow");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn a_fast_encoding_grows_to_a_second_and_a_slow_one_does_not() {
        let start = Instant::now();
        for (per_second, bytes) in [(20, 64 << 10), (200, 256 << 10), (5000, 1 << 20)] {
            let mut history = History::new(true, 1 << 20);
            for n in 0..per_second * 10 {
                let now = start + Duration::from_secs(1) * n / per_second;
                history.push(now, SeqNo(u64::from(n)), &packet(u64::from(n)));
            }
            assert_eq!(history.bytes.len(), bytes, "{per_second}");
            let newest = u64::from(per_second * 10 - 1);
            assert_eq!(history.get(SeqNo(newest)), Some(&packet(newest)[..]));
        }
    }
}
