//! What Participants report and ask for (RFC 3550 §6, RFC 4585).

use std::time::Instant;

use super::Router;
use super::table::{ParticipantIndex, SlotIndex};
use super::timer::Timer;
use crate::egress::Sink;
use crate::ids::{ParticipantKey, Ssrc};
use crate::ingress::Role;
use crate::limits::MAX_NACKED;
use crate::rtp::ntp::Ntp;
use crate::rtp::packet::Packet;
use crate::rtp::rtcp::report::{ReportBlocks, SenderInfo};
use crate::rtp::rtcp::{RtcpPacket, packets};

impl Router {
    /// A decrypted RTCP packet or compound of `key`.
    pub fn handle_rtcp(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        compound: &[u8],
        sink: &mut impl Sink,
    ) {
        let Some(sender) = self.index_of(key) else {
            return;
        };
        let mut nacked = MAX_NACKED;
        for packet in packets(compound).map_while(Result::ok) {
            match packet {
                RtcpPacket::SenderReport { ssrc, info, blocks } => {
                    self.sender_report(now, sender, ssrc, &info);
                    self.report_blocks(now, sender, blocks);
                }
                RtcpPacket::ReceiverReport { blocks } => self.report_blocks(now, sender, blocks),
                RtcpPacket::Nack { media, lost } => {
                    let lost = lost.take(nacked).inspect(|_| nacked -= 1);
                    self.nack(now, sender, media, lost, sink);
                }
                RtcpPacket::Pli { media } => self.keyframe_wanted(now, sender, media),
                RtcpPacket::Fir { entries } => {
                    for (media, _) in entries {
                        self.keyframe_wanted(now, sender, media);
                    }
                }
                // A stream that ends is told by signaling, or resumes.
                RtcpPacket::Bye { .. } | RtcpPacket::Other => {}
            }
        }
        if self.timers.expired(Timer::Keyframes, now) {
            self.request_keyframes(now, sink);
        }
    }

    fn sender_report(
        &mut self,
        now: Instant,
        sender: ParticipantIndex,
        ssrc: Ssrc,
        info: &SenderInfo,
    ) {
        let participant = &mut self.participants[sender];
        let Some((encoding, Role::Media)) = participant.demux.lookup(ssrc) else {
            return;
        };
        participant
            .clock
            .update(Ntp(info.ntp), self.clock.ntp_at(now));
        self.encodings[encoding].sender_report(now, Ntp(info.ntp), info.rtp);
    }

    fn report_blocks(&mut self, now: Instant, sender: ParticipantIndex, blocks: ReportBlocks<'_>) {
        let middle = self.clock.ntp_at(now).middle();
        for block in blocks {
            if block.last_sr != 0 && self.slot_by_ssrc(sender, block.ssrc).is_some() {
                self.participants[sender].round_trip(middle, block.last_sr, block.delay);
            }
        }
    }

    fn slot_by_ssrc(&self, owner: ParticipantIndex, ssrc: Ssrc) -> Option<SlotIndex> {
        let mut slots = self.participants[owner].slots.iter().copied();
        slots.find(|slot| self.slots[*slot].section.ssrc == ssrc)
    }

    fn nack(
        &mut self,
        now: Instant,
        sender: ParticipantIndex,
        media: Ssrc,
        lost: impl Iterator<Item = u16>,
        sink: &mut impl Sink,
    ) {
        let Some(index) = self.slot_by_ssrc(sender, media) else {
            return;
        };
        let rtt = self.participants[sender].rtt;
        if !self.participants[sender].connected {
            return;
        }
        for wanted in lost {
            let Some((source, seq)) = self.slots[index].missed(wanted) else {
                continue;
            };
            let stored = self
                .encodings
                .get(source.encoding)
                .filter(|e| e.epoch == source.epoch);
            let Some(encoding) = stored else { continue };
            let Some(stored) = encoding.history.get(seq) else {
                continue;
            };
            let track = &self.tracks[encoding.origin.track];
            // What was muted meanwhile is not sent any more, not even again.
            if track.muted || !self.slots[index].may_resend(now, rtt, wanted, stored.len()) {
                continue;
            }
            let Ok(view) = Packet::parse(stored) else {
                continue;
            };
            let Some((params, false)) = track.codec_of(view.pt()) else {
                continue;
            };
            let (codec, origin) = (params.codec, source.encoding);
            let extensions = self.extensions_of(origin, &view);
            let incoming = self.incoming(now, origin, (codec, seq), &view, extensions);
            self.slots[index].resend(&incoming.kept_by(sink), wanted, sink);
        }
    }

    fn keyframe_wanted(&mut self, now: Instant, sender: ParticipantIndex, media: Ssrc) {
        let Some(slot) = self.slot_by_ssrc(sender, media) else {
            return;
        };
        let slot = &self.slots[slot];
        let shown = slot.encoding().or(slot.target);
        if let Some(encoding) = shown.and_then(|shown| self.encodings.get_mut(shown)) {
            encoding.keyframes.want();
            self.timers.arm(Timer::Keyframes, now);
        }
    }
}
