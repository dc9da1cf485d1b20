//! The last half of a packet's way: which layer a Slot is sent, how its numbers
//! continue those of the source before, and how it is laid out.

mod emit;
mod history;
mod munge;
mod munge_vp8;
mod resend;
mod select;
mod slot;

use std::ops::Range;

use crate::ids::{ParticipantKey, SeqNo, Ssrc};

pub(crate) use emit::{Incoming, OutCodec};
pub(crate) use history::History;
pub(crate) use munge::SourceId;
pub(crate) use select::{Candidate, select, smallest};
pub(crate) use slot::Slot;

/// A payload, or the rest of one, that a [`Sink`] has taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    start: u32,
    len: u16,
}

impl Kept {
    /// `len` bytes of a received packet, so fewer than 2^16.
    pub fn new(start: usize, len: usize) -> Self {
        Self {
            start: start as u32,
            len: len as u16,
        }
    }

    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len()
    }

    /// Without its first `bytes`.
    pub(crate) fn skip(self, bytes: usize) -> Self {
        let bytes = bytes.min(self.len());
        Self::new(self.start as usize + bytes, self.len() - bytes)
    }
}

/// An RTP packet to send: a head that is written for it, and a payload that it may
/// share with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// Packets of one keep their order: a gap is taken for a loss at once.
    pub ssrc: Ssrc,
    /// A number is used again only for the very same bytes: its nonce would seal two
    /// texts.
    pub seq: SeqNo,
    /// Length of the header, its extensions, and what of the payload is rewritten.
    pub head: usize,
    pub payload: Kept,
    /// Most bytes of padding that it may get to be as long as what it is sent with; 0
    /// if it may be sent again, for then it must be the same.
    pub stretch: u8,
}

/// Where egress writes. The implementation lays packets out, pads and seals them when
/// they leave, so that a payload is copied once for each of its packets, to where the
/// system call takes it from.
pub trait Sink {
    /// Takes in a payload for the packets that will carry it.
    fn keep(&mut self, payload: &[u8]) -> Kept;

    /// A packet of a picture goes out, and its frame `ended` with it or goes on with the
    /// packets that come next.
    fn frame(&mut self, _ended: bool) {}

    /// Queues one RTP packet; `write` fills its head, all of it.
    fn send_rtp(&mut self, to: ParticipantKey, packet: &Outgoing, write: impl FnOnce(&mut [u8]));

    /// Queues a plaintext RTCP packet or compound.
    fn send_rtcp(&mut self, to: ParticipantKey, compound: &[u8]);
}
