//! Lays out an outgoing packet: fixed header, a block of extensions under the
//! receiver's ids, and the payload with what had to be rewritten in it.

use std::time::Instant;

use super::munge::{Segment, SourceId};
use super::{Kept, Outgoing, Sink, slot::Slot};
use crate::ids::{Pt, SeqNo};
use crate::ingress::CaptureClock;
use crate::negotiation::params::{Codec, CodecParams};
use crate::rtp::codec::vp8::{Descriptor, MAX_DESCRIPTOR};
use crate::rtp::codec::{Facts, descriptor, red};
use crate::rtp::ext::{ExtensionBlock, Extensions};
use crate::rtp::packet::{FIXED_HEADER, HeaderFields};

/// A received packet as egress sees it, read once for all Slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) now: Instant,
    pub(crate) source: SourceId,
    pub(crate) seq: SeqNo,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) codec: Codec,
    pub(crate) payload: &'a [u8],
    /// The payload, once the sink has it.
    pub(crate) kept: Kept,
    pub(crate) facts: Facts,
    pub(crate) extensions: Extensions<'a>,
    pub(crate) clock: Option<CaptureClock>,
    /// Time of sending for those who negotiated it: 6.18 fixed point seconds.
    pub(crate) send_time: [u8; 3],
}

impl Incoming<'_> {
    /// With its payload in the sink, for those who will be sent it.
    pub(crate) fn kept_by(&self, sink: &mut impl Sink) -> Self {
        let kept = sink.keep(self.payload);
        Self { kept, ..*self }
    }
}

/// How a Slot sends one of its source's codecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutCodec {
    pub(crate) pt: Pt,
    pub(crate) rtx_pt: Option<Pt>,
    transform: Transform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transform {
    AsIs,
    /// Continue picture ids.
    Vp8,
    /// Renumber the blocks of redundant audio (RFC 2198).
    Red(Pt),
    /// Send only the newest block: the receiver has no RED.
    UnwrapRed,
}

impl OutCodec {
    /// How a receiver with `codecs` is sent what was encoded as `sent`, if it can
    /// decode it at all.
    pub(crate) fn find(codecs: &[CodecParams], sent: Codec) -> Option<Self> {
        let with = |params: &CodecParams, transform| Self {
            pt: params.pt,
            rtx_pt: params.rtx_pt,
            transform,
        };
        if let Some(params) = codecs.iter().find(|params| params.codec.decodes(sent)) {
            let transform = match params.codec {
                Codec::Vp8 => Transform::Vp8,
                Codec::Red { opus } => Transform::Red(opus),
                _ => Transform::AsIs,
            };
            return Some(with(params, transform));
        }
        let plain = codecs.iter().find(|params| params.codec == Codec::Opus)?;
        matches!(sent, Codec::Red { .. }).then(|| with(plain, Transform::UnwrapRed))
    }
}

/// Most bytes in front of a payload that are rewritten: the headers of RED, and the
/// original sequence number of a retransmission.
const PREFIX: usize = red::MAX_HEADERS + 2;

/// Padding that a voice may get to join a run: voices differ by some tens of bytes.
const VOICE_STRETCH: u8 = 64;

/// Padding that a picture's packet may get: it saves 3 µs of CPU for some percent of
/// a packet.
const PICTURE_STRETCH: u8 = 32;

/// Payload of an outgoing packet: rewritten bytes, then bytes of the received one.
#[derive(Debug)]
pub(super) struct Body {
    prefix: [u8; PREFIX],
    prefix_len: usize,
    rest: Kept,
    pub(super) vp8: Option<Descriptor>,
}

impl Body {
    /// `None` if the payload is not what its codec demands. A retransmission begins
    /// with the number that it repeats (RFC 4588 §4).
    pub(super) fn new(
        packet: &Incoming<'_>,
        out: &OutCodec,
        segment: &Segment,
        original: Option<u16>,
    ) -> Option<Self> {
        let mut body = Self {
            prefix: [0; PREFIX],
            prefix_len: 0,
            rest: packet.kept,
            vp8: None,
        };
        if let Some(seq) = original {
            body.push(&seq.to_be_bytes());
        }
        match out.transform {
            _ if packet.payload.is_empty() => {}
            Transform::AsIs => {}
            Transform::Vp8 => {
                let received = packet.facts.vp8?;
                let descriptor = segment.vp8().apply(&received);
                let mut bytes = [0; MAX_DESCRIPTOR];
                let len = descriptor.write(&mut bytes);
                body.push(&bytes[..len]);
                packet.payload.get(usize::from(received.len)..)?;
                body.rest = packet.kept.skip(usize::from(received.len));
                body.vp8 = Some(descriptor);
            }
            Transform::Red(opus) => {
                let mut bytes = [0; red::MAX_HEADERS];
                let len = red::remap(packet.payload, opus, &mut bytes)?;
                body.push(&bytes[..len]);
                body.rest = packet.kept.skip(len);
            }
            Transform::UnwrapRed => {
                let primary = red::primary(packet.payload)?;
                body.rest = packet.kept.skip(packet.payload.len() - primary.len());
            }
        }
        Some(body)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.prefix[self.prefix_len..self.prefix_len + bytes.len()].copy_from_slice(bytes);
        self.prefix_len += bytes.len();
    }

    fn prefix(&self) -> &[u8] {
        &self.prefix[..self.prefix_len]
    }
}

impl Slot {
    /// What says when it was sent is not repeated under its own number either.
    fn stretch(&self, timed: bool) -> u8 {
        match (self.is_voice(), timed) {
            (true, _) => VOICE_STRETCH,
            (false, true) => PICTURE_STRETCH,
            (false, false) => 0,
        }
    }

    /// Hands one packet to the sink; returns its size, without padding.
    pub(super) fn emit(
        &self,
        packet: &Incoming<'_>,
        (seq, header): (SeqNo, &HeaderFields),
        body: &Body,
        (timed, frame_offset): (bool, u16),
        sink: &mut impl Sink,
    ) -> usize {
        let ids = &self.section.extensions;
        let extensions = &packet.extensions;
        let mut block = ExtensionBlock::default();
        block.push(ids.mid, self.section.mid.as_bytes());
        if timed {
            block.push(ids.abs_send_time, &packet.send_time);
        }
        let mut renumbered;
        let stated = match extensions.dependency_descriptor {
            Some(stated) => {
                renumbered = [0; descriptor::MAX_DESCRIPTOR];
                descriptor::renumber(stated, frame_offset, &mut renumbered)
            }
            None => None,
        };
        let delay = extensions.playout_delay.as_ref().map(<[u8; 3]>::as_slice);
        for (id, value) in [
            (ids.audio_level, extensions.audio_level.as_slice()),
            (
                ids.video_orientation,
                extensions.video_orientation.as_slice(),
            ),
            (ids.playout_delay, delay.unwrap_or_default()),
            (
                ids.abs_capture_time,
                extensions.abs_capture_time.unwrap_or_default(),
            ),
            (ids.dependency_descriptor, stated.unwrap_or_default()),
        ] {
            if !value.is_empty() {
                block.push(id, value);
            }
        }
        let block_len = block.size(self.extension_floor);
        let outgoing = Outgoing {
            ssrc: header.ssrc,
            seq,
            head: FIXED_HEADER + block_len + body.prefix_len,
            payload: body.rest,
            stretch: self.stretch(timed),
        };
        sink.send_rtp(self.key, &outgoing, |out| {
            header.write(out, block_len > 0);
            let (block_out, prefix_out) = out[FIXED_HEADER..].split_at_mut(block_len);
            block.write(block_out);
            prefix_out.copy_from_slice(body.prefix());
        });
        outgoing.head + outgoing.payload.len()
    }
}
