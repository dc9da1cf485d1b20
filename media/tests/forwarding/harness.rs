//! A Router driven by hand: synthetic Participants, virtual time, and a sink that
//! keeps what would have been sent.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses its part; what a test makes itself is well-formed"
)]

use std::time::{Duration, Instant};

use convoke_media::control::{
    Event, FrameSize, MediaKind, SlotAssignment, SlotRequest, SlotTarget, Source, TrackId,
};
use convoke_media::egress::{Kept, Outgoing, Sink};
use convoke_media::ids::{Mid, ParticipantId, ParticipantKey, Pt, Rid, RouterId, SeqNo, Ssrc};
use convoke_media::negotiation::params::{
    Codec, CodecParams, EncodingParams, ExtensionIds, Fingerprint, FingerprintHash, Negotiated,
    PublishSection, SlotSection, TransportParams,
};
use convoke_media::router::{ClockAnchor, ForwardingConfig, Router};
use convoke_media::rtp::packet::{HeaderFields, Packet};

pub(crate) const OPUS: u8 = 111;
pub(crate) const RED: u8 = 63;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RTX: u8 = 97;
pub(crate) const H264: u8 = 102;
pub(crate) const MID_EXT: u8 = 1;
pub(crate) const LEVEL_EXT: u8 = 2;
pub(crate) const RID_EXT: u8 = 3;
pub(crate) const REPAIRED_EXT: u8 = 4;
pub(crate) const TWCC_EXT: u8 = 5;
pub(crate) const DESCRIPTOR_EXT: u8 = 6;

pub(crate) struct Sent {
    pub(crate) to: ParticipantKey,
    pub(crate) seq: SeqNo,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn view(&self) -> Packet<'_> {
        Packet::parse(&self.bytes).unwrap()
    }
}

#[derive(Default)]
pub(crate) struct Capture {
    pub(crate) rtp: Vec<Sent>,
    pub(crate) rtcp: Vec<(ParticipantKey, Vec<u8>)>,
    kept: Vec<u8>,
}

impl Sink for Capture {
    fn keep(&mut self, payload: &[u8]) -> Kept {
        let start = self.kept.len();
        self.kept.extend_from_slice(payload);
        Kept::new(start, payload.len())
    }

    fn send_rtp(&mut self, to: ParticipantKey, packet: &Outgoing, write: impl FnOnce(&mut [u8])) {
        let mut bytes = vec![0xee; packet.head];
        write(&mut bytes);
        bytes.extend_from_slice(&self.kept[packet.payload.range()]);
        let seq = packet.seq;
        self.rtp.push(Sent { to, seq, bytes });
    }

    fn send_rtcp(&mut self, to: ParticipantKey, compound: &[u8]) {
        self.rtcp.push((to, compound.to_vec()));
    }
}

pub(crate) fn mid(text: &str) -> Mid {
    Mid::try_from(text).unwrap()
}

pub(crate) fn key(n: u32) -> ParticipantKey {
    ParticipantKey(n)
}

pub(crate) fn track(n: u32, source: Source) -> TrackId {
    TrackId {
        participant: ParticipantId(u128::from(n)),
        source,
    }
}

pub(crate) fn codec(codec: Codec, pt: u8, rtx: Option<u8>) -> CodecParams {
    CodecParams {
        codec,
        pt: Pt::new(pt).unwrap(),
        rtx_pt: rtx.and_then(Pt::new),
        nack: codec.kind() == MediaKind::Video,
        pli: codec.kind() == MediaKind::Video,
    }
}

pub(crate) fn vp8() -> CodecParams {
    codec(Codec::Vp8, VP8, Some(VP8_RTX))
}

pub(crate) fn opus() -> CodecParams {
    codec(Codec::Opus, OPUS, None)
}

pub(crate) fn red(pt: u8, opus: u8) -> CodecParams {
    let opus = Pt::new(opus).unwrap();
    codec(Codec::Red { opus }, pt, None)
}

pub(crate) fn h264() -> CodecParams {
    let h264 = Codec::H264 {
        profile: [0x42, 0xe0, 0x1f],
        packetization_mode: 1,
    };
    codec(h264, H264, None)
}

fn extensions() -> ExtensionIds {
    ExtensionIds {
        mid: Some(MID_EXT),
        audio_level: Some(LEVEL_EXT),
        rid: Some(RID_EXT),
        repaired_rid: Some(REPAIRED_EXT),
        transport_cc: Some(TWCC_EXT),
        dependency_descriptor: Some(DESCRIPTOR_EXT),
        ..ExtensionIds::default()
    }
}

/// SSRCs by convention: 1000 per Participant, 10 per mid.
pub(crate) fn ssrc(participant: u32, mid: u32) -> Ssrc {
    Ssrc(participant * 1000 + mid * 10)
}

pub(crate) fn slot_ssrc(participant: u32, mid: u32) -> Ssrc {
    Ssrc(900_000 + participant * 1000 + mid * 10)
}

/// An accepted offer in the making.
#[derive(Clone)]
pub(crate) struct Offer {
    participant: u32,
    pub(crate) negotiated: Negotiated,
}

impl Offer {
    pub(crate) fn of(participant: u32) -> Self {
        Self {
            participant,
            negotiated: Negotiated {
                transport: TransportParams {
                    remote_ufrag: "u".into(),
                    remote_pwd: "p".into(),
                    fingerprint: Fingerprint {
                        hash: FingerprintHash::Sha256,
                        bytes: vec![0; 32],
                    },
                },
                published: Vec::new(),
                slots: Vec::new(),
            },
        }
    }

    /// A section with signalled SSRCs: `ssrc(p, mid)`, and one more for its RTX.
    pub(crate) fn publish(mut self, at: u32, source: Source, codecs: &[CodecParams]) -> Self {
        let ssrc = ssrc(self.participant, at);
        let rtx = codecs.iter().any(|codec| codec.rtx_pt.is_some());
        self.negotiated.published.push(PublishSection {
            mid: mid(&at.to_string()),
            source,
            active: true,
            codecs: codecs.iter().copied().collect(),
            extensions: extensions(),
            encodings: [EncodingParams {
                rid: None,
                ssrc: Some(ssrc),
                rtx_ssrc: rtx.then_some(Ssrc(ssrc.0 + 1)),
            }]
            .into_iter()
            .collect(),
        });
        self
    }

    /// A simulcast section whose SSRCs are learned.
    pub(crate) fn simulcast(mut self, at: u32, source: Source, rids: &[&str]) -> Self {
        self.negotiated.published.push(PublishSection {
            mid: mid(&at.to_string()),
            source,
            active: true,
            codecs: [vp8()].into_iter().collect(),
            extensions: extensions(),
            encodings: rids
                .iter()
                .map(|rid| EncodingParams {
                    rid: Some(Rid::try_from(*rid).unwrap()),
                    ssrc: None,
                    rtx_ssrc: None,
                })
                .collect(),
        });
        self
    }

    pub(crate) fn slot(mut self, at: u32, kind: MediaKind, codecs: &[CodecParams]) -> Self {
        let ssrc = slot_ssrc(self.participant, at);
        let rtx = codecs.iter().any(|codec| codec.rtx_pt.is_some());
        self.negotiated.slots.push(SlotSection {
            mid: mid(&at.to_string()),
            kind,
            active: true,
            codecs: codecs.iter().copied().collect(),
            extensions: ExtensionIds {
                mid: Some(9),
                audio_level: Some(10),
                dependency_descriptor: Some(11),
                ..ExtensionIds::default()
            },
            ssrc,
            rtx_ssrc: rtx.then_some(Ssrc(ssrc.0 + 1)),
        });
        self
    }
}

/// A packet in the making.
#[derive(Clone)]
pub(crate) struct Rtp {
    pub(crate) ssrc: Ssrc,
    pub(crate) pt: u8,
    pub(crate) seq: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) extensions: Vec<(u8, Vec<u8>)>,
    pub(crate) payload: Vec<u8>,
}

impl Rtp {
    pub(crate) fn new(ssrc: Ssrc, pt: u8, seq: u16, timestamp: u32, payload: &[u8]) -> Self {
        Self {
            ssrc,
            pt,
            seq,
            timestamp,
            marker: false,
            extensions: Vec::new(),
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn with(mut self, id: u8, value: &[u8]) -> Self {
        self.extensions.push((id, value.to_vec()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        let header = HeaderFields {
            marker: self.marker,
            pt: Pt::new(self.pt).unwrap(),
            seq: self.seq,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        header.write(&mut bytes, !self.extensions.is_empty());
        if !self.extensions.is_empty() {
            let mut block = Vec::new();
            for (id, value) in &self.extensions {
                block.push(id << 4 | (value.len() - 1) as u8);
                block.extend(value);
            }
            block.resize(block.len().next_multiple_of(4), 0);
            bytes.extend([0xbe, 0xde, 0, (block.len() / 4) as u8]);
            bytes.extend(block);
        }
        bytes.extend(&self.payload);
        bytes
    }
}

/// VP8 payload with a 15-bit picture id and TL0PICIDX; a keyframe tells its size.
pub(crate) fn vp8_payload(keyframe: bool, picture_id: u16, size: (u16, u16)) -> Vec<u8> {
    let mut payload = vec![
        0x90,
        0xc0,
        0x80 | (picture_id >> 8) as u8,
        picture_id as u8,
        picture_id as u8,
    ];
    if keyframe {
        payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a]);
        payload.extend(size.0.to_le_bytes());
        payload.extend(size.1.to_le_bytes());
    } else {
        payload.push(0x11);
    }
    payload.extend([0x55; 500]);
    payload
}

pub(crate) struct Call {
    pub(crate) router: Router,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) sink: Capture,
}

impl Call {
    #[expect(clippy::disallowed_methods, reason = "the origin of virtual time")]
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let anchor = ClockAnchor {
            instant: start,
            ntp: 1000 << 32,
        };
        Self {
            router: Router::new(RouterId(1), ForwardingConfig::default(), anchor, 7),
            start,
            now: start,
            sink: Capture::default(),
        }
    }

    pub(crate) fn join(&mut self, offer: &Offer) {
        let n = offer.participant;
        self.router
            .add_participant(self.now, key(n), ParticipantId(u128::from(n)));
        self.router.apply(self.now, key(n), &offer.negotiated);
        self.router.set_connected(self.now, key(n), true);
    }

    /// Lets time pass, firing the timers on the way.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.router.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.router.handle_timeout(self.now, &mut self.sink);
        }
        self.now = end;
    }

    pub(crate) fn send(&mut self, from: u32, packet: &Rtp) {
        let mut bytes = packet.bytes();
        self.router
            .handle_rtp(self.now, key(from), &mut bytes, &mut self.sink);
    }

    pub(crate) fn send_rtcp(&mut self, from: u32, bytes: &[u8]) {
        self.router
            .handle_rtcp(self.now, key(from), bytes, &mut self.sink);
    }

    pub(crate) fn take_rtp(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sink.rtp)
    }

    pub(crate) fn take_rtcp(&mut self) -> Vec<(ParticipantKey, Vec<u8>)> {
        std::mem::take(&mut self.sink.rtcp)
    }

    pub(crate) fn request(
        &mut self,
        who: u32,
        slot: u32,
        target: SlotTarget,
        max: Option<(u16, u16)>,
    ) {
        let request = SlotRequest {
            mid: mid(&slot.to_string()),
            target,
            max_size: max.map(|(width, height)| FrameSize { width, height }),
            priority: 0,
        };
        self.router
            .set_slots(self.now, key(who), &[request])
            .unwrap();
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.router.poll_event()).collect()
    }

    /// Slot changes told to `who` since the last look.
    pub(crate) fn changes(&mut self, who: u32) -> Vec<SlotAssignment> {
        let told = self.events().into_iter().filter_map(|event| match event {
            Event::Slots {
                participant,
                assignments,
            } if participant == ParticipantId(u128::from(who)) => Some(assignments),
            _ => None,
        });
        told.flatten().collect()
    }
}

/// RTCP packets of `kind` (packet type, count) among `sent` to `to`.
pub(crate) fn rtcp_of(sent: &[(ParticipantKey, Vec<u8>)], to: u32, kind: (u8, u8)) -> usize {
    let to_whom = sent.iter().filter(|(key, _)| key.0 == to);
    let matches = |bytes: &[u8]| (bytes[1], bytes[0] & 0x1f) == kind;
    to_whom.filter(|(_, bytes)| matches(bytes)).count()
}

pub(crate) const PLI: (u8, u8) = (206, 1);
pub(crate) const NACK: (u8, u8) = (205, 1);
pub(crate) const TWCC: (u8, u8) = (205, 15);
