//! A published source: frames in bursts or Opus each 20 ms, and what a browser does
//! about NACK, PLI and reports.

use std::collections::VecDeque;
use std::time::Duration;

use convoke_media::control::Source;
use convoke_media::ids::{SeqNo, Ssrc};
use convoke_media::rtp::ext::ExtensionBlock;
use convoke_media::rtp::rtcp::RtcpWriter;
use convoke_media::rtp::rtcp::report::SenderInfo;

use crate::clock::Nanos;
use crate::net::SendBatch;
use crate::shape::{Descriptor, FrameShape, MAX_DESCRIPTOR, Payload, Talk, Video};

use super::link::{Header, Link, PacketExtensions};
use super::stamp::Stamp;
use super::tally::{LayerId, Tally};

/// Packets that can be repeated: a second of 1000 a second.
const HISTORY: usize = 1024;

/// Largest RTP packet, as browsers have it.
pub(crate) const PACKET_BYTES: usize = 1_200;

/// A sender that is this late gives up what it could not send in time.
const MAX_LATE: Duration = Duration::from_millis(500);
const OPUS_FRAME: Duration = Duration::from_millis(20);

/// What makes the payloads of an Encoding.
#[derive(Debug)]
pub(crate) enum Producer {
    Video(Box<Video>),
    Talk(Box<Talk>),
}

/// Ids of header extensions and payload types, as the other side answered them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) pt: u8,
    pub(crate) rtx_pt: Option<u8>,
    pub(crate) mid: Option<u8>,
    pub(crate) rid: Option<u8>,
    pub(crate) repaired_rid: Option<u8>,
    pub(crate) audio_level: Option<u8>,
    pub(crate) dependency_descriptor: Option<u8>,
    pub(crate) packet: PacketExtensions,
}

/// One RTP stream.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) ssrc: Ssrc,
    pub(crate) rtx_ssrc: Ssrc,
    pub(crate) rid: Option<String>,
    pub(crate) layer: LayerId,
    pub(crate) producer: Producer,
    pub(crate) seq: SeqNo,
    pub(crate) rtx_seq: SeqNo,
    pub(crate) timestamp: u32,
    pub(crate) keyframe_wanted: bool,
    /// Mid and rid go with every packet until a report says that they arrived.
    pub(crate) named: bool,
    /// The server takes it.
    pub(crate) active: bool,
    /// Somebody is shown it, as far as the server has told.
    pub(crate) wanted: bool,
    sent: Sent,
    history: VecDeque<Kept>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    packets: u32,
    octets: u32,
    at: Nanos,
    timestamp: u32,
}

/// A packet that may be asked for again.
#[derive(Debug, Clone, Copy)]
struct Kept {
    seq: SeqNo,
    timestamp: u32,
    marker: bool,
    level: Option<u8>,
    descriptor: Descriptor,
    payload: Payload,
}

#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) mid: String,
    pub(crate) source: Source,
    pub(crate) publisher: u32,
    pub(crate) numbers: Numbers,
    pub(crate) encodings: Vec<Encoding>,
    pub(crate) packet_bytes: usize,
    interval: Duration,
    next: Option<Nanos>,
}

/// Where packets go.
pub(crate) struct Out<'a> {
    pub(crate) link: &'a mut Link,
    pub(crate) batch: &'a mut SendBatch,
    pub(crate) tally: &'a mut Tally,
    /// Whether the measured window is open.
    pub(crate) counting: bool,
    pub(crate) now: Nanos,
}

impl std::fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Encoding {
    pub(crate) fn new(ssrc: u32, rid: Option<String>, layer: LayerId, producer: Producer) -> Self {
        Self {
            ssrc: Ssrc(ssrc),
            rtx_ssrc: Ssrc(ssrc.wrapping_add(1)),
            rid,
            layer,
            producer,
            // Rollover count zero, and a while before the first (RFC 3711 §3.3.1).
            seq: SeqNo(u64::from(ssrc % 0x7fff)),
            rtx_seq: SeqNo(u64::from(ssrc.rotate_left(7) % 0x7fff)),
            timestamp: ssrc.rotate_left(13),
            keyframe_wanted: true,
            named: true,
            active: true,
            wanted: true,
            sent: Sent::default(),
            history: VecDeque::new(),
        }
    }

    fn clock(&self) -> u32 {
        match &self.producer {
            Producer::Video(_) => 90_000,
            Producer::Talk(_) => 48_000,
        }
    }

    fn keep(&mut self, kept: Kept) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(kept);
    }

    fn kept(&self, seq: u16) -> Option<Kept> {
        let newest = self.history.back()?.seq;
        let back = newest.0.checked_sub(newest.nearest(seq).0)? as usize;
        let at = self.history.len().checked_sub(back + 1)?;
        self.history.get(at).copied()
    }
}

impl Publication {
    pub(crate) fn new(
        mid: String,
        source: Source,
        publisher: u32,
        encodings: Vec<Encoding>,
    ) -> Self {
        let interval = match encodings.first().map(|encoding| &encoding.producer) {
            Some(Producer::Video(video)) => Duration::from_secs_f64(1.0 / video.shape.fps),
            _ => OPUS_FRAME,
        };
        Self {
            mid,
            source,
            publisher,
            numbers: Numbers::default(),
            encodings,
            packet_bytes: PACKET_BYTES,
            interval,
            next: None,
        }
    }

    pub(crate) fn start(&mut self, at: Nanos) {
        self.next.get_or_insert(at);
    }

    pub(crate) const fn next(&self) -> Option<Nanos> {
        self.next
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// Of the steady mode; nothing to one that follows a bit rate.
    pub(crate) fn set_packets_per_second(&mut self, rate: f64) {
        for encoding in &mut self.encodings {
            if let Producer::Video(video) = &mut encoding.producer
                && let FrameShape::Packets { per_second } = &mut video.shape.frames
            {
                *per_second = rate;
            }
        }
    }

    /// Sends the layers that have one of these rids, from a keyframe on if they were not
    /// sent before; what has no rid is always sent.
    pub(crate) fn set_layers(&mut self, wanted: &[String]) {
        for encoding in &mut self.encodings {
            let Some(rid) = &encoding.rid else {
                continue;
            };
            let is_wanted = wanted.contains(rid);
            encoding.keyframe_wanted |= is_wanted && !encoding.wanted;
            encoding.wanted = is_wanted;
        }
    }

    /// Sends what is due.
    pub(crate) fn produce(&mut self, out: &mut Out<'_>) {
        while let Some(at) = self.next.filter(|at| *at <= out.now) {
            self.next = Some(if out.now.since(at) > MAX_LATE {
                out.now
            } else {
                at.after(self.interval)
            });
            for index in 0..self.encodings.len() {
                if self.encodings[index].active && self.encodings[index].wanted {
                    self.produce_frame(index, out);
                }
                let encoding = &mut self.encodings[index];
                let ticks = self.interval.as_secs_f64() * f64::from(encoding.clock());
                encoding.timestamp = encoding.timestamp.wrapping_add(ticks.round() as u32);
            }
        }
    }

    fn produce_frame(&mut self, index: usize, out: &mut Out<'_>) {
        let room = self.payload_room(index);
        let encoding = &mut self.encodings[index];
        let stamp = Stamp {
            sent: out.now,
            publisher: self.publisher,
            layer: encoding.layer,
        };
        let mut packets: Vec<Kept> = Vec::new();
        let (seq, timestamp) = (encoding.seq, encoding.timestamp);
        let kept = |n: usize, payload| Kept {
            seq: SeqNo(seq.0 + n as u64),
            timestamp,
            marker: false,
            level: None,
            descriptor: Descriptor::default(),
            payload,
        };
        match &mut encoding.producer {
            Producer::Video(video) => {
                let keyframe = std::mem::take(&mut encoding.keyframe_wanted);
                let parts = video.next_frame(keyframe, room).enumerate();
                packets.extend(parts.map(|(n, (head, descriptor, len))| Kept {
                    descriptor,
                    ..kept(n, Payload::new(head, len, stamp))
                }));
                // A steady rate below the frame rate has nothing to send this time.
                encoding.keyframe_wanted |= keyframe && packets.is_empty();
                if let Some(last) = packets.last_mut() {
                    last.marker = true;
                }
            }
            Producer::Talk(talk) => packets.extend(talk.next(out.now).map(|said| Kept {
                marker: said.marker,
                level: Some(said.level | u8::from(said.voice) << 7),
                ..kept(0, Payload::new(Default::default(), said.len, stamp))
            })),
        }
        encoding.seq = SeqNo(seq.0 + packets.len() as u64);
        for packet in packets {
            self.send(index, packet, out);
        }
    }

    /// What of a packet's bytes is left to the payload.
    fn payload_room(&self, index: usize) -> usize {
        let encoding = &self.encodings[index];
        let mut block = ExtensionBlock::default();
        self.name(encoding, &mut block, false);
        if let Producer::Video(_) = encoding.producer {
            let id = self.numbers.dependency_descriptor;
            block.push(id, &[0; MAX_DESCRIPTOR]);
        }
        block.push(self.numbers.packet.transport_cc, &[0; 2]);
        block.push(self.numbers.packet.abs_send_time, &[0; 3]);
        self.packet_bytes.saturating_sub(12 + block.size(0)).max(64)
    }

    fn describe<'a>(&self, packet: &'a Kept, block: &mut ExtensionBlock<'a>) {
        let descriptor = packet.descriptor.bytes();
        if !descriptor.is_empty() {
            block.push(self.numbers.dependency_descriptor, descriptor);
        }
    }

    fn name<'a>(&'a self, encoding: &'a Encoding, block: &mut ExtensionBlock<'a>, repair: bool) {
        let names = encoding.named || repair;
        if !names {
            return;
        }
        block.push(self.numbers.mid, self.mid.as_bytes());
        if let Some(rid) = &encoding.rid {
            let id = if repair {
                self.numbers.repaired_rid
            } else {
                self.numbers.rid
            };
            block.push(id, rid.as_bytes());
        }
    }

    fn send(&mut self, index: usize, packet: Kept, out: &mut Out<'_>) {
        let encoding = &self.encodings[index];
        let header = Header {
            marker: packet.marker,
            pt: self.numbers.pt,
            seq: packet.seq,
            timestamp: packet.timestamp,
            ssrc: encoding.ssrc,
        };
        let mut block = ExtensionBlock::default();
        let level = packet.level.map(|level| [level]);
        if let Some(level) = &level {
            block.push(self.numbers.audio_level, level);
        }
        self.describe(&packet, &mut block);
        self.name(encoding, &mut block, false);
        let named = (block, self.numbers.packet, out.now);
        let payload = &packet.payload;
        out.link
            .send_rtp(out.batch, header, named, payload.len(), |room| {
                payload.write(room)
            });
        out.tally.published += u64::from(out.counting);
        let encoding = &mut self.encodings[index];
        encoding.sent.packets = encoding.sent.packets.wrapping_add(1);
        encoding.sent.octets = encoding.sent.octets.wrapping_add(payload.len() as u32);
        encoding.sent.at = out.now;
        encoding.sent.timestamp = packet.timestamp;
        encoding.keep(packet);
    }

    pub(crate) fn by_ssrc(&mut self, ssrc: Ssrc) -> Option<&mut Encoding> {
        self.encodings.iter_mut().find(|e| e.ssrc == ssrc)
    }

    /// Answers a NACK: by RTX (RFC 4588 §4), or else by the packet itself.
    pub(crate) fn repeat(
        &mut self,
        ssrc: Ssrc,
        lost: impl Iterator<Item = u16>,
        out: &mut Out<'_>,
    ) {
        let Some(index) = self.encodings.iter().position(|e| e.ssrc == ssrc) else {
            return;
        };
        for seq in lost {
            let Some(packet) = self.encodings[index].kept(seq) else {
                continue;
            };
            let encoding = &mut self.encodings[index];
            let (pt, stream, seq, prefix) = match self.numbers.rtx_pt {
                Some(pt) => {
                    encoding.rtx_seq = SeqNo(encoding.rtx_seq.0 + 1);
                    (pt, encoding.rtx_ssrc, encoding.rtx_seq, 2)
                }
                None => (self.numbers.pt, encoding.ssrc, packet.seq, 0),
            };
            let header = Header {
                marker: packet.marker,
                pt,
                seq,
                timestamp: packet.timestamp,
                ssrc: stream,
            };
            let mut block = ExtensionBlock::default();
            self.describe(&packet, &mut block);
            self.name(&self.encodings[index], &mut block, prefix > 0);
            let named = (block, self.numbers.packet, out.now);
            let len = prefix + packet.payload.len();
            out.link.send_rtp(out.batch, header, named, len, |room| {
                room[..prefix].copy_from_slice(&packet.seq.as_u16().to_be_bytes()[..prefix]);
                packet.payload.write(&mut room[prefix..]);
            });
        }
    }

    /// Sender reports of what was sent so far, with the timestamp of now and not of
    /// the last frame (RFC 3550 §6.4.1).
    pub(crate) fn report(&self, ntp: u64, now: Nanos, compound: &mut RtcpWriter) {
        for encoding in self.encodings.iter().filter(|e| e.sent.packets > 0) {
            let passed = now.since(encoding.sent.at).as_secs_f64() * f64::from(encoding.clock());
            let info = SenderInfo {
                ntp,
                rtp: encoding.sent.timestamp.wrapping_add(passed as u32),
                packets: encoding.sent.packets,
                octets: encoding.sent.octets,
            };
            compound.sender_report(encoding.ssrc, &info);
        }
    }
}
