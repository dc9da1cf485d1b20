//! The last half of a packet's way: which layer a Slot is sent, how its numbers
//! continue those of the source before, and how it is laid out.

mod emit;
mod history;
mod munge;
mod munge_vp8;
mod resend;
mod select;
mod slot;

use crate::ids::{ParticipantKey, SeqNo};

pub(crate) use emit::{Incoming, OutCodec};
pub(crate) use history::History;
pub(crate) use munge::SourceId;
pub(crate) use select::{Candidate, select};
pub(crate) use slot::{Forwarded, Slot};

/// Where egress writes. The implementation gives room in the destination's run
/// and seals in place, so that a packet is copied once between its store and the
/// socket.
pub trait Sink {
    /// Room for one RTP packet of exactly `len` plaintext bytes; after `write`
    /// has filled all of it, it is sealed under index `seq` and queued. A number is
    /// used again only for the very same bytes.
    fn send_rtp(
        &mut self,
        to: ParticipantKey,
        seq: SeqNo,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    );

    /// Seals and queues a plaintext RTCP packet or compound.
    fn send_rtcp(&mut self, to: ParticipantKey, compound: &[u8]);
}
