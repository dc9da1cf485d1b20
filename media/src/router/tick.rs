//! What the Router does by the clock: asks publishers for what is missing, tells
//! them how they arrive, and looks again at levels and layers.

use std::time::{Duration, Instant};

use super::Router;
use super::table::{ParticipantIndex, TrackIndex};
use super::timer::{LOSSES_PACE, Timer};
use crate::control::{Event, MediaKind, Source, Speaker};
use crate::egress::Sink;
use crate::ids::Ssrc;
use crate::rtp::rtcp::RtcpWriter;
use crate::rtp::rtcp::report::ReportBlock;

/// Pace of receiver reports: a publisher takes its round trip and losses from them.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of a sender report and its CNAME.
const SENDER_REPORT: usize = 28 + 28;
/// Most losses asked for in one packet.
const LOSSES: usize = 256;

impl Router {
    /// NACKs for all Encodings that miss something.
    pub(super) fn request_losses(&mut self, now: Instant, sink: &mut impl Sink) {
        let mut pending = false;
        for (_, encoding) in self.encodings.iter_mut() {
            if encoding.losses.is_empty() {
                continue;
            }
            let sender = &self.participants[encoding.origin.participant];
            let mut wanted = [0; LOSSES];
            let count = encoding.losses.due(now, sender.rtt, &mut wanted);
            pending |= !encoding.losses.is_empty();
            let (Some(ssrc), true) = (encoding.ssrc, count > 0 && sender.connected) else {
                continue;
            };
            let mut writer = RtcpWriter::default();
            writer.nack(sender.feedback_ssrc, ssrc, &wanted[..count]);
            sink.send_rtcp(sender.key, writer.bytes());
        }
        if pending {
            self.timers.arm(Timer::Losses, now + LOSSES_PACE);
        }
    }

    pub(super) fn send_transport_feedback(&mut self, sink: &mut impl Sink) {
        let mut writer = RtcpWriter::default();
        for (_, participant) in self.participants.iter_mut() {
            if !participant.connected || !participant.arrivals.is_pending() {
                continue;
            }
            let media = participant.demux.any_ssrc().unwrap_or(Ssrc(0));
            let sender = participant.feedback_ssrc;
            while participant.arrivals.write(sender, media, &mut writer) {
                sink.send_rtcp(participant.key, writer.bytes());
                writer.clear();
            }
        }
    }

    /// Asks for the keyframes that are wanted and were not asked for lately.
    pub(super) fn request_keyframes(&mut self, now: Instant, sink: &mut impl Sink) {
        let interval = self.config.keyframe_interval;
        for (_, encoding) in self.encodings.iter_mut() {
            if encoding.forwards.is_empty() {
                encoding.keyframes.cease();
            }
            let sender = &self.participants[encoding.origin.participant];
            let Some(ssrc) = encoding.ssrc.filter(|_| sender.connected) else {
                continue;
            };
            if !encoding.keyframes.due(now, interval) {
                continue;
            }
            let codecs = &self.tracks[encoding.origin.track].codecs;
            // Sound has no keyframes, whatever a receiver asks for.
            if codecs
                .iter()
                .all(|codec| codec.codec.kind() == MediaKind::Audio)
            {
                continue;
            }
            let mut writer = RtcpWriter::default();
            if codecs.iter().any(|codec| codec.pli) {
                writer.pli(sender.feedback_ssrc, ssrc);
            } else {
                writer.fir(sender.feedback_ssrc, ssrc, encoding.keyframes.command());
            }
            sink.send_rtcp(sender.key, writer.bytes());
        }
    }

    pub(super) fn tick(&mut self, now: Instant, sink: &mut impl Sink) {
        self.judge_speech(now);
        self.reselect_layers(now);
        self.judge_demand(now);
        self.want_keyframes(now);
        for at in 0..self.keys.len() {
            let participant = self.keys[at].1;
            if self.participants[participant].connected {
                self.report_reception(now, participant, sink);
                self.report_sending(now, participant, sink);
            }
        }
    }

    fn judge_speech(&mut self, now: Instant) {
        let mut changed = false;
        let mut speakers = Vec::new();
        for (_, track) in self.tracks.iter_mut() {
            if track.id.source.kind() == MediaKind::Video {
                continue;
            }
            let silenced = track.muted || !track.active;
            let speaking = track.meter.judge(now, silenced);
            changed |= track.speech.judge(now, speaking);
            if speaking && track.id.source == Source::Microphone {
                speakers.push(Speaker {
                    participant: track.id.participant,
                    level: track.meter.level(),
                });
            }
        }
        if changed {
            self.reconcile(now);
        }
        let pace = self.config.speaking_interval;
        if let Some(speakers) = self.speakers.update(now, pace, speakers) {
            let router = self.id;
            self.events.push_back(Event::Speaking { router, speakers });
        }
    }

    /// Layers come and go with the publisher's bandwidth.
    fn reselect_layers(&mut self, now: Instant) {
        let layered: smallvec::SmallVec<[TrackIndex; 64]> = self.layered().collect();
        for track in layered {
            self.reselect(now, track);
        }
    }

    /// Tracks that are sent in several layers.
    pub(super) fn layered(&self) -> impl Iterator<Item = TrackIndex> + '_ {
        let tracks = self.tracks.iter();
        tracks
            .filter(|(_, track)| track.active && track.encodings.len() > 1)
            .map(|(index, _)| index)
    }

    /// A Slot that still waits wants its keyframe again: the last one was lost, or
    /// its beginning came too late.
    fn want_keyframes(&mut self, now: Instant) {
        for (_, slot) in self.slots.iter() {
            let waiting = slot.target.filter(|_| slot.is_waiting());
            if let Some(encoding) = waiting.and_then(|target| self.encodings.get_mut(target)) {
                encoding.keyframes.want();
            }
        }
        self.timers.arm(Timer::Keyframes, now);
    }

    /// A receiver report on all that a Participant sends, once a second.
    fn report_reception(&mut self, now: Instant, index: ParticipantIndex, sink: &mut impl Sink) {
        let participant = &mut self.participants[index];
        if participant.report_due.is_some_and(|due| due > now) {
            return;
        }
        participant.report_due = Some(now + REPORT_INTERVAL);
        let tracks = participant.tracks.iter();
        let encodings = tracks.flat_map(|track| self.tracks[*track].encodings.iter().copied());
        let mut blocks: smallvec::SmallVec<[ReportBlock; 12]> = smallvec::SmallVec::new();
        for encoding in encodings {
            let encoding = &mut self.encodings[encoding];
            if let Some(ssrc) = encoding.ssrc {
                blocks.extend(encoding.reception.report(now, ssrc));
            }
        }
        if blocks.is_empty() {
            return;
        }
        let mut writer = RtcpWriter::default();
        writer.receiver_report(participant.feedback_ssrc, &blocks);
        writer.cname(participant.feedback_ssrc, &self.cname);
        sink.send_rtcp(participant.key, writer.bytes());
    }

    /// Sender reports of a Participant's Slots. They share one CNAME because they
    /// share one clock (RFC 3550 §6.5.1).
    fn report_sending(&mut self, now: Instant, index: ParticipantIndex, sink: &mut impl Sink) {
        let participant = &self.participants[index];
        let ntp = self.clock.ntp_at(now);
        let mut writer = RtcpWriter::default();
        for slot in &participant.slots {
            let slot = &mut self.slots[*slot];
            let rate = slot.clock_rate();
            let clock = slot.encoding().and_then(|encoding| {
                let encoding = self.encodings.get(encoding)?;
                let publisher = &self.participants[encoding.origin.participant];
                encoding.capture_clock(publisher.clock.get(), rate)
            });
            let Some(info) = clock.and_then(|clock| slot.sender_report(now, ntp, clock)) else {
                continue;
            };
            if writer.room() < SENDER_REPORT {
                sink.send_rtcp(participant.key, writer.bytes());
                writer.clear();
            }
            writer.sender_report(slot.section.ssrc, &info);
            writer.cname(slot.section.ssrc, &self.cname);
        }
        if !writer.is_empty() {
            sink.send_rtcp(participant.key, writer.bytes());
        }
    }
}
