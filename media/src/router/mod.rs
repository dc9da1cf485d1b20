//! One Call's media: who publishes what, who wants it, and the tables that the
//! packet path walks.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::control::{CommandError, Event, SlotAssignment, SlotRequest, Source};
use crate::egress::Sink;
use crate::ids::{ParticipantId, ParticipantKey, RouterId};
use crate::negotiation::params::Negotiated;
use crate::stats::{SlotStats, TrackStats};

/// Sizes and paces of forwarding.
#[derive(Debug, Clone)]
pub struct ForwardingConfig {
    /// Most bytes kept of one video Encoding for retransmission.
    pub video_history: usize,
    /// Least time between keyframe requests for one Encoding: a subscriber who
    /// asks without end costs the publisher no more than this.
    pub keyframe_interval: Duration,
    /// Pace of transport-wide feedback while packets arrive: faster lets the
    /// publisher's estimate ramp sooner, slower costs fewer packets.
    pub feedback_interval: Duration,
    /// Least time between two [`Event::Speaking`].
    pub speaking_interval: Duration,
}

impl Default for ForwardingConfig {
    fn default() -> Self {
        Self {
            video_history: 1 << 20,
            keyframe_interval: Duration::from_millis(500),
            feedback_interval: Duration::from_millis(60),
            speaking_interval: Duration::from_millis(300),
        }
    }
}

/// Ties the monotonic clock to the wall clock for sender reports: `ntp` (RFC 5905
/// 64-bit format) is the wall-clock time at `instant`.
#[derive(Debug, Clone, Copy)]
pub struct ClockAnchor {
    pub instant: Instant,
    pub ntp: u64,
}

/// The media side of one Call.
pub struct Router {
    id: RouterId,
    config: ForwardingConfig,
    clock: ClockAnchor,
    seed: u64,
    participants: Vec<(ParticipantKey, ParticipantId)>,
    events: VecDeque<Event>,
}

impl Router {
    pub fn new(id: RouterId, config: ForwardingConfig, clock: ClockAnchor, seed: u64) -> Self {
        Self {
            id,
            config,
            clock,
            seed,
            participants: Vec::new(),
            events: VecDeque::new(),
        }
    }

    pub fn id(&self) -> RouterId {
        self.id
    }

    pub fn add_participant(&mut self, _now: Instant, key: ParticipantKey, id: ParticipantId) {
        self.participants.push((key, id));
    }

    pub fn remove_participant(&mut self, _now: Instant, key: ParticipantKey) {
        self.participants.retain(|(other, _)| *other != key);
    }

    /// First negotiation and every later one; sections keep their identity by mid.
    pub fn apply(&mut self, _now: Instant, _key: ParticipantKey, _negotiated: &Negotiated) {
        let _ = (&self.config, self.clock, self.seed);
    }

    /// Nothing is sent to the unconnected.
    pub fn set_connected(&mut self, _now: Instant, _key: ParticipantKey, _connected: bool) {}

    pub fn set_slots(
        &mut self,
        _now: Instant,
        _key: ParticipantKey,
        _requests: &[SlotRequest],
    ) -> Result<(), CommandError> {
        Ok(())
    }

    pub fn set_muted(
        &mut self,
        _now: Instant,
        _key: ParticipantKey,
        _source: Source,
        _muted: bool,
    ) -> Result<(), CommandError> {
        Ok(())
    }

    /// A decrypted RTP packet of `key`. It is rewritten in place when it is a
    /// retransmission, otherwise left as it is.
    pub fn handle_rtp(
        &mut self,
        _now: Instant,
        _key: ParticipantKey,
        _packet: &mut [u8],
        _sink: &mut impl Sink,
    ) {
    }

    /// A decrypted RTCP packet or compound of `key`.
    pub fn handle_rtcp(
        &mut self,
        _now: Instant,
        _key: ParticipantKey,
        _compound: &[u8],
        _sink: &mut impl Sink,
    ) {
    }

    pub fn handle_timeout(&mut self, _now: Instant, _sink: &mut impl Sink) {}

    pub fn next_timeout(&self) -> Option<Instant> {
        None
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.participants.is_empty()
    }

    pub fn stats(&self, _key: ParticipantKey) -> (Vec<TrackStats>, Vec<SlotStats>) {
        (Vec::new(), Vec::new())
    }

    /// State of every Slot, for a client that asks for the whole picture.
    pub fn slot_assignments(&self, _key: ParticipantKey) -> Vec<SlotAssignment> {
        Vec::new()
    }
}
