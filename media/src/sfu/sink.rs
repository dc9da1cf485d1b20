//! Where egress meets the wire: room in the destination's run, sealed in place.

use crate::egress::{Lane, Sink};
use crate::ids::{ParticipantKey, SeqNo};
use crate::outbox::Outbox;
use crate::transport::{RTCP_OVERHEAD, RTP_OVERHEAD};

use super::members::Members;

pub(super) struct SealingSink<'a> {
    members: &'a mut Members,
    outbox: &'a mut Outbox,
}

impl<'a> SealingSink<'a> {
    pub(super) fn new(members: &'a mut Members, outbox: &'a mut Outbox) -> Self {
        Self { members, outbox }
    }
}

impl Sink for SealingSink<'_> {
    fn send_rtp(
        &mut self,
        to: ParticipantKey,
        lane: Lane,
        seq: SeqNo,
        len: usize,
        write: impl FnOnce(&mut [u8]),
    ) {
        let Some(member) = self.members.get_mut(to) else {
            return;
        };
        self.outbox.push(to, lane, len + RTP_OVERHEAD, |room| {
            write(&mut room[..len]);
            member.transport.seal_rtp(seq, room, len).ok()
        });
    }

    fn send_rtcp(&mut self, to: ParticipantKey, compound: &[u8]) {
        let Some(member) = self.members.get_mut(to) else {
            return;
        };
        self.outbox
            .push(to, Lane::Loose, compound.len() + RTCP_OVERHEAD, |room| {
                room[..compound.len()].copy_from_slice(compound);
                member.transport.seal_rtcp(room, compound.len()).ok()
            });
    }
}
