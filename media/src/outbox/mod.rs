//! Outgoing packets, collected per destination until the end of the turn.
//!
//! The kernel's send path costs about 3.3 µs for a datagram alone and 0.6 to 1.1 µs
//! for one of a UDP_SEGMENT run, which wants equal sizes to one address. So packets
//! wait for others of their destination: as a head of their own, and a payload that is
//! kept once for all who get it. They are laid out and sealed only when they leave,
//! one destination after the other, into memory that is used again at once: so a
//! destination's keys and the sealed bytes are in the cache when they are needed, and
//! it is known by then what would make the sizes equal.
//!
//! A destination's packets are arranged by size before they leave, or each voice between
//! the packets of a picture would break its run. All memory is kept, so a steady state
//! allocates nothing.

mod burst;
mod queue;

use std::collections::VecDeque;
use std::ops::Range;

pub use burst::{Burst, Transmit};

use crate::egress::{Kept, Outgoing, Sink};
use crate::ids::{ParticipantKey, SeqNo};
use crate::limits::MAX_RUN_BYTES;
use crate::transport::Path;

use queue::{Destination, Packet};

/// A key is some 600 bytes: so many fill a small part of a second-level cache.
const MAX_APPROACHING: usize = 64;

/// How a packet is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    Rtp(SeqNo),
    Rtcp,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Media, indexed by [`ParticipantKey`].
    destinations: Vec<Destination>,
    /// Indices of the destinations that have something to send.
    pending: VecDeque<u32>,
    /// Payloads of the packets that wait.
    kept: Vec<u8>,
    media_bytes: usize,
    /// STUN and DTLS, which answer the path they came by.
    control: Vec<u8>,
    control_datagrams: VecDeque<(Path, Range<usize>)>,
    burst: Burst,
    /// The last packet of a picture was not the last of its frame.
    frame_open: bool,
    /// Packets that did not fit in a queue, or had no address to go to.
    pub dropped: u64,
}

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.control_datagrams.is_empty()
    }

    /// Whether RTP or RTCP waits, and not only what connects.
    pub fn has_media(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether what waits is part of a frame whose rest is on its way.
    pub fn expects_more(&self) -> bool {
        self.has_media() && self.frame_open
    }

    /// Bytes waiting, of all destinations.
    pub fn len(&self) -> usize {
        self.media_bytes + self.control.len()
    }

    /// Where a Participant's media goes from now on; what already waits goes there
    /// as well. `None` drops what comes.
    pub fn set_path(&mut self, to: ParticipantKey, path: Option<Path>) {
        let index = to.0 as usize;
        if index >= self.destinations.len() {
            self.destinations
                .resize_with(index + 1, Destination::default);
        }
        self.destinations[index].path = path;
    }

    /// The destination, with `len` bytes more to send.
    fn room_at(&mut self, to: ParticipantKey, len: usize) -> Option<&mut Destination> {
        let destination = self.destinations.get_mut(to.0 as usize);
        let room = destination.filter(|d| d.path.is_some() && d.bytes + len <= MAX_RUN_BYTES);
        let Some(destination) = room else {
            self.dropped += 1;
            return None;
        };
        if destination.is_empty() {
            self.pending.push_back(to.0);
        }
        destination.bytes += len;
        self.media_bytes += len;
        Some(destination)
    }

    /// Drops what waits for a Participant that is gone, before its key is reused.
    pub fn forget(&mut self, to: ParticipantKey) {
        if let Some(destination) = self.destinations.get_mut(to.0 as usize) {
            self.media_bytes -= destination.bytes;
            // With its memory: a burst may have made it large.
            *destination = Destination::default();
            self.pending.retain(|&index| index != to.0);
        }
    }

    /// Adds one datagram of STUN or DTLS.
    pub fn push_control(&mut self, path: Path, datagram: &[u8]) {
        let start = self.control.len();
        if start + datagram.len() > MAX_RUN_BYTES || datagram.is_empty() {
            self.dropped += 1;
            return;
        }
        self.control.extend_from_slice(datagram);
        self.control_datagrams
            .push_back((path, start..self.control.len()));
    }

    /// Whose packets the next burst will seal, the first of them: their keys can be
    /// fetched side by side.
    pub fn approaching(&self) -> impl Iterator<Item = ParticipantKey> + '_ {
        let waiting = self.pending.iter().take(MAX_APPROACHING);
        waiting.map(|&index| ParticipantKey(index))
    }

    /// The next of what waits, laid out and sealed; control first, for it is what
    /// connects. `None` when nothing waits any more. `seal` encrypts the first bytes
    /// of its room in place, as many as it is told, and answers how many there are
    /// then.
    pub fn next_burst(
        &mut self,
        mut seal: impl FnMut(ParticipantKey, Seal, &mut [u8], usize) -> Option<usize>,
    ) -> Option<&Burst> {
        self.burst.clear();
        while let Some((path, range)) = self.control_datagrams.front().cloned() {
            if self.burst.is_full(range.len()) {
                return Some(&self.burst);
            }
            self.control_datagrams.pop_front();
            self.burst.push(path, range.len(), |room| {
                room.copy_from_slice(&self.control[range]);
                Some(room.len())
            });
        }
        self.control.clear();
        while let Some(&index) = self.pending.front() {
            let destination = &mut self.destinations[index as usize];
            let seal = |packet: &Packet, room: &mut [u8], len| {
                seal(ParticipantKey(index), packet.seal, room, len)
            };
            let waiting = destination.bytes;
            let is_done = destination.pack(&self.kept, &mut self.burst, seal);
            self.media_bytes -= waiting - destination.bytes;
            if !is_done {
                return Some(&self.burst);
            }
            self.pending.pop_front();
        }
        self.kept.clear();
        self.frame_open = false;
        (!self.burst.is_empty()).then_some(&self.burst)
    }

    /// Forgets what waits and keeps the memory.
    pub fn clear(&mut self) {
        for index in self.pending.drain(..) {
            self.destinations[index as usize].clear();
        }
        self.media_bytes = 0;
        self.kept.clear();
        self.frame_open = false;
        self.control.clear();
        self.control_datagrams.clear();
    }
}

impl Sink for Outbox {
    fn keep(&mut self, payload: &[u8]) -> Kept {
        let start = self.kept.len();
        self.kept.extend_from_slice(payload);
        Kept::new(start, payload.len())
    }

    fn frame(&mut self, ended: bool) {
        self.frame_open = !ended;
    }

    fn send_rtp(&mut self, to: ParticipantKey, packet: &Outgoing, write: impl FnOnce(&mut [u8])) {
        let len = packet.head + packet.payload.len();
        if let Some(destination) = self.room_at(to, len) {
            let head = destination.add_head(packet.head, write);
            destination.push_rtp(packet, head);
        }
    }

    fn send_rtcp(&mut self, to: ParticipantKey, compound: &[u8]) {
        if let Some(destination) = self.room_at(to, compound.len()) {
            let head = destination.add_head(compound.len(), |head| head.copy_from_slice(compound));
            destination.push_rtcp(compound.len(), head);
        }
    }
}

#[cfg(test)]
mod tests;
