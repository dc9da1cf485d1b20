//! One Call's media: who publishes what, who wants it, and the tables that the
//! packet path walks. What should be sent is computed as a whole and compared with
//! what is (`reconcile`), so every change, whatever its cause, goes one way.

mod apply;
mod automatic;
pub(crate) mod demand;
mod packet;
mod participant;
mod reconcile;
mod relief;
mod rtcp;
mod snapshot;
mod speaker;
pub(crate) mod table;
mod tick;
mod timer;
mod track;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::control::{CommandError, Event, SlotRequest, Source};
use crate::egress::{Sink, Slot};
use crate::ids::{ParticipantId, ParticipantKey, RouterId};
use crate::ingress::Encoding;
pub use crate::rtp::ntp::ClockAnchor;
use participant::Participant;
pub use relief::Relief;
use speaker::SpeakerList;
use table::{EncodingIndex, ParticipantIndex, SlotIndex, Table, TrackIndex};
use timer::{TICK, Timer, Timers};
use track::Track;

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

/// The media side of one Call.
pub struct Router {
    id: RouterId,
    config: ForwardingConfig,
    clock: ClockAnchor,
    random: SplitMix,
    /// Sorted; the Router's own index of each Participant.
    keys: Vec<(ParticipantKey, ParticipantIndex)>,
    participants: Table<ParticipantIndex, Participant>,
    tracks: Table<TrackIndex, Track>,
    encodings: Table<EncodingIndex, Encoding>,
    slots: Table<SlotIndex, Slot>,
    speakers: SpeakerList,
    relief: Relief,
    timers: Timers,
    events: VecDeque<Event>,
    /// Names our clock in sender reports.
    cname: [u8; 16],
    /// Tracks and Encodings made so far.
    made: u64,
}

impl Router {
    pub fn new(id: RouterId, config: ForwardingConfig, clock: ClockAnchor, seed: u64) -> Self {
        Self {
            id,
            config,
            clock,
            random: SplitMix(seed),
            keys: Vec::new(),
            participants: Table::default(),
            tracks: Table::default(),
            encodings: Table::default(),
            slots: Table::default(),
            speakers: SpeakerList::default(),
            relief: Relief::NONE,
            timers: Timers::default(),
            events: VecDeque::new(),
            cname: cname(&mut SplitMix(!seed)),
            made: 0,
        }
    }

    pub fn id(&self) -> RouterId {
        self.id
    }

    pub fn add_participant(&mut self, now: Instant, key: ParticipantKey, id: ParticipantId) {
        let Err(at) = self.keys.binary_search_by_key(&key, |(key, _)| *key) else {
            return;
        };
        let ssrc = crate::ids::Ssrc(self.random.next() as u32 | 1);
        let index = self.participants.insert(Participant::new(key, id, ssrc));
        self.keys.insert(at, (key, index));
        self.timers.arm(Timer::Tick, now + TICK);
    }

    pub fn remove_participant(&mut self, now: Instant, key: ParticipantKey) {
        let Some(index) = self.index_of(key) else {
            return;
        };
        let participant = &mut self.participants[index];
        let tracks = std::mem::take(&mut participant.tracks);
        let slots = std::mem::take(&mut participant.slots);
        for slot in slots {
            self.remove_slot(slot);
        }
        self.retire_tracks(&tracks);
        self.reconcile(now);
        self.drop_tracks(&tracks);
        self.participants.remove(index);
        self.keys.retain(|(other, _)| *other != key);
        if self.keys.is_empty() {
            self.timers.clear();
        }
    }

    /// Another RTCPeerConnection took the place of the one before, and its offer has been
    /// applied.
    pub fn renew(&mut self, key: ParticipantKey) {
        let Some(index) = self.index_of(key) else {
            return;
        };
        self.participants[index].renew();
        for track in self.participants[index].tracks.clone() {
            self.forget_demand(track);
        }
    }

    /// Nothing is sent to the unconnected.
    pub fn set_connected(&mut self, now: Instant, key: ParticipantKey, connected: bool) {
        if let Some(index) = self.index_of(key)
            && self.participants[index].connected != connected
        {
            self.participants[index].connected = connected;
            self.reconcile_one(now, index);
        }
    }

    /// Replaces the wishes of the Slots named. An unknown Slot refuses them all.
    pub fn set_slots(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        requests: &[SlotRequest],
    ) -> Result<(), CommandError> {
        let index = self.index_of(key).ok_or(CommandError::UnknownParticipant)?;
        let slots = &self.participants[index].slots;
        let find = |request: &SlotRequest| {
            let mut slots = slots.iter();
            slots.find(|slot| self.slots[**slot].section.mid == request.mid)
        };
        let found: Vec<SlotIndex> = requests
            .iter()
            .map(|request| {
                find(request)
                    .copied()
                    .ok_or(CommandError::UnknownSlot(request.mid))
            })
            .collect::<Result<_, _>>()?;
        for (slot, request) in found.into_iter().zip(requests) {
            self.slots[slot].set_wish(request);
        }
        self.reconcile_one(now, index);
        Ok(())
    }

    /// A muted Track is not forwarded, whatever its publisher sends.
    pub fn set_muted(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        source: Source,
        muted: bool,
    ) -> Result<(), CommandError> {
        let index = self.index_of(key).ok_or(CommandError::UnknownParticipant)?;
        let participant = &mut self.participants[index];
        participant.set_muted(source, muted);
        for track in &participant.tracks {
            let track = &mut self.tracks[*track];
            if track.id.source == source {
                track.muted = muted;
            }
        }
        self.reconcile(now);
        Ok(())
    }

    /// Leaves out as much as `relief` says from now on.
    pub fn set_relief(&mut self, now: Instant, relief: Relief) {
        let before = std::mem::replace(&mut self.relief, relief);
        if before == relief {
            return;
        }
        self.reconcile(now);
        if before.strain() != relief.strain() {
            self.tell_strain();
        }
    }

    /// Begins with what its worker leaves out, and says so in any case: the Router that the
    /// Call had before may have left out something else.
    pub fn open(&mut self, relief: Relief) {
        self.relief = relief;
        self.tell_strain();
    }

    fn tell_strain(&mut self) {
        let (router, strain) = (self.id, self.relief.strain());
        self.events.push_back(Event::Strained { router, strain });
    }

    /// To be called at [`next_timeout`](Self::next_timeout), or whenever it suits.
    pub fn handle_timeout(&mut self, now: Instant, sink: &mut impl Sink) {
        if self.timers.expired(Timer::Losses, now) {
            self.request_losses(now, sink);
        }
        if self.timers.expired(Timer::Feedback, now) {
            self.send_transport_feedback(sink);
        }
        if self.timers.expired(Timer::Tick, now) {
            self.timers.arm(Timer::Tick, now + TICK);
            self.tick(now, sink);
        }
        if self.timers.expired(Timer::Keyframes, now) {
            self.request_keyframes(now, sink);
        }
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn index_of(&self, key: ParticipantKey) -> Option<ParticipantIndex> {
        let at = self.keys.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(self.keys[at].1)
    }
}

/// Random printable text (RFC 7022 §4.2): it must not tell who we are.
fn cname(random: &mut SplitMix) -> [u8; 16] {
    std::array::from_fn(|_| b'a' + (random.next() % 26) as u8)
}

/// SplitMix64: numbers that only need to differ between runs, from the seed that
/// makes a simulation repeatable.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
