//! What waits for one destination, in which order it leaves, and how it is laid out.

use std::cmp::Reverse;
use std::ops::Range;

use super::Seal;
use super::burst::Burst;
use crate::egress::{Kept, Outgoing};
use crate::ids::Ssrc;
use crate::rtp::packet::pad;
use crate::transport::{Path, RTCP_OVERHEAD, RTP_OVERHEAD};

/// Outgoing packets are padded (RFC 3550 §5.1) to a multiple of this many bytes. A
/// packetiser cuts a frame into packets that differ by a byte; of equal size they
/// leave in one UDP_SEGMENT run, for a third of the price. It depends on the packet
/// alone, so that what is repeated is the same to the byte.
const QUANTUM: usize = 16;

/// Room behind a packet for what sealing adds.
const OVERHEAD: usize = if RTP_OVERHEAD > RTCP_OVERHEAD {
    RTP_OVERHEAD
} else {
    RTCP_OVERHEAD
};

/// How many packets are looked at for the one that had best end a run.
const CLOSERS: usize = 16;

/// One packet that waits.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) seal: Seal,
    /// `None`: a report, which is in nobody's order.
    source: Option<Ssrc>,
    head: Range<u32>,
    payload: Kept,
    /// Of the plaintext, padded to the quantum.
    size: u16,
    /// No larger than that of the packet before it from its source.
    rank: u16,
    stretch: u8,
}

impl Packet {
    fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    fn size(&self) -> usize {
        usize::from(self.size)
    }

    /// Whether it can be as long as those of a run of `run` bytes each.
    fn joins(&self, run: usize) -> bool {
        (self.size()..=self.size() + usize::from(self.stretch)).contains(&run)
    }

    /// Writes the plaintext, padded to all of `out`.
    fn lay_out(&self, heads: &[u8], kept: &[u8], out: &mut [u8]) {
        let head = &heads[self.head.start as usize..self.head.end as usize];
        let (head_out, rest) = out.split_at_mut(head.len());
        head_out.copy_from_slice(head);
        rest[..self.payload.len()].copy_from_slice(&kept[self.payload.range()]);
        pad(out, self.len());
    }
}

#[derive(Debug, Default)]
pub(super) struct Destination {
    pub(super) path: Option<Path>,
    /// Bytes that wait.
    pub(super) bytes: usize,
    heads: Vec<u8>,
    packets: Vec<Packet>,
    /// How many packets have left already.
    packed: usize,
}

impl Destination {
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn add_head(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Range<u32> {
        let start = self.heads.len();
        self.heads.resize(start + len, 0);
        write(&mut self.heads[start..]);
        start as u32..self.heads.len() as u32
    }

    pub(super) fn push_rtp(&mut self, packet: &Outgoing, head: Range<u32>) {
        let len = packet.head + packet.payload.len();
        let size = len.next_multiple_of(QUANTUM) as u16;
        self.packets.push(Packet {
            seal: Seal::Rtp(packet.seq),
            source: Some(packet.ssrc),
            head,
            payload: packet.payload,
            size,
            rank: size,
            stretch: packet.stretch,
        });
    }

    pub(super) fn push_rtcp(&mut self, len: usize, head: Range<u32>) {
        self.packets.push(Packet {
            seal: Seal::Rtcp,
            source: None,
            head,
            payload: Kept::default(),
            size: len as u16,
            rank: len as u16,
            stretch: 0,
        });
    }

    pub(super) fn clear(&mut self) {
        self.bytes = 0;
        self.heads.clear();
        self.packets.clear();
        self.packed = 0;
    }

    /// Lays out and seals what waits; whether all of it found room.
    pub(super) fn pack(
        &mut self,
        kept: &[u8],
        burst: &mut Burst,
        mut seal: impl FnMut(&Packet, &mut [u8], usize) -> Option<usize>,
    ) -> bool {
        let Some(path) = self.path else {
            self.clear();
            return true;
        };
        if self.packed == 0 && self.packets.len() > 1 {
            self.arrange();
        }
        // Size of the packets of the run that the next may join; 0 when it is over.
        let mut run = 0;
        while self.packed < self.packets.len() {
            let size = self.next_size(run);
            let packet = &self.packets[self.packed];
            if burst.is_full(size + OVERHEAD) {
                return false;
            }
            let begins = burst.push(path, size + OVERHEAD, |room| {
                packet.lay_out(&self.heads, kept, &mut room[..size]);
                seal(packet, room, size)
            });
            run = match begins {
                true => size,
                // A shorter one has ended it.
                false if size < run => 0,
                false => run,
            };
            self.bytes -= packet.len();
            self.packed += 1;
        }
        self.clear();
        true
    }

    /// Largest first, for a run is of equal sizes and may end in a shorter one; but what
    /// is of one source stays in order.
    fn arrange(&mut self) {
        // Unstable, for a stable sort would allocate; heads are in order of arrival.
        self.packets
            .sort_unstable_by_key(|packet| (packet.source, packet.head.start));
        for i in 1..self.packets.len() {
            let [before, packet] = &mut self.packets[i - 1..=i] else {
                break;
            };
            if packet.source.is_some() && packet.source == before.source {
                packet.rank = packet.rank.min(before.rank);
            }
        }
        self.packets
            .sort_unstable_by_key(|packet| (Reverse(packet.rank), packet.head.start));
    }

    /// The size of the next packet behind a run of `run` bytes each, once it is settled
    /// which it is.
    fn next_size(&mut self, run: usize) -> usize {
        let waiting = &self.packets[self.packed..];
        let (packet, next) = (&waiting[0], waiting.get(1));
        let size = packet.size();
        if size > run {
            // It begins a run, which the next may be too large for by little.
            let larger = next.map(Packet::size).filter(|&next| next > size);
            return larger.filter(|&next| packet.joins(next)).unwrap_or(size);
        }
        if size == run {
            return size;
        }
        // Padding saves a message where the run goes on with others, or ends with one.
        let goes_on = packet.joins(run)
            && (next.is_some_and(|next| next.joins(run)) || self.closer(run, 1).is_some());
        if goes_on {
            return run;
        }
        if let Some(at) = self.closer(run, 0) {
            self.packets[self.packed..=self.packed + at].rotate_right(1);
        }
        self.packets[self.packed].size()
    }

    /// Which of those that wait, without the first `skipped`, had best end a run: one that
    /// would be alone otherwise.
    fn closer(&self, run: usize, skipped: usize) -> Option<usize> {
        let waiting = &self.packets[self.packed..];
        let is_alone = |at: usize| {
            let packet = &waiting[at];
            let before = waiting[skipped..at].last();
            let next = waiting.get(at + 1);
            !before.is_some_and(|before| packet.joins(before.size()))
                && !next.is_some_and(|next| next.joins(packet.size()))
        };
        let is_free = |at: usize| {
            let Packet { size, source, .. } = waiting[at];
            usize::from(size) < run
                && (source.is_none() || waiting[..at].iter().all(|packet| packet.source != source))
        };
        (skipped..waiting.len().min(CLOSERS)).find(|&at| is_free(at) && is_alone(at))
    }
}
