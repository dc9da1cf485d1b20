//! The packet path: one decrypted RTP packet in, one packet out for each Slot that
//! is sent its Encoding. Nothing here allocates once an Encoding runs.

use std::hint::black_box;
use std::time::Instant;

use super::Router;
use super::table::{EncodingIndex, ParticipantIndex, SlotIndex};
use super::timer::{LOSSES_PACE, Timer};
use crate::control::MediaKind;
use crate::egress::{Incoming, Kept, Sink, Slot, SourceId};
use crate::ids::{ParticipantKey, SeqNo};
use crate::ingress::{Received, Role};
use crate::negotiation::params::Codec;
use crate::rtp::codec::Facts;
use crate::rtp::ext::Extensions;
use crate::rtp::packet::{Packet, restore_rtx};
use crate::rtp::rtcp::twcc::TICKS_PER_SECOND;

/// abs-send-time counts 2^-18 s.
const SEND_TIME_RATE: u32 = 1 << 18;

impl Router {
    /// A decrypted RTP packet of `key`. It is rewritten in place when it is a
    /// retransmission, otherwise left as it is.
    pub fn handle_rtp(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        packet: &mut [u8],
        sink: &mut impl Sink,
    ) {
        let Some(sender) = self.index_of(key) else {
            return;
        };
        let Ok(view) = Packet::parse(packet) else {
            return;
        };
        let extensions = Extensions::read(&view, &self.participants[sender].extensions);
        match self.route(now, sender, &view, &extensions) {
            Some((index, Role::Media)) => self.media(now, index, &view, extensions, sink),
            Some((index, Role::Repair)) => self.repair(now, index, packet, sink),
            None => {}
        }
    }

    fn route(
        &mut self,
        now: Instant,
        sender: ParticipantIndex,
        view: &Packet<'_>,
        extensions: &Extensions<'_>,
    ) -> Option<(EncodingIndex, Role)> {
        let participant = &mut self.participants[sender];
        if let Some(seq) = extensions.transport_cc {
            let tick = self.clock.ticks_at(now, TICKS_PER_SECOND as u32);
            participant.arrivals.record(seq, tick);
            let due = now + self.config.feedback_interval;
            self.timers.arm(Timer::Feedback, due);
        }
        let route = participant
            .demux
            .route(view.ssrc(), view.pt(), extensions)?;
        if route.learned && route.role == Role::Media {
            self.encodings[route.encoding].rebind(view.ssrc());
        }
        Some((route.encoding, route.role))
    }

    fn media(
        &mut self,
        now: Instant,
        index: EncodingIndex,
        view: &Packet<'_>,
        extensions: Extensions<'_>,
        sink: &mut impl Sink,
    ) {
        let encoding = &mut self.encodings[index];
        let Some((params, false)) = self.tracks[encoding.origin.track].codec_of(view.pt()) else {
            return;
        };
        let (codec, nack) = (params.codec, params.nack);
        let arrival = self.clock.ticks_at(now, codec.clock_rate()) as u32;
        let received = encoding.receive(now, view.seq(), view.timestamp(), arrival, nack);
        if !encoding.losses.is_empty() {
            self.timers.arm(Timer::Losses, now + LOSSES_PACE);
        }
        if let Received::New(seq) = received {
            let incoming = self.incoming(now, index, (codec, seq), view, extensions);
            self.forward(&incoming, view.data(), sink);
        }
    }

    fn repair(
        &mut self,
        now: Instant,
        index: EncodingIndex,
        packet: &mut [u8],
        sink: &mut impl Sink,
    ) {
        let encoding = &mut self.encodings[index];
        let (Ok(view), Some(ssrc)) = (Packet::parse(packet), encoding.ssrc) else {
            return;
        };
        let Some((params, true)) = self.tracks[encoding.origin.track].codec_of(view.pt()) else {
            return;
        };
        let (codec, pt) = (params.codec, params.pt);
        let Some(Ok(view)) = restore_rtx(packet, ssrc, pt).map(|packet| Packet::parse(packet))
        else {
            return;
        };
        if let Received::New(seq) = encoding.receive_repair(view.seq()) {
            let extensions = self.extensions_of(index, &view);
            let incoming = self.incoming(now, index, (codec, seq), &view, extensions);
            self.forward(&incoming, view.data(), sink);
        }
    }

    /// Keeps a new packet and sends it on. `packet` is the whole of it.
    fn forward(&mut self, incoming: &Incoming<'_>, packet: &[u8], sink: &mut impl Sink) {
        let now = incoming.now;
        let index = incoming.source.encoding;
        let encoding = &mut self.encodings[index];
        let returned = !encoding.activity.is_alive(now);
        let size = encoding.activity.size;
        encoding.keep(
            now,
            incoming.seq,
            incoming.timestamp,
            packet,
            &incoming.facts,
        );
        let resized = encoding.activity.size != size;
        let index_of_track = encoding.origin.track;
        let track = &mut self.tracks[index_of_track];
        if let Some(level) = incoming.extensions.audio_level
            && !track.muted
        {
            track.meter.record(now, level);
        }
        let video = incoming.codec.kind() == MediaKind::Video;
        if video && track.carries(now, incoming.codec) {
            self.reconcile(now);
        } else if video && (returned || resized) {
            self.reselect(now, index_of_track);
        }
        self.fan_out(incoming, sink);
    }

    fn fan_out(&mut self, incoming: &Incoming<'_>, sink: &mut impl Sink) {
        let index = incoming.source.encoding;
        if self.encodings[index].forwards.is_empty() {
            return;
        }
        let incoming = &incoming.kept_by(sink);
        if incoming.codec.kind() == MediaKind::Video {
            sink.frame(incoming.marker);
        }
        let touched = self.encodings[index].forwards.iter();
        let touch = |slot: &SlotIndex| self.slots.get(*slot).map_or(0, Slot::touch);
        black_box(touched.fold(0, |all, slot| all ^ touch(slot)));
        // Rare: one for each Slot that was waiting for this very packet, or whose source
        // began anew.
        let mut left = smallvec::SmallVec::<[_; 64]>::new();
        for &at in &self.encodings[index].forwards {
            let Some(slot) = self.slots.get_mut(at) else {
                left.push((at, index));
                slot_is_gone(at);
                continue;
            };
            if let Some(before) = slot.forward(incoming, sink) {
                left.push((at, before));
            }
        }
        for (slot, before) in left {
            self.unlist(slot, before);
        }
    }

    pub(super) fn extensions_of<'a>(
        &self,
        index: EncodingIndex,
        view: &Packet<'a>,
    ) -> Extensions<'a> {
        let sender = self.encodings[index].origin.participant;
        Extensions::read(view, &self.participants[sender].extensions)
    }

    /// Reads what egress needs of a packet of Encoding `index`.
    pub(super) fn incoming<'a>(
        &self,
        now: Instant,
        index: EncodingIndex,
        (codec, seq): (Codec, SeqNo),
        view: &Packet<'a>,
        extensions: Extensions<'a>,
    ) -> Incoming<'a> {
        let encoding = &self.encodings[index];
        let sender = &self.participants[encoding.origin.participant];
        let rate = codec.clock_rate();
        let sent = self.clock.ticks_at(now, SEND_TIME_RATE) as u32;
        let [_, send_time @ ..] = sent.to_be_bytes();
        Incoming {
            now,
            source: SourceId {
                encoding: index,
                epoch: encoding.epoch,
            },
            seq,
            timestamp: view.timestamp(),
            marker: view.marker(),
            codec,
            payload: view.payload(),
            kept: Kept::default(),
            facts: Facts::read(codec, view.payload(), &extensions),
            extensions,
            clock: encoding.capture_clock(sender.clock.get(), rate),
            send_time,
        }
    }
}

/// A forward list names a Slot that is no more. This is an error of ours, and no reason
/// to take every Call of the worker down.
#[cold]
pub(super) fn slot_is_gone(slot: SlotIndex) {
    debug_assert!(false, "a forward list names {slot:?}, which is gone");
    tracing::error!(?slot, "a forward list names a Slot that is gone");
}
