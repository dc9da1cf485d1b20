//! A published Track: VP8 frames in bursts, Opus every 20 ms, with what a browser
//! does about NACK, PLI and reports.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use convoke_media::control::{MediaKind, Source};

use super::tag::Tag;
use super::wire::{self, Rtp, Vp8, ext};

/// Retransmission history of an Encoding, in packets: about two seconds.
const HISTORY: usize = 512;

/// A browser names mid and rid until it knows that they arrived.
const NAMED_PACKETS: u64 = 60;

pub struct Encoding {
    pub ssrc: u32,
    pub rtx_ssrc: u32,
    pub rid: Option<&'static str>,
    pub layer: u8,
    pub size: (u16, u16),
    /// Packets of a delta frame; a keyframe has twice as many.
    pub parts: u8,
    pub part_len: usize,
    /// Extended, so that its low half is on the wire.
    pub seq: u64,
    rtx_seq: u64,
    frame: Frame,
    pub keyframe_wanted: bool,
    pub active: bool,
    history: VecDeque<Rtp>,
    pub counted: Counted,
}

/// Numbers of the next frame.
struct Frame {
    number: u32,
    timestamp: u32,
    picture: u16,
    tl0: u8,
}

/// What an Encoding sent and was asked for.
#[derive(Default)]
pub struct Counted {
    packets: u32,
    octets: u32,
    pub keyframes: u32,
    pub keyframe_requests: u32,
    pub retransmitted: u32,
}

/// First sequence numbers and timestamps, for the wrap-around tests.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub seq: u16,
    pub timestamp: u32,
    pub picture: u16,
}

pub struct Publication {
    pub mid: String,
    pub source: Source,
    pub publisher: u32,
    pub pt: u8,
    pub rtx_pt: u8,
    pub encodings: Vec<Encoding>,
    pub level: u8,
    /// Stopped at the source: a browser's replaceTrack(null) or a closed camera.
    pub paused: bool,
    interval: Duration,
    next: Option<Instant>,
}

const LAYERS: [(&str, (u16, u16), u8, usize); 3] = [
    ("l", (320, 180), 1, 300),
    ("m", (640, 360), 2, 500),
    ("h", (1280, 720), 3, 900),
];

impl Publication {
    pub fn microphone(publisher: u32, mid: &str, ssrc: u32, start: Start) -> Self {
        let encoding = Encoding::new(ssrc, None, 0, (0, 0), 1, 80, start);
        Self::new(publisher, mid, Source::Microphone, vec![encoding])
    }

    pub fn camera(publisher: u32, mid: &str, ssrc: u32, start: Start) -> Self {
        let encodings = LAYERS
            .iter()
            .enumerate()
            .map(|(layer, (rid, size, parts, len))| {
                let ssrc = ssrc + 10 * layer as u32;
                Encoding::new(ssrc, Some(rid), layer as u8, *size, *parts, *len, start)
            });
        Self::new(publisher, mid, Source::Camera, encodings.collect())
    }

    pub fn screen(publisher: u32, mid: &str, ssrc: u32, start: Start) -> Self {
        let encoding = Encoding::new(ssrc, None, 0, (1920, 1080), 3, 900, start);
        Self::new(publisher, mid, Source::Screen, vec![encoding])
    }

    fn new(publisher: u32, mid: &str, source: Source, encodings: Vec<Encoding>) -> Self {
        let (pt, rtx_pt, interval) = match source.kind() {
            MediaKind::Audio => (111, 0, Duration::from_millis(20)),
            MediaKind::Video => (96, 97, Duration::from_nanos(33_333_333)),
        };
        Self {
            mid: mid.to_owned(),
            source,
            publisher,
            pt,
            rtx_pt,
            encodings,
            level: 40,
            paused: false,
            interval,
            next: None,
        }
    }

    pub fn start(&mut self, at: Instant) {
        self.next.get_or_insert(at);
    }

    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// The packets that are due now; `elapsed` is the capture time.
    pub fn produce(&mut self, now: Instant, elapsed: Duration, out: &mut Vec<Rtp>) {
        while let Some(at) = self.next.filter(|at| *at <= now) {
            self.next = Some(at + self.interval);
            if self.paused {
                self.skip();
                continue;
            }
            for index in 0..self.encodings.len() {
                if self.encodings[index].active {
                    self.produce_frame(index, elapsed, out);
                }
            }
        }
    }

    pub fn by_ssrc(&mut self, ssrc: u32) -> Option<&mut Encoding> {
        self.encodings.iter_mut().find(|e| e.ssrc == ssrc)
    }

    /// Answers a NACK: by RTX for video, by the packet itself for audio.
    pub fn retransmit(&mut self, ssrc: u32, lost: &[u16], out: &mut Vec<Rtp>) {
        let (mid, rtx_pt) = (self.mid.clone(), self.rtx_pt);
        let kind = self.source.kind();
        let Some(encoding) = self.by_ssrc(ssrc) else {
            return;
        };
        for seq in lost {
            let Some(sent) = encoding.history.iter().find(|p| p.seq == *seq).cloned() else {
                continue;
            };
            encoding.counted.retransmitted += 1;
            if kind == MediaKind::Audio {
                out.push(sent);
                continue;
            }
            let mut payload = sent.seq.to_be_bytes().to_vec();
            payload.extend_from_slice(&sent.payload);
            let mut extensions = vec![(ext::MID, mid.clone().into_bytes())];
            if let Some(rid) = encoding.rid {
                extensions.push((ext::REPAIRED_RID, rid.as_bytes().to_vec()));
            }
            encoding.rtx_seq += 1;
            out.push(Rtp {
                pt: rtx_pt,
                ssrc: encoding.rtx_ssrc,
                seq: encoding.rtx_seq as u16,
                extensions,
                payload,
                ..sent
            });
        }
    }

    /// Sender reports of what was sent so far.
    pub fn reports(&self, ntp: u64, since_frame: impl Fn(Instant) -> Duration) -> Vec<u8> {
        let mut compound = Vec::new();
        for encoding in self.encodings.iter().filter(|e| e.counted.packets > 0) {
            // The timestamp of this very moment, not of the last frame (RFC 3550
            // §6.4.1).
            let frame_at = self
                .next
                .map_or(Duration::ZERO, |n| since_frame(n - self.interval));
            let passed = frame_at.as_secs_f64() * f64::from(self.clock());
            let now = encoding
                .frame
                .timestamp
                .wrapping_sub(self.step())
                .wrapping_add(passed as u32);
            compound.extend(wire::sender_report(
                encoding.ssrc,
                ntp,
                now,
                encoding.counted.packets,
                encoding.counted.octets,
            ));
        }
        compound
    }

    fn clock(&self) -> u32 {
        match self.source.kind() {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        }
    }

    /// Timestamp units from one frame to the next.
    fn step(&self) -> u32 {
        match self.source.kind() {
            MediaKind::Audio => 960,
            MediaKind::Video => 3000,
        }
    }

    /// Time passes for a paused source as well.
    fn skip(&mut self) {
        let step = self.step();
        for encoding in &mut self.encodings {
            encoding.frame.timestamp = encoding.frame.timestamp.wrapping_add(step);
        }
    }

    fn produce_frame(&mut self, index: usize, elapsed: Duration, out: &mut Vec<Rtp>) {
        let (step, kind, pt) = (self.step(), self.source.kind(), self.pt);
        let (publisher, source) = (self.publisher, self.source);
        let mid = self.mid.clone().into_bytes();
        let level = self.level;
        let encoding = &mut self.encodings[index];
        let keyframe = kind == MediaKind::Video && std::mem::take(&mut encoding.keyframe_wanted);
        let parts = if keyframe {
            encoding.parts * 2
        } else {
            encoding.parts
        };
        encoding.counted.keyframes += u32::from(keyframe);
        for part in 0..parts {
            let tag = Tag {
                publisher,
                source,
                layer: encoding.layer,
                frame: encoding.frame.number,
                part,
                parts,
                keyframe,
                captured: elapsed.as_millis() as u32,
            };
            let mut extensions = Vec::new();
            if kind == MediaKind::Audio {
                extensions.push((ext::AUDIO_LEVEL, vec![level | 0x80]));
            }
            if u64::from(encoding.counted.packets) < NAMED_PACKETS {
                extensions.push((ext::MID, mid.clone()));
                extensions.extend(encoding.rid.map(|rid| (ext::RID, rid.as_bytes().to_vec())));
            }
            let packet = Rtp {
                marker: kind == MediaKind::Video && part + 1 == parts,
                pt,
                seq: encoding.seq as u16,
                timestamp: encoding.frame.timestamp,
                ssrc: encoding.ssrc,
                extensions,
                payload: encoding.payload(kind, &tag),
            };
            encoding.sent(&packet);
            out.push(packet);
        }
        encoding.frame.number += 1;
        encoding.frame.picture = (encoding.frame.picture + 1) & 0x7fff;
        encoding.frame.tl0 = encoding.frame.tl0.wrapping_add(1);
        encoding.frame.timestamp = encoding.frame.timestamp.wrapping_add(step);
    }
}

impl Encoding {
    fn new(
        ssrc: u32,
        rid: Option<&'static str>,
        layer: u8,
        size: (u16, u16),
        parts: u8,
        part_len: usize,
        start: Start,
    ) -> Self {
        Self {
            ssrc,
            rtx_ssrc: ssrc + 1,
            rid,
            layer,
            size,
            parts,
            part_len,
            seq: u64::from(start.seq),
            rtx_seq: u64::from(start.seq ^ 0x5a5a),
            frame: Frame {
                number: 0,
                timestamp: start.timestamp,
                picture: start.picture & 0x7fff,
                tl0: 0,
            },
            keyframe_wanted: true,
            active: true,
            history: VecDeque::new(),
            counted: Counted::default(),
        }
    }

    fn payload(&self, kind: MediaKind, tag: &Tag) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.part_len);
        if kind == MediaKind::Video {
            let descriptor = Vp8 {
                start: tag.part == 0,
                picture_id: self.frame.picture,
                tl0: self.frame.tl0,
            };
            payload.extend_from_slice(&descriptor.encode());
            if tag.part == 0 {
                payload.extend(wire::vp8_frame_header(tag.keyframe.then_some(self.size)));
            }
        }
        payload.extend_from_slice(&tag.encode());
        // A frame's packets are of equal size, except for the last.
        let len = if tag.part + 1 == tag.parts {
            self.part_len - 40
        } else {
            self.part_len
        };
        payload.resize(len.max(payload.len()), tag.part);
        payload
    }

    fn sent(&mut self, packet: &Rtp) {
        self.seq += 1;
        self.counted.packets += 1;
        self.counted.octets += packet.payload.len() as u32;
        self.history.push_back(packet.clone());
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }
}

impl Encoding {
    /// SRTP packet index of a packet of this Encoding, media or RTX.
    pub fn index_of(&self, ssrc: u32, seq: u16) -> Option<convoke_media::ids::SeqNo> {
        let latest = match ssrc {
            _ if ssrc == self.ssrc => self.seq,
            _ if ssrc == self.rtx_ssrc => self.rtx_seq,
            _ => return None,
        };
        Some(convoke_media::ids::SeqNo(latest).nearest(seq))
    }
}
