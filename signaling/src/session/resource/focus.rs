//! Whom a player shows that asked for one: whichever device of that name or user sends,
//! and nothing until it comes. Pure.

use convoke_media::control::{MediaKind, SlotInfo, SlotRequest, SlotTarget, Source, TrackId};

use crate::domain::participant::Role;
use crate::events::notice::{Notice, ParticipantView, Snapshot};
use crate::ids::ParticipantId;

#[derive(Debug)]
pub(super) struct Focus {
    whom: String,
    slots: Vec<SlotInfo>,
    /// Everybody of that name, in order of coming.
    people: Vec<ParticipantView>,
    /// Who was shown last.
    shown: Option<ParticipantId>,
}

impl Focus {
    pub(super) fn new(whom: String, slots: &[SlotInfo], snapshot: &Snapshot) -> Self {
        let mut focus = Self {
            whom,
            slots: slots.to_vec(),
            people: Vec::new(),
            shown: None,
        };
        for person in &snapshot.participants {
            focus.put(person);
        }
        focus.choose();
        focus
    }

    /// What the Slots are to show now, if this makes a difference.
    pub(super) fn noticed(&mut self, notice: &Notice) -> Option<Vec<SlotRequest>> {
        let before = self.wishes();
        match notice {
            Notice::ParticipantJoined(person) | Notice::ParticipantChanged(person) => {
                self.put(person);
            }
            Notice::ParticipantLeft { participant, .. } => {
                self.people.retain(|known| known.id != *participant);
            }
            _ => return None,
        }
        self.choose();
        let wishes = self.wishes();
        (wishes != before).then_some(wishes)
    }

    fn put(&mut self, person: &ParticipantView) {
        let is_meant = person.user.as_str() == self.whom || person.name == self.whom;
        if !is_meant || person.role == Role::Viewer {
            return;
        }
        match self.people.iter_mut().find(|known| known.id == person.id) {
            Some(known) => known.clone_from(person),
            None => self.people.push(person.clone()),
        }
    }

    /// Who is shown stays, as long as it sends something.
    fn choose(&mut self) {
        let sends = |person: &&ParticipantView| !person.tracks.is_empty();
        let sending = || self.people.iter().filter(sends);
        let stays = sending().find(|person| Some(person.id) == self.shown);
        let chosen = stays.or_else(|| sending().next());
        self.shown = chosen.map(|person| person.id);
    }

    /// A whole list each time: what is not shown is off.
    pub(super) fn wishes(&self) -> Vec<SlotRequest> {
        let mut audio = self.tracks(MediaKind::Audio);
        let mut video = self.tracks(MediaKind::Video);
        let wish = |slot: &SlotInfo| {
            let next = match slot.kind {
                MediaKind::Audio => audio.next(),
                MediaKind::Video => video.next(),
            };
            SlotRequest {
                mid: slot.mid,
                target: next.map_or(SlotTarget::Off, SlotTarget::Pinned),
                max_size: None,
                priority: 0,
            }
        };
        self.slots.iter().map(wish).collect()
    }

    /// What there is to show, in the order in which Slots get it. Where there is one
    /// picture, a shared screen is what the others look at as well; where there are
    /// more, the camera is first and stays where it is.
    fn tracks(&self, kind: MediaKind) -> std::vec::IntoIter<TrackId> {
        let slots = self.slots.iter().filter(|slot| slot.kind == kind).count();
        let order = match (kind, slots) {
            (MediaKind::Audio, _) => [Source::Microphone, Source::ScreenAudio],
            (MediaKind::Video, 0 | 1) => [Source::Screen, Source::Camera],
            (MediaKind::Video, _) => [Source::Camera, Source::Screen],
        };
        let person = self.people.iter().find(|p| Some(p.id) == self.shown);
        let sent = order.into_iter().filter_map(|source| {
            let person = person?;
            let track = person.tracks.iter().find(|track| track.source == source)?;
            // A muted screen would hide a camera that sends.
            (source != Source::Screen || !track.muted).then_some(TrackId {
                participant: person.id.into(),
                source,
            })
        });
        sent.collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests;
