//! The last half of a packet's way: which layer a Slot is sent, how its numbers
//! continue those of the source before, and how it is laid out.

mod emit;
mod history;
mod munge;
mod munge_vp8;
mod resend;
mod select;
mod slot;

use crate::control::MediaKind;
use crate::ids::{ParticipantKey, SeqNo};

pub(crate) use emit::{Incoming, OutCodec};
pub(crate) use history::History;
pub(crate) use munge::SourceId;
pub(crate) use select::{Candidate, select};
pub(crate) use slot::{Forwarded, Slot};

/// Which packets of a destination keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those of one picture after another: a gap is taken for a loss at once.
    Ordered,
    /// Single packets of many sources within one turn of the worker, which can leave
    /// in the order that makes the longest runs: voices and RTCP.
    Loose,
}

impl Lane {
    pub(crate) fn of(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Audio => Self::Loose,
            MediaKind::Video => Self::Ordered,
        }
    }
}

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
        lane: Lane,
        seq: SeqNo,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    );

    /// Seals and queues a plaintext RTCP packet or compound.
    fn send_rtcp(&mut self, to: ParticipantKey, compound: &[u8]);
}
