//! One received RTP stream: where its sequence stands, what is missing, what is
//! kept of it, and who is sent it.

use std::time::{Duration, Instant};

use super::{CaptureClock, KeyframeRequests, Losses, Reception};
use crate::control::FrameSize;
use crate::egress::History;
use crate::ids::{Rid, SeqNo, Ssrc};
use crate::router::demand::Demand;
use crate::router::table::{ParticipantIndex, SlotIndex, TrackIndex};
use crate::rtp::codec::Facts;
use crate::rtp::ntp::Ntp;
use crate::rtp::seq::{Position, Sequencer};

/// An Encoding has stopped when it is silent for this many of its own frame
/// intervals, and for [`GONE_AFTER`], while a sibling goes on: soon enough that a
/// layer which its publisher cannot afford any more is hardly seen to freeze.
const GONE_FRAMES: u32 = 8;
const GONE_AFTER: Duration = Duration::from_millis(350);
/// Frame intervals above this are pauses.
const PAUSE: Duration = Duration::from_secs(1);

/// Who an Encoding is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) participant: ParticipantIndex,
    pub(crate) track: TrackIndex,
    pub(crate) rid: Option<Rid>,
}

/// When and what an Encoding last brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Activity {
    pub(crate) last: Option<Instant>,
    interval: Duration,
    pub(crate) size: Option<FrameSize>,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    timestamp: u32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) origin: Origin,
    pub(crate) ssrc: Option<Ssrc>,
    /// Counts restarts of the sequence: numbers of different epochs are unrelated.
    pub(crate) epoch: u64,
    sequencer: Sequencer,
    pub(crate) reception: Reception,
    pub(crate) losses: Losses,
    pub(crate) keyframes: KeyframeRequests,
    pub(crate) history: History,
    /// Publisher's wall clock and timestamp of its last sender report.
    report: Option<(Ntp, u32)>,
    pub(crate) activity: Activity,
    /// Slots that are sent this Encoding or wait for its next keyframe.
    pub(crate) forwards: Vec<SlotIndex>,
    pub(crate) demand: Demand,
    /// A Slot is sent it or would be, as far as it was looked for.
    pub(crate) wanted: bool,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    New(SeqNo),
    /// Known already, or too old or too far off to tell.
    Dropped,
}

impl Encoding {
    pub(crate) fn new(origin: Origin, epoch: u64, history: History) -> Self {
        Self {
            origin,
            ssrc: None,
            epoch,
            sequencer: Sequencer::default(),
            reception: Reception::default(),
            losses: Losses::default(),
            keyframes: KeyframeRequests::default(),
            history,
            report: None,
            activity: Activity::default(),
            forwards: Vec::new(),
            demand: Demand::default(),
            wanted: false,
        }
    }

    /// Its publisher sends it under another SSRC from now on.
    pub(crate) fn rebind(&mut self, ssrc: Ssrc) {
        if self.ssrc != Some(ssrc) {
            self.ssrc = Some(ssrc);
            self.sequencer = Sequencer::default();
            self.report = None;
        }
    }

    /// Places a packet that came by itself. `arrival` counts in its media clock.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        seq: u16,
        timestamp: u32,
        arrival: u32,
        nack: bool,
    ) -> Received {
        let placed = match self.sequencer.place(seq) {
            Position::Newest { seq, gap } => {
                if gap > 0 && nack && !self.forwards.is_empty() && !self.losses.gap(now, seq, gap) {
                    self.keyframes.want();
                }
                seq
            }
            Position::Late { seq } => {
                self.losses.found(seq);
                if !self.history.lacks(seq) {
                    return Received::Dropped;
                }
                seq
            }
            Position::Restart { seq } => {
                self.epoch += 1;
                self.losses.clear();
                self.history.clear();
                self.reception.restart();
                self.report = None;
                seq
            }
            Position::Stray => return Received::Dropped,
        };
        self.reception.packet(placed, timestamp, arrival);
        Received::New(placed)
    }

    /// Places a packet that a retransmission brought.
    pub(crate) fn receive_repair(&mut self, seq: u16) -> Received {
        let Some(placed) = self.sequencer.place_repair(seq) else {
            return Received::Dropped;
        };
        self.losses.found(placed);
        if !self.history.lacks(placed) {
            return Received::Dropped;
        }
        self.reception.repaired += 1;
        Received::New(placed)
    }

    /// Keeps a new packet and what it tells of the whole.
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        seq: SeqNo,
        timestamp: u32,
        packet: &[u8],
        facts: &Facts,
    ) {
        self.history.push(now, seq, packet);
        let activity = &mut self.activity;
        if timestamp != activity.timestamp {
            activity.timestamp = timestamp;
            activity.frame(now);
        }
        activity.last = Some(now);
        activity.packets += 1;
        activity.bytes += packet.len() as u64;
        if facts.size.is_some() {
            activity.size = facts.size;
        }
        if facts.keyframe {
            self.keyframes.cease();
        }
    }

    pub(crate) fn sender_report(&mut self, now: Instant, ntp: Ntp, rtp: u32) {
        self.reception.sender_report(now, ntp);
        self.report = Some((ntp, rtp));
    }

    /// Its media clock in the server's time, once a sender report told it.
    pub(crate) fn capture_clock(&self, offset: Option<i64>, rate: u32) -> Option<CaptureClock> {
        let (ntp, rtp) = self.report?;
        Some(CaptureClock {
            at: ntp.plus(offset?),
            rtp,
            rate,
        })
    }
}

impl Activity {
    fn frame(&mut self, now: Instant) {
        if let Some(last) = self.last {
            let interval = now.saturating_duration_since(last).min(PAUSE);
            self.interval = (self.interval * 7 + interval) / 8;
        }
    }

    /// Whether it goes on, when its Track's most recent packet came at `newest`.
    pub(crate) fn is_alive(&self, newest: Instant) -> bool {
        let patience = GONE_AFTER.max(self.interval * GONE_FRAMES);
        self.last
            .is_some_and(|last| newest.saturating_duration_since(last) < patience)
    }
}
