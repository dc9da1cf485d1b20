//! Packet index and replay protection per SSRC (RFC 3711 §3.3.1, §3.3.2), in a table
//! whose size a hostile sender cannot choose.
//!
//! Nothing is stored for a packet before it is authenticated, so only a client with
//! the keys can fill the table; then the SSRC silent for longest makes room.

use rustc_hash::FxHashMap;

use crate::ids::{SeqNo, Ssrc};

/// Packets behind the newest that are still accepted. RFC 3711 asks for 64; a client
/// without RTX repairs losses on the original SSRC up to a second late.
const WINDOW: u64 = 1024;
const WORDS: usize = (WINDOW / 64) as usize;

/// SSRCs of one direction. A publisher of camera and screen in three layers with
/// RTX and two microphones has 14; renegotiation leaves some behind.
pub(super) const MAX_SSRCS: usize = 256;

struct Stream {
    highest: SeqNo,
    seen: [u64; WORDS],
    /// [`ReplayTable::accepted`] when it last received.
    last_use: u64,
}

impl Stream {
    fn new(first: SeqNo) -> Self {
        Self {
            highest: first,
            seen: [0; WORDS],
            last_use: 0,
        }
    }

    fn is_replay(&self, index: SeqNo) -> bool {
        if index > self.highest {
            return false;
        }
        self.highest.0 - index.0 >= WINDOW || self.bit(index)
    }

    fn bit(&self, SeqNo(index): SeqNo) -> bool {
        let at = index % WINDOW;
        self.seen[(at / 64) as usize] & (1 << (at % 64)) != 0
    }

    fn mark(&mut self, index: SeqNo) {
        if index.0 >= self.highest.0 + WINDOW {
            self.seen = [0; WORDS];
        } else {
            // The ring's places of the numbers skipped held a window ago.
            for skipped in self.highest.0 + 1..=index.0 {
                let at = skipped % WINDOW;
                self.seen[(at / 64) as usize] &= !(1 << (at % 64));
            }
        }
        self.highest = self.highest.max(index);
        let at = index.0 % WINDOW;
        self.seen[(at / 64) as usize] |= 1 << (at % 64);
    }
}

/// Highest index and window of every SSRC received.
#[derive(Default)]
pub(super) struct ReplayTable {
    /// Small enough that chosen SSRCs which collide cost nothing noticeable.
    streams: FxHashMap<Ssrc, Stream>,
    accepted: u64,
}

impl ReplayTable {
    /// Index of a packet that carries only its low 16 bits, if it is not a replay; an
    /// unknown SSRC starts at rollover count zero.
    pub(super) fn estimate(&self, ssrc: Ssrc, seq: u16) -> Option<SeqNo> {
        let Some(stream) = self.streams.get(&ssrc) else {
            return Some(SeqNo(u64::from(seq)));
        };
        let index = stream.highest.nearest(seq);
        (!stream.is_replay(index)).then_some(index)
    }

    pub(super) fn is_replay(&self, ssrc: Ssrc, index: SeqNo) -> bool {
        self.streams.get(&ssrc).is_some_and(|s| s.is_replay(index))
    }

    /// Records an authenticated packet.
    pub(super) fn accept(&mut self, ssrc: Ssrc, index: SeqNo) {
        self.accepted += 1;
        let stream = match self.streams.get_mut(&ssrc) {
            Some(stream) => stream,
            None => {
                if self.streams.len() >= MAX_SSRCS {
                    self.evict();
                }
                let fresh = Stream::new(index);
                self.streams.entry(ssrc).or_insert(fresh)
            }
        };
        stream.mark(index);
        stream.last_use = self.accepted;
    }

    fn evict(&mut self) {
        let oldest = self
            .streams
            .iter()
            .min_by_key(|(_, stream)| stream.last_use);
        if let Some(ssrc) = oldest.map(|(ssrc, _)| *ssrc) {
            self.streams.remove(&ssrc);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const SSRC: Ssrc = Ssrc(7);

    #[test]
    fn window_edges() {
        let mut table = ReplayTable::default();
        table.accept(SSRC, SeqNo(70_000));
        for (index, replay) in [
            (70_000, true),
            (69_999, false),
            (70_000 - WINDOW + 1, false),
            (70_000 - WINDOW, true),
            (0, true),
            (70_001, false),
            (9_000_000, false),
        ] {
            assert_eq!(table.is_replay(SSRC, SeqNo(index)), replay, "{index}");
        }
    }

    #[test]
    fn estimates_across_the_wrap() {
        let mut table = ReplayTable::default();
        assert_eq!(table.estimate(SSRC, 65_530), Some(SeqNo(65_530)));
        table.accept(SSRC, SeqNo(65_530));
        assert_eq!(table.estimate(SSRC, 3), Some(SeqNo(65_539)));
        table.accept(SSRC, SeqNo(65_539));
        assert_eq!(table.estimate(SSRC, 65_535), Some(SeqNo(65_535)));
        assert_eq!(table.estimate(SSRC, 65_530), None);
    }

    #[test]
    fn a_hundred_thousand_ssrcs_are_capped_and_the_active_one_stays() {
        let mut table = ReplayTable::default();
        for n in 0..100_000 {
            table.accept(Ssrc(1_000 + n), SeqNo(1));
            table.accept(SSRC, SeqNo(u64::from(n)));
        }
        assert_eq!(table.len(), MAX_SSRCS);
        assert!(table.is_replay(SSRC, SeqNo(99_999)));
    }

    proptest! {
        /// Against the definition: a number is refused exactly if it was accepted or
        /// fell behind the window.
        #[test]
        fn agrees_with_a_set(numbers in prop::collection::vec(0u64..5_000, 1..600)) {
            let mut table = ReplayTable::default();
            let mut accepted = HashSet::new();
            let mut highest = None;
            for n in numbers {
                let want = highest.is_some_and(|h: u64| n + WINDOW <= h) || accepted.contains(&n);
                prop_assert_eq!(table.is_replay(SSRC, SeqNo(n)), want, "{}", n);
                if !want {
                    table.accept(SSRC, SeqNo(n));
                    accepted.insert(n);
                    highest = highest.max(Some(n));
                }
            }
        }
    }
}
