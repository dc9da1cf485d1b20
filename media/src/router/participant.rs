//! A Participant as its Router sees it: what it publishes and where it receives.

use std::time::{Duration, Instant};

use super::table::{SlotIndex, TrackIndex};
use crate::control::Source;
use crate::ids::{ParticipantId, ParticipantKey, Ssrc};
use crate::ingress::{ArrivalRecorder, ClockOffset, Demux};
use crate::negotiation::params::{ExtensionIds, Negotiated};

/// Round trip assumed before a report tells it.
const RTT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Participant {
    pub(super) key: ParticipantKey,
    pub(super) id: ParticipantId,
    pub(super) connected: bool,
    /// Ids of what it sends; one BUNDLE group numbers them alike (RFC 8843 §9.1).
    pub(super) extensions: ExtensionIds,
    pub(super) demux: Demux,
    pub(super) arrivals: ArrivalRecorder,
    pub(super) clock: ClockOffset,
    pub(super) rtt: Duration,
    pub(super) tracks: Vec<TrackIndex>,
    pub(super) slots: Vec<SlotIndex>,
    /// Whom our feedback is from.
    pub(super) feedback_ssrc: Ssrc,
    pub(super) report_due: Option<Instant>,
    muted: Vec<Source>,
}

impl Participant {
    pub(super) fn new(key: ParticipantKey, id: ParticipantId, feedback_ssrc: Ssrc) -> Self {
        Self {
            key,
            id,
            connected: false,
            extensions: ExtensionIds::default(),
            demux: Demux::default(),
            arrivals: ArrivalRecorder::default(),
            clock: ClockOffset::default(),
            rtt: RTT,
            tracks: Vec::new(),
            slots: Vec::new(),
            feedback_ssrc,
            report_due: None,
            muted: Vec::new(),
        }
    }

    /// Another client took its place: it numbers its packets anew, by another clock and
    /// perhaps over another path.
    pub(super) fn renew(&mut self) {
        self.arrivals = ArrivalRecorder::default();
        self.clock = ClockOffset::default();
        self.rtt = RTT;
    }

    /// Muting holds for Tracks that are published later, too.
    pub(super) fn set_muted(&mut self, source: Source, muted: bool) {
        self.muted.retain(|other| *other != source);
        if muted {
            self.muted.push(source);
        }
    }

    pub(super) fn is_muted(&self, source: Source) -> bool {
        self.muted.contains(&source)
    }

    /// A round trip as a receiver report tells it (RFC 3550 §6.4.1): since our
    /// report, without the time it lay there. All in 1/65536 s.
    pub(super) fn round_trip(&mut self, now: u32, last_sr: u32, delay: u32) {
        let Some(elapsed) = now.wrapping_sub(last_sr).checked_sub(delay) else {
            return;
        };
        let sample = Duration::from_secs(1) * elapsed / 65_536;
        if sample < Duration::from_secs(5) {
            self.rtt = (self.rtt * 7 + sample) / 8;
        }
    }
}

/// Every id that any publishing m-line of the offer gave.
pub(super) fn merged_extensions(negotiated: &Negotiated) -> ExtensionIds {
    let mut merged = ExtensionIds::default();
    for section in &negotiated.published {
        let ids = section.extensions;
        merged = ExtensionIds {
            mid: merged.mid.or(ids.mid),
            rid: merged.rid.or(ids.rid),
            repaired_rid: merged.repaired_rid.or(ids.repaired_rid),
            audio_level: merged.audio_level.or(ids.audio_level),
            transport_cc: merged.transport_cc.or(ids.transport_cc),
            abs_send_time: merged.abs_send_time.or(ids.abs_send_time),
            abs_capture_time: merged.abs_capture_time.or(ids.abs_capture_time),
            dependency_descriptor: merged.dependency_descriptor.or(ids.dependency_descriptor),
            video_orientation: merged.video_orientation.or(ids.video_orientation),
            playout_delay: merged.playout_delay.or(ids.playout_delay),
        };
    }
    merged
}
