//! What waits for one destination, and how it is laid out.

use std::cmp::Reverse;
use std::ops::Range;

use super::Seal;
use super::burst::Burst;
use crate::egress::{Kept, Lane, Outgoing};
use crate::rtp::packet::pad;
use crate::transport::{Path, RTCP_OVERHEAD, RTP_OVERHEAD};

/// Outgoing packets are padded (RFC 3550 §5.1) to a multiple of this many bytes. A
/// packetiser cuts a frame into packets that differ by a byte; of equal size they
/// leave in one UDP_SEGMENT run, for a third of the price. It depends on the packet
/// alone, so that what is repeated is the same to the byte.
const QUANTUM: usize = 16;

/// Bytes of padding that a packet which is never repeated may get besides, where it
/// joins a run by that: voices differ by some tens of bytes.
const STRETCH: usize = 64;

/// Room behind a packet for what sealing adds.
const OVERHEAD: usize = if RTP_OVERHEAD > RTCP_OVERHEAD {
    RTP_OVERHEAD
} else {
    RTCP_OVERHEAD
};

/// One packet that waits.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) seal: Seal,
    head: Range<u32>,
    payload: Kept,
    /// Of the plaintext, padded to the quantum.
    size: u16,
    /// More padding does no harm.
    elastic: bool,
}

impl Packet {
    fn len(&self) -> usize {
        self.head.len() + self.payload.len()
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
    loose: Vec<Packet>,
    ordered: Vec<Packet>,
    /// How many packets have left already, the loose ones first.
    packed: usize,
}

impl Destination {
    pub(super) fn is_empty(&self) -> bool {
        self.loose.is_empty() && self.ordered.is_empty()
    }

    pub(super) fn add_head(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Range<u32> {
        let start = self.heads.len();
        self.heads.resize(start + len, 0);
        write(&mut self.heads[start..]);
        start as u32..self.heads.len() as u32
    }

    pub(super) fn push_rtp(&mut self, packet: &Outgoing, head: Range<u32>) {
        let len = packet.head + packet.payload.len();
        let queue = match packet.lane {
            Lane::Ordered => &mut self.ordered,
            Lane::Loose => &mut self.loose,
        };
        queue.push(Packet {
            seal: Seal::Rtp(packet.seq),
            head,
            payload: packet.payload,
            size: len.next_multiple_of(QUANTUM) as u16,
            elastic: packet.elastic,
        });
    }

    pub(super) fn push_rtcp(&mut self, len: usize, head: Range<u32>) {
        self.loose.push(Packet {
            seal: Seal::Rtcp,
            head,
            payload: Kept::default(),
            size: len as u16,
            elastic: false,
        });
    }

    pub(super) fn clear(&mut self) {
        self.bytes = 0;
        self.heads.clear();
        self.loose.clear();
        self.ordered.clear();
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
        if self.packed == 0 {
            // Largest first: then each run ends in at most one shorter packet. Few,
            // and a stable sort would allocate.
            self.loose
                .sort_unstable_by_key(|packet| (Reverse(packet.size), packet.head.start));
        }
        // Size of the packets of the run that the next may join; 0 when it is over.
        let mut run = 0;
        while let Some(packet) = self.waiting(0) {
            let size = self.stretched(packet, run);
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

    /// The packet that waits behind `behind` others, voices first: they are what must
    /// not wait.
    fn waiting(&self, behind: usize) -> Option<&Packet> {
        let at = self.packed + behind;
        let loose = self.loose.get(at);
        loose.or_else(|| self.ordered.get(at.checked_sub(self.loose.len())?))
    }

    /// The size of `packet`, the next, behind a run of `run` bytes each. Shorter than
    /// those it would end the run, which costs nothing if no other can join it.
    fn stretched(&self, packet: &Packet, run: usize) -> usize {
        let size = usize::from(packet.size);
        let joins = |size: usize| size < run && run - size <= STRETCH;
        let next = self.waiting(1).map(|next| usize::from(next.size));
        if packet.elastic && joins(size) && next.is_some_and(|next| joins(next) || next == run) {
            run
        } else {
            size
        }
    }
}
