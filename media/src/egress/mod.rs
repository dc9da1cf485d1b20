//! The last half of a packet's way: what leaves towards a Participant, and how.

use crate::ids::{ParticipantKey, SeqNo};

/// Where egress writes. The implementation gives room in the destination's run
/// and seals in place, so that a packet is copied once between its store and the
/// socket.
pub trait Sink {
    /// Room for one RTP packet of exactly `len` plaintext bytes; after `write`
    /// has filled all of it, it is sealed under index `seq` and queued.
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
