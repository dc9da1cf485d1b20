//! Computes which Track every Slot should show and which Encoding it should be
//! sent, and changes what differs. Idempotent; every cause of change ends here.

use std::cmp::Reverse;
use std::time::Instant;

use super::Router;
use super::automatic::assign;
use super::relief::smaller;
use super::table::{EncodingIndex, ParticipantIndex, SlotIndex, TrackIndex};
use super::timer::Timer;
use super::track::{SpeechRank, Track};
use crate::control::{Event, FrameSize, MediaKind, SlotAssignment, SlotState, SlotTarget, Source};
use crate::egress::{Candidate, OutCodec, select, smallest};

/// Tracks by kind, best first.
struct Ranking {
    audio: Vec<TrackIndex>,
    video: Vec<TrackIndex>,
}

impl Router {
    pub(super) fn reconcile(&mut self, now: Instant) {
        let ranking = self.rank();
        for at in 0..self.keys.len() {
            self.reconcile_slots(now, self.keys[at].1, &ranking);
        }
    }

    /// The same after a change that concerns the Slots of one Participant alone.
    pub(super) fn reconcile_one(&mut self, now: Instant, participant: ParticipantIndex) {
        let ranking = self.rank();
        self.reconcile_slots(now, participant, &ranking);
    }

    fn rank(&self) -> Ranking {
        let ranked = |kind: MediaKind| {
            let tracks = self.tracks.iter();
            let mut ranked: Vec<_> = tracks
                .filter(|(_, track)| track.active && track.id.source.kind() == kind)
                .map(|(index, track)| (self.rank_of(track), index))
                .collect();
            ranked.sort();
            ranked.into_iter().map(|(_, index)| index).collect()
        };
        Ranking {
            audio: ranked(MediaKind::Audio),
            video: ranked(MediaKind::Video),
        }
    }

    /// Unmuted before muted, a shared screen before cameras, then by who speaks; the
    /// order of arrival decides the rest, so that nothing ever flickers.
    fn rank_of(&self, track: &Track) -> (bool, bool, Reverse<SpeechRank>, u64) {
        let speech = match track.id.source.kind() {
            MediaKind::Audio => track.speech.heard(),
            MediaKind::Video => self.seen(track.owner),
        };
        let screen = track.id.source == Source::Screen;
        (track.muted, !screen, Reverse(speech), track.order)
    }

    fn seen(&self, owner: ParticipantIndex) -> SpeechRank {
        let mut tracks = self.participants[owner]
            .tracks
            .iter()
            .map(|track| &self.tracks[*track]);
        let microphone = tracks.find(|track| track.id.source == Source::Microphone);
        microphone
            .map(|track| track.speech)
            .unwrap_or_default()
            .seen()
    }

    fn reconcile_slots(&mut self, now: Instant, participant: ParticipantIndex, ranking: &Ranking) {
        let mut changes = Vec::new();
        let desired = self.desired(participant, ranking);
        for &(slot, track) in &desired {
            if self.slots[slot].track != track {
                // The Slot is told to show another: not one packet of the one before.
                self.retarget(slot, None);
                self.slots[slot].track = track;
            }
            self.slots[slot].withheld = false;
        }
        self.withhold(&desired);
        for (slot, _) in desired {
            self.aim(now, slot);
            let state = self.state_of(slot);
            let slot = &mut self.slots[slot];
            if slot.state != state {
                slot.state = state;
                changes.push(SlotAssignment {
                    mid: slot.section.mid,
                    state,
                });
            }
        }
        if !changes.is_empty() {
            self.events.push_back(Event::Slots {
                participant: self.participants[participant].id,
                assignments: changes,
            });
        }
    }

    /// The Track that each Slot of a Participant should show.
    fn desired(
        &self,
        participant: ParticipantIndex,
        ranking: &Ranking,
    ) -> Vec<(SlotIndex, Option<TrackIndex>)> {
        let mut desired = Vec::new();
        let mut automatic = [
            (MediaKind::Audio, Vec::new()),
            (MediaKind::Video, Vec::new()),
        ];
        for &index in &self.participants[participant].slots {
            let slot = &self.slots[index];
            let kind = slot.section.kind;
            match slot.wish.target {
                _ if !slot.section.active => desired.push((index, None)),
                SlotTarget::Off => desired.push((index, None)),
                SlotTarget::Pinned(id) => {
                    let mut tracks = self.tracks.iter();
                    let track =
                        tracks.find(|(_, t)| t.active && t.id == id && id.source.kind() == kind);
                    desired.push((index, track.map(|(track, _)| track)));
                }
                SlotTarget::Automatic => {
                    let mut kinds = automatic.iter_mut();
                    kinds
                        .find(|(k, _)| *k == kind)
                        .into_iter()
                        .for_each(|(_, slots)| slots.push(index));
                }
            }
        }
        for (kind, slots) in automatic {
            let ranked = match kind {
                MediaKind::Audio => &ranking.audio,
                MediaKind::Video => &ranking.video,
            };
            let free = |track: &TrackIndex| {
                self.tracks[*track].owner != participant
                    && !desired.iter().any(|(_, pinned)| *pinned == Some(*track))
            };
            let ranked: Vec<_> = ranked.iter().copied().filter(free).collect();
            let current: Vec<_> = slots.iter().map(|slot| self.slots[*slot].track).collect();
            desired.extend(slots.into_iter().zip(assign(&current, &ranked)));
        }
        desired
    }

    /// Keeps back the pictures that a worker with too much to do does not send: those
    /// of the lowest priority, and of the latest Slots among equals.
    fn withhold(&mut self, desired: &[(SlotIndex, Option<TrackIndex>)]) {
        let allowed = self.relief.pictures();
        if desired.len() <= allowed {
            return;
        }
        let slots = desired.iter().map(|(slot, _)| *slot);
        let mut shown: Vec<SlotIndex> = slots.filter(|slot| self.is_picture(*slot)).collect();
        shown.sort_by_key(|slot| (Reverse(self.slots[*slot].wish.priority), *slot));
        for slot in shown.into_iter().skip(allowed) {
            self.slots[slot].withheld = true;
        }
    }

    /// Whether a picture is sent on a Slot unless it is kept back.
    fn is_picture(&self, index: SlotIndex) -> bool {
        let slot = &self.slots[index];
        slot.section.kind == MediaKind::Video
            && matches!(self.state_of(index), SlotState::Active(_))
            && !slot.wish.max_size.is_some_and(FrameSize::is_hidden)
    }

    fn state_of(&self, slot: SlotIndex) -> SlotState {
        let slot = &self.slots[slot];
        let Some(track) = slot.track.map(|track| &self.tracks[track]) else {
            return SlotState::Empty;
        };
        let undecodable = track
            .codec()
            .is_some_and(|codec| OutCodec::find(&slot.section.codecs, codec).is_none());
        if undecodable {
            SlotState::Undecodable(track.id)
        } else if track.muted {
            SlotState::Muted(track.id)
        } else if slot.withheld {
            SlotState::Withheld(track.id)
        } else {
            SlotState::Active(track.id)
        }
    }

    /// Chooses the Encoding of the Slot's Track that it should be sent.
    fn aim(&mut self, now: Instant, slot: SlotIndex) {
        let track = match self.state_of(slot) {
            SlotState::Active(_) if self.participants[self.slots[slot].owner].connected => {
                self.slots[slot].track
            }
            _ => None,
        };
        let (target, ideal) = track.map_or((None, None), |track| self.select_for(slot, track));
        self.slots[slot].ideal = ideal;
        if self.slots[slot].target != target {
            self.retarget(slot, target);
            if self.slots[slot].is_waiting() {
                self.timers.arm(Timer::Keyframes, now);
            }
        }
    }

    /// The Encoding of what is sent, and that of what could be.
    fn select_for(
        &self,
        slot: SlotIndex,
        track: TrackIndex,
    ) -> (Option<EncodingIndex>, Option<EncodingIndex>) {
        let slot = &self.slots[slot];
        let track = &self.tracks[track];
        if slot.section.kind == MediaKind::Audio {
            let only = track.encodings.first().copied();
            return (only, only);
        }
        let mut candidates = self.candidates(track);
        let max_size = smaller(slot.wish.max_size, self.relief.max_size());
        let target = select(&candidates, max_size);
        if candidates.iter().all(|candidate| candidate.alive) {
            return (target, target);
        }
        for candidate in &mut candidates {
            candidate.alive = true;
        }
        (target, select(&candidates, max_size))
    }

    /// The layer of least size.
    pub(super) fn smallest(&self, track: &Track) -> Option<EncodingIndex> {
        smallest(&self.candidates(track))
    }

    fn candidates(&self, track: &Track) -> smallvec::SmallVec<[Candidate; 3]> {
        let activities = track
            .encodings
            .iter()
            .map(|index| &self.encodings[*index].activity);
        let newest = activities.filter_map(|activity| activity.last).max();
        let candidate = |index: &EncodingIndex| {
            let encoding = &self.encodings[*index];
            Candidate {
                encoding: *index,
                alive: newest.is_some_and(|newest| encoding.activity.is_alive(newest)),
                size: encoding.activity.size,
                rid: encoding.origin.rid,
            }
        };
        track.encodings.iter().map(candidate).collect()
    }

    /// Looks again which layers a Track's Slots should be sent.
    pub(super) fn reselect(&mut self, now: Instant, track: TrackIndex) {
        let slots: smallvec::SmallVec<[SlotIndex; 64]> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.track == Some(track))
            .map(|(index, _)| index)
            .collect();
        for slot in slots {
            self.aim(now, slot);
        }
    }

    /// Points a Slot at an Encoding, keeping the forward lists: it stands on those
    /// of the Encoding that it is sent and of the one that it waits for.
    pub(super) fn retarget(&mut self, index: SlotIndex, target: Option<EncodingIndex>) {
        let slot = &mut self.slots[index];
        let (current, before) = (slot.encoding(), slot.target);
        slot.target = target;
        if target.is_none() {
            slot.stop();
        }
        let keep =
            |encoding| target.is_some() && (Some(encoding) == current || Some(encoding) == target);
        for encoding in [current, before].into_iter().flatten() {
            if !keep(encoding) {
                self.unlist(index, encoding);
            }
        }
        if let Some(encoding) = target.and_then(|target| self.encodings.get_mut(target)) {
            if !encoding.forwards.contains(&index) {
                encoding.forwards.push(index);
            }
            if self.slots[index].is_waiting() {
                encoding.keyframes.want();
            }
        }
    }

    pub(super) fn unlist(&mut self, slot: SlotIndex, encoding: EncodingIndex) {
        if let Some(encoding) = self.encodings.get_mut(encoding) {
            encoding.forwards.retain(|other| *other != slot);
        }
    }
}
