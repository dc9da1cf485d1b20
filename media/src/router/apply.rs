//! Turns an accepted offer into Tracks, Encodings and Slots. Sections keep their
//! identity by mid, so applying the same offer again changes nothing.

use std::time::Instant;

use smallvec::SmallVec;

use super::Router;
use super::packet::slot_is_gone;
use super::participant::merged_extensions;
use super::table::{EncodingIndex, ParticipantIndex, SlotIndex, TrackIndex};
use super::track::Track;
use crate::control::{Event, MediaKind, SlotAssignment, SlotState, TrackId};
use crate::egress::{History, Slot};
use crate::ids::ParticipantKey;
use crate::ingress::{DemuxSection, Encoding, Origin, Role};
use crate::negotiation::params::{Negotiated, PublishSection, SlotSection};

impl Router {
    /// First negotiation and every later one.
    pub fn apply(&mut self, now: Instant, key: ParticipantKey, negotiated: &Negotiated) {
        let Some(owner) = self.index_of(key) else {
            return;
        };
        if self.is_read_anew(owner, negotiated) {
            for (_, slot) in self.slots.iter_mut() {
                slot.reoffered();
            }
        }
        self.participants[owner].extensions = merged_extensions(negotiated);
        let gone = self.apply_tracks(owner, &negotiated.published);
        self.apply_slots(owner, key, &negotiated.slots);
        self.reconcile(now);
        self.drop_tracks(&gone);
    }

    /// Whether what is kept of a publisher's packets will be read otherwise than when it was
    /// forwarded.
    fn is_read_anew(&self, owner: ParticipantIndex, negotiated: &Negotiated) -> bool {
        let participant = &self.participants[owner];
        let recoded = |track: &TrackIndex| {
            let track = &self.tracks[*track];
            let mut sections = negotiated.published.iter();
            sections.any(|section| section.mid == track.mid && section.codecs != track.codecs)
        };
        !participant.tracks.is_empty()
            && (participant.extensions != merged_extensions(negotiated)
                || participant.tracks.iter().any(recoded))
    }

    /// Answers the Tracks that are no more.
    fn apply_tracks(
        &mut self,
        owner: ParticipantIndex,
        published: &[PublishSection],
    ) -> Vec<TrackIndex> {
        let mut before = std::mem::take(&mut self.participants[owner].tracks);
        let mut kept = Vec::with_capacity(published.len());
        let mut sections = Vec::with_capacity(published.len());
        for section in published {
            let same = |track: &TrackIndex| {
                let track = &self.tracks[*track];
                (track.mid, track.id.source) == (section.mid, section.source)
            };
            let index = match before.iter().position(same) {
                Some(at) => before.swap_remove(at),
                None => self.make_track(owner, section),
            };
            sections.push(self.apply_section(owner, index, section));
            kept.push(index);
        }
        let participant = &mut self.participants[owner];
        participant.tracks = kept;
        participant.demux.set_sections(sections);
        self.bind_signalled(owner, published);
        self.retire_tracks(&before);
        before
    }

    fn make_track(&mut self, owner: ParticipantIndex, section: &PublishSection) -> TrackIndex {
        self.made += 1;
        let id = TrackId {
            participant: self.participants[owner].id,
            source: section.source,
        };
        let mut track = Track::new(owner, id, section.mid, self.made);
        track.muted = self.participants[owner].is_muted(section.source);
        self.tracks.insert(track)
    }

    fn apply_section(
        &mut self,
        owner: ParticipantIndex,
        index: TrackIndex,
        section: &PublishSection,
    ) -> DemuxSection {
        let before = std::mem::take(&mut self.tracks[index].encodings);
        let mut encodings = SmallVec::<[_; 3]>::new();
        for params in &section.encodings {
            let mut same = before.iter().copied();
            let known = same.find(|known| self.encodings[*known].origin.rid == params.rid);
            let encoding = known.unwrap_or_else(|| {
                let origin = Origin {
                    participant: owner,
                    track: index,
                    rid: params.rid,
                };
                self.make_encoding(origin, section.source.kind())
            });
            encodings.push((params.rid, encoding));
        }
        let track = &mut self.tracks[index];
        track.active = section.active;
        track.codecs.clone_from(&section.codecs);
        track.encodings = encodings.iter().map(|(_, encoding)| *encoding).collect();
        for encoding in before {
            if !self.tracks[index].encodings.contains(&encoding) {
                self.drop_encoding(encoding);
            }
        }
        DemuxSection {
            mid: section.mid,
            codecs: section.codecs.clone(),
            encodings,
        }
    }

    fn make_encoding(&mut self, origin: Origin, kind: MediaKind) -> EncodingIndex {
        self.made += 1;
        let history = History::new(kind == MediaKind::Video, self.config.video_history);
        // Restarts count within the lower half, so an epoch never names two.
        self.encodings
            .insert(Encoding::new(origin, self.made << 32, history))
    }

    /// SSRCs that the offer states (`a=ssrc`).
    fn bind_signalled(&mut self, owner: ParticipantIndex, published: &[PublishSection]) {
        let participant = &mut self.participants[owner];
        for (section, track) in published.iter().zip(&participant.tracks) {
            let encodings = &self.tracks[*track].encodings;
            for (params, index) in section.encodings.iter().zip(encodings) {
                if let Some(ssrc) = params.ssrc {
                    participant.demux.bind(ssrc, *index, Role::Media);
                    self.encodings[*index].rebind(ssrc);
                }
                if let Some(ssrc) = params.rtx_ssrc {
                    participant.demux.bind(ssrc, *index, Role::Repair);
                }
            }
        }
    }

    /// Makes Tracks unavailable; they go when no Slot shows them any more.
    pub(super) fn retire_tracks(&mut self, tracks: &[TrackIndex]) {
        for track in tracks {
            self.tracks[*track].active = false;
        }
    }

    pub(super) fn drop_tracks(&mut self, tracks: &[TrackIndex]) {
        for index in tracks {
            if let Some(track) = self.tracks.remove(*index) {
                for encoding in track.encodings {
                    self.drop_encoding(encoding);
                }
            }
        }
    }

    fn drop_encoding(&mut self, index: EncodingIndex) {
        let Some(encoding) = self.encodings.remove(index) else {
            return;
        };
        for at in encoding.forwards {
            let Some(slot) = self.slots.get_mut(at) else {
                slot_is_gone(at);
                continue;
            };
            if slot.encoding() == Some(index) {
                slot.stop();
            }
            if slot.target == Some(index) {
                slot.target = None;
            }
        }
    }

    fn apply_slots(
        &mut self,
        owner: ParticipantIndex,
        key: ParticipantKey,
        sections: &[SlotSection],
    ) {
        let mut before = std::mem::take(&mut self.participants[owner].slots);
        let mut kept = Vec::with_capacity(sections.len());
        for section in sections {
            let same = |slot: &SlotIndex| {
                let known = &self.slots[*slot].section;
                // Its numbers belong to its SSRC, so another SSRC is another Slot.
                (known.mid, known.kind, known.ssrc) == (section.mid, section.kind, section.ssrc)
            };
            let index = match before.iter().position(same) {
                Some(at) => {
                    let slot = before.swap_remove(at);
                    self.slots[slot].renegotiate(section);
                    slot
                }
                None => {
                    let random = self.random.next();
                    self.slots
                        .insert(Slot::new(owner, key, section.clone(), random))
                }
            };
            kept.push(index);
        }
        self.participants[owner].slots = kept;
        self.empty_slots(owner, before);
    }

    /// Removes Slots that an offer replaced or left out, and says so: what took their place
    /// tells only what it shows itself.
    fn empty_slots(&mut self, owner: ParticipantIndex, slots: Vec<SlotIndex>) {
        let mut emptied = Vec::new();
        for index in slots {
            let slot = &self.slots[index];
            if slot.state != SlotState::Empty {
                emptied.push(SlotAssignment {
                    mid: slot.section.mid,
                    state: SlotState::Empty,
                });
            }
            self.remove_slot(index);
        }
        if !emptied.is_empty() {
            self.events.push_back(Event::Slots {
                participant: self.participants[owner].id,
                assignments: emptied,
            });
        }
    }

    pub(super) fn remove_slot(&mut self, index: SlotIndex) {
        self.retarget(index, None);
        self.slots.remove(index);
    }
}
