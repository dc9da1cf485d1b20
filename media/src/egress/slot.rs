//! One receive m-line of a Participant: a Subscription's place, whose sequence
//! outlives the Tracks that are shown on it.

use std::time::{Duration, Instant};

use super::Sink;
use super::emit::{Body, Incoming, OutCodec};
use super::munge::{Munger, SourceId};
use super::resend::ResendLimit;
use crate::control::{FrameSize, MediaKind, SlotRequest, SlotState, SlotTarget};
use crate::ids::{ParticipantKey, SeqNo};
use crate::ingress::CaptureClock;
use crate::negotiation::params::{Codec, SlotSection};
use crate::router::table::{EncodingIndex, ParticipantIndex, TrackIndex};
use crate::rtp::ntp::Ntp;
use crate::rtp::packet::HeaderFields;
use crate::rtp::rtcp::report::SenderInfo;

/// First sender reports come quickly, because without one a receiver can play
/// sound and picture only unsynchronised; later ones only follow drift.
const REPORT_SOON: Duration = Duration::from_secs(1);
const REPORT_LATER: Duration = Duration::from_secs(5);
const EARLY_REPORTS: u8 = 4;

/// What the client asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    pub(crate) target: SlotTarget,
    pub(crate) max_size: Option<FrameSize>,
    pub(crate) priority: u8,
}

/// What was sent on a Slot.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct SlotCounters {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Payload only, as sender reports count (RFC 3550 §6.4.1).
    pub(crate) octets: u64,
    pub(crate) retransmitted: u64,
    pub(crate) nacks: u64,
    pub(crate) switches: u64,
}

/// Pace and content of a Slot's sender reports.
#[derive(Debug, Clone, Copy, Default)]
struct Reports {
    due: Option<Instant>,
    sent: u8,
    /// The Slot's own media clock, as last reported.
    clock: Option<CaptureClock>,
}

/// See the module. In the order of C: a room of fifty has thousands of Slots, each of
/// which is touched once in some milliseconds and is out of the cache by then, so what
/// every packet needs is together and in front.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Slot {
    munger: Munger,
    pub(crate) counters: SlotCounters,
    pub(crate) key: ParticipantKey,
    pub(crate) owner: ParticipantIndex,
    /// Encoding that it should be sent; the one sent now goes on until the next
    /// keyframe of this.
    pub(crate) target: Option<EncodingIndex>,
    /// Bytes of extensions that every packet has room for, so that packets of equal
    /// payload leave in one run of equal datagrams.
    pub(super) extension_floor: usize,
    pub(crate) section: SlotSection,
    pub(crate) wish: Wish,
    /// As signaling was told last.
    pub(crate) state: SlotState,
    pub(crate) track: Option<TrackIndex>,
    /// Encoding that it would be sent if its publisher sent all.
    pub(crate) ideal: Option<EncodingIndex>,
    /// Kept back because the worker has too much to do.
    pub(crate) withheld: bool,
    repair: Repair,
    reports: Reports,
}

/// What may be sent once more, and as what.
#[derive(Debug)]
struct Repair {
    limit: ResendLimit,
    /// First number sent by the present offers, of this receiver and of who is shown. What
    /// was sent by others may have had other extensions, and under its own number would
    /// give one nonce to two texts.
    offered_at: SeqNo,
    rtx_seq: SeqNo,
}

impl Slot {
    /// `random` decides where the numbers begin (RFC 3550 §5.1).
    pub(crate) fn new(
        owner: ParticipantIndex,
        key: ParticipantKey,
        section: SlotSection,
        random: u64,
    ) -> Self {
        // Below 2^15, so that early losses cannot confuse the receiver's rollover
        // count (RFC 3711 §3.3.1).
        let first = |bits: u64| SeqNo(bits & 0x7fff | 1);
        Self {
            owner,
            key,
            wish: Wish::default(),
            state: SlotState::Empty,
            track: None,
            ideal: None,
            withheld: false,
            target: None,
            counters: SlotCounters::default(),
            extension_floor: extension_floor(&section),
            munger: Munger::new(first(random >> 48), random as u32),
            repair: Repair {
                limit: ResendLimit::default(),
                offered_at: SeqNo(0),
                rtx_seq: first(random >> 32),
            },
            reports: Reports::default(),
            section,
        }
    }

    /// What a new offer says of it; its numbers go on.
    pub(crate) fn renegotiate(&mut self, section: &SlotSection) {
        if self.section == *section {
            return;
        }
        self.reoffered();
        self.section = section.clone();
        self.extension_floor = extension_floor(section);
    }

    /// How packets are read or written has changed.
    pub(crate) fn reoffered(&mut self) {
        self.repair.offered_at = self.munger.next();
    }

    pub(crate) fn clock_rate(&self) -> u32 {
        match self.section.kind {
            MediaKind::Audio => Codec::Opus.clock_rate(),
            MediaKind::Video => Codec::Vp8.clock_rate(),
        }
    }

    pub(crate) fn set_wish(&mut self, request: &SlotRequest) {
        self.wish = Wish {
            target: request.target,
            max_size: request.max_size,
            priority: request.priority,
        };
    }

    pub(crate) fn source(&self) -> Option<SourceId> {
        self.munger.current()
    }

    pub(crate) fn encoding(&self) -> Option<EncodingIndex> {
        self.source().map(|source| source.encoding)
    }

    pub(crate) fn stop(&mut self) {
        self.munger.stop();
    }

    /// Whether it waits for a keyframe of its target.
    pub(crate) fn is_waiting(&self) -> bool {
        self.section.kind == MediaKind::Video
            && self.target.is_some()
            && self.target != self.encoding()
    }

    /// Reads of each cache line that forwarding will touch. Done for many Slots before
    /// any is forwarded to, the processor fetches them side by side.
    pub(crate) fn touch(&self) -> u64 {
        let codec = self
            .section
            .codecs
            .first()
            .map_or(0, |codec| codec.pt.get());
        self.munger.touch()
            ^ self.counters.octets
            ^ u64::from(self.section.ssrc.0)
            ^ u64::from(codec)
    }

    /// Sends `packet` if this Slot is to have it. Answers an Encoding that it is neither
    /// sent nor waits for any more, whose list it has to leave.
    pub(crate) fn forward(
        &mut self,
        packet: &Incoming<'_>,
        sink: &mut impl Sink,
    ) -> Option<EncodingIndex> {
        let out = OutCodec::find(&self.section.codecs, packet.codec)?;
        let mut left = None;
        if self.source() != Some(packet.source) {
            let encoding = packet.source.encoding;
            if self.encoding() == Some(encoding) {
                // The publisher started anew: what ran has ended, a keyframe is needed.
                self.munger.stop();
            }
            if self.target != Some(encoding) {
                return Some(encoding);
            }
            if !self.may_begin(packet) {
                return None;
            }
            left = self.encoding();
            self.begin(packet);
        }
        // Padding alone is a probe of the publisher's own path.
        if packet.payload.is_empty() && self.munger.skip(packet.source, packet.seq) {
            return left;
        }
        self.send(packet, &out, sink);
        left
    }

    fn may_begin(&self, packet: &Incoming<'_>) -> bool {
        match self.section.kind {
            MediaKind::Audio => !packet.payload.is_empty(),
            MediaKind::Video => packet.facts.keyframe,
        }
    }

    fn begin(&mut self, packet: &Incoming<'_>) {
        let rate = packet.codec.clock_rate();
        let ideal = self
            .reports
            .clock
            .zip(packet.clock)
            .map(|(ours, theirs)| ours.rtp_at(theirs.captured(packet.timestamp)));
        let timestamp = self.munger.next_timestamp(packet.now, ideal, rate);
        self.munger.begin(
            packet.source,
            packet.seq,
            (packet.timestamp, timestamp),
            &packet.facts,
        );
        self.counters.switches += 1;
        self.reports.due = Some(packet.now);
        self.reports.sent = 0;
    }

    fn send(&mut self, packet: &Incoming<'_>, out: &OutCodec, sink: &mut impl Sink) {
        let Some((seq, segment)) = self.munger.map(packet.source, packet.seq) else {
            return;
        };
        let Some(body) = Body::new(packet, out, &segment, None) else {
            return;
        };
        let header = HeaderFields {
            marker: packet.marker || self.begins_talk(segment.begins_with(packet.seq)),
            pt: out.pt,
            seq: seq.as_u16(),
            timestamp: segment.timestamp(packet.timestamp),
            ssrc: self.section.ssrc,
        };
        let timed = self.repairs_by_rtx(out);
        let frame_offset = segment.frame_offset();
        let len = self.emit(packet, (seq, &header), &body, (timed, frame_offset), sink);
        let vp8 = body.vp8;
        let frame = packet
            .facts
            .frame_number
            .map(|n| n.wrapping_add(frame_offset));
        self.munger
            .sent(packet.now, seq, header.timestamp, (vp8.as_ref(), frame));
        self.counters.packets += 1;
        self.counters.bytes += len as u64;
        self.counters.octets += packet.payload.len() as u64;
    }

    /// An audio source begins a talkspurt (RFC 3551 §4.1), where its receiver may
    /// fit its jitter buffer anew.
    fn begins_talk(&self, first: bool) -> bool {
        first && self.is_voice()
    }

    /// A packet that may be repeated under its own number must be the same to the
    /// byte, or its nonce would seal two texts; so it cannot say when it was sent.
    fn repairs_by_rtx(&self, out: &OutCodec) -> bool {
        self.section.rtx_ssrc.is_some() && out.rtx_pt.is_some()
    }

    /// Never repeated under its own number, whatever was negotiated: its padding is for
    /// what it leaves with, and it would come too late.
    pub(super) fn is_voice(&self) -> bool {
        self.section.kind == MediaKind::Audio
    }

    /// What a receiver who misses `seq` needs: a packet of this source.
    pub(crate) fn missed(&mut self, seq: u16) -> Option<(SourceId, SeqNo)> {
        self.counters.nacks += 1;
        let (source, origin, ..) = self.munger.origin(seq)?;
        Some((source, origin))
    }

    /// Whether number `wanted`, of `len` bytes, may be sent again now. It counts as
    /// sent then, so ask before what costs more than asking.
    pub(crate) fn may_resend(
        &mut self,
        now: Instant,
        rtt: Duration,
        wanted: u16,
        len: usize,
    ) -> bool {
        let Some((_, _, seq, _)) = self.munger.origin(wanted) else {
            return false;
        };
        self.repair.limit.allow(now, rtt, seq, len)
    }

    /// Sends `packet`, stored since it was received, again as number `wanted`, once
    /// [`Self::may_resend`] allows it.
    pub(crate) fn resend(&mut self, packet: &Incoming<'_>, wanted: u16, sink: &mut impl Sink) {
        let Some((source, origin, seq, segment)) = self.munger.origin(wanted) else {
            return;
        };
        let Some(out) = OutCodec::find(&self.section.codecs, packet.codec) else {
            return;
        };
        if (source, origin) != (packet.source, packet.seq) {
            return;
        }
        let rtx = self.section.rtx_ssrc.zip(out.rtx_pt);
        if rtx.is_none() && (self.is_voice() || seq < self.repair.offered_at) {
            return;
        }
        let original = rtx.map(|_| seq.as_u16());
        let Some(body) = Body::new(packet, &out, &segment, original) else {
            return;
        };
        let (number, ssrc, pt) = match rtx {
            Some((ssrc, pt)) => (self.repair.rtx_seq, ssrc, pt),
            None => (seq, self.section.ssrc, out.pt),
        };
        let header = HeaderFields {
            marker: packet.marker || self.begins_talk(segment.begins_with(packet.seq)),
            pt,
            seq: number.as_u16(),
            timestamp: segment.timestamp(packet.timestamp),
            ssrc,
        };
        let varied = (rtx.is_some(), segment.frame_offset());
        self.emit(packet, (number, &header), &body, varied, sink);
        if rtx.is_some() {
            self.repair.rtx_seq = SeqNo(self.repair.rtx_seq.0 + 1);
        }
        self.counters.retransmitted += 1;
    }

    /// The sender report that is due, with `clock` the media clock of its source.
    pub(crate) fn sender_report(
        &mut self,
        now: Instant,
        ntp: Ntp,
        clock: CaptureClock,
    ) -> Option<SenderInfo> {
        let segment = self.munger.running()?;
        if self.reports.due.is_none_or(|due| due > now) {
            return None;
        }
        let rtp = segment.timestamp(clock.rtp_at(ntp));
        self.reports.clock = Some(CaptureClock {
            at: ntp,
            rtp,
            rate: clock.rate,
        });
        let early = self.reports.sent < EARLY_REPORTS;
        self.reports.sent = self.reports.sent.saturating_add(1);
        // Spread by the SSRC, so that the Slots of a Call do not report at once.
        let spread = Duration::from_millis(u64::from(self.section.ssrc.0 % 500));
        let pause = if early {
            REPORT_SOON
        } else {
            REPORT_LATER + spread
        };
        self.reports.due = Some(now + pause);
        Some(SenderInfo {
            ntp: ntp.0,
            rtp,
            packets: self.counters.packets as u32,
            octets: self.counters.octets as u32,
        })
    }
}

fn extension_floor(section: &SlotSection) -> usize {
    let ids = &section.extensions;
    let sized = |id: Option<u8>, len: usize| id.map_or(0, |_| len + 1);
    let of_kind = match section.kind {
        MediaKind::Audio => sized(ids.audio_level, 1),
        MediaKind::Video => sized(ids.video_orientation, 1),
    };
    sized(ids.mid, section.mid.as_str().len()) + sized(ids.abs_send_time, 3) + of_kind
}
