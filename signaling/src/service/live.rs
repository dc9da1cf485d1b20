//! A Call that goes on, as its Participants see it: what was committed last, beside
//! what lives only as long as the media does (tracks, Slots, speakers).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use convoke_media::control::{SlotAssignment, Source, Speaker, Strain};
use convoke_media::ids::{Mid, Rid};

use crate::domain::call::Call;
use crate::domain::event::{CallEvent, Happening};
use crate::domain::lifecycle::CallState;
use crate::domain::participant::{LeaveReason, Participant, PublishState, TrackState};
use crate::events::hub::{Closed, Fanout};
use crate::events::notice::{CallView, MediaContinuity, Muted, Notice, ParticipantView, Snapshot};
use crate::ids::{CallId, ParticipantId, UserId};

#[derive(Debug)]
pub(super) struct LiveCall {
    state: CallState,
    seats: HashMap<ParticipantId, Seat>,
    pub(super) fanout: Fanout,
    speakers: Vec<Speaker>,
    strain: Strain,
}

/// What a Participant has beside its row.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// Held over each exchange with the media core about this Participant, so that
    /// leaving cannot be overtaken by an offer.
    pub(super) media_turn: Arc<tokio::sync::Mutex<()>>,
    /// The Router knows the Participant.
    pub(super) in_router: bool,
    /// It has had an answer that still holds.
    pub(super) negotiated: bool,
    /// What it said of its sources.
    pub(super) publishing: BTreeMap<Source, PublishState>,
    /// Somebody else muted it, and it has said nothing of that source since: it may not
    /// have heard of it.
    pub(super) overruled: Option<Muted>,
    /// Sources of the last answer.
    pub(super) published: BTreeSet<Source>,
    slots: BTreeMap<Mid, SlotAssignment>,
    /// Layers of its sources that it was told are wanted.
    layers: BTreeMap<Source, Vec<Rid>>,
}

/// What the media core has to be told after a commit.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    /// Whom the Router has to forget, or only who may be busy with it when the Call
    /// is closed as a whole.
    pub(super) removed: Vec<(ParticipantId, Arc<tokio::sync::Mutex<()>>)>,
    pub(super) closed: Option<CallId>,
}

impl Seat {
    /// What is negotiated is live unless the Participant says otherwise; what it
    /// announces counts from then on.
    fn tracks(&self) -> Vec<TrackState> {
        let unsaid = self
            .published
            .iter()
            .map(|source| (*source, PublishState::Live));
        let mut states: BTreeMap<_, _> = unsaid.collect();
        states.extend(&self.publishing);
        let published = states.into_iter().filter_map(|(source, state)| {
            let muted = match state {
                PublishState::Off => return None,
                PublishState::Live => false,
                PublishState::Muted => true,
            };
            Some(TrackState { source, muted })
        });
        published.collect()
    }

    /// What the Participant says of a source; `false` when it has said so before.
    pub(super) fn say(&mut self, source: Source, state: PublishState) -> bool {
        self.overruled.take_if(|muted| muted.source == source);
        self.publishing.insert(source, state) != Some(state)
    }

    /// Whether others get to hear or see the source.
    pub(super) fn is_live(&self, source: Source) -> bool {
        let live = TrackState {
            source,
            muted: false,
        };
        self.tracks().contains(&live)
    }

    const fn continuity(&self) -> MediaContinuity {
        if self.in_router && self.negotiated {
            MediaContinuity::Kept
        } else {
            MediaContinuity::New
        }
    }

    pub(super) fn forget_media(&mut self) {
        self.in_router = false;
        self.negotiated = false;
        self.published.clear();
        self.slots.clear();
        self.layers.clear();
    }
}

impl LiveCall {
    /// `strain` is what its Router said before.
    pub(super) fn new(state: CallState, strain: Strain) -> Self {
        let seats = state.present.iter().map(|p| (p.id, Seat::default()));
        Self {
            seats: seats.collect(),
            state,
            fanout: Fanout::default(),
            speakers: Vec::new(),
            strain,
        }
    }

    pub(super) const fn state(&self) -> &CallState {
        &self.state
    }

    pub(super) fn call(&self) -> &Call {
        &self.state.call
    }

    pub(super) fn find(&self, id: ParticipantId) -> Option<&Participant> {
        self.state.find(id)
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Participant> {
        self.state.present.iter()
    }

    pub(super) fn seat(&mut self, id: ParticipantId) -> Option<&mut Seat> {
        self.seats.get_mut(&id)
    }

    pub(super) fn view(&self, id: ParticipantId) -> Option<ParticipantView> {
        self.find(id).map(|participant| self.view_of(participant))
    }

    fn view_of(&self, participant: &Participant) -> ParticipantView {
        let seat = self.seats.get(&participant.id);
        ParticipantView {
            id: participant.id,
            user: participant.user.clone(),
            name: participant.name.clone(),
            avatar_url: participant.avatar_url.clone(),
            role: participant.role,
            connection: participant.connection(),
            tracks: seat.map(Seat::tracks).unwrap_or_default(),
            joined_at: participant.joined_at.unwrap_or(self.call().times.created),
        }
    }

    pub(super) fn snapshot(&self, you: ParticipantId) -> Option<Snapshot> {
        let seat = self.seats.get(&you)?;
        let others = self.present().filter(|p| p.id != you);
        let call = self.call();
        Some(Snapshot {
            call: CallView {
                id: call.id,
                number: call.number,
                room: call.room.clone(),
                started_at: call.times.started.unwrap_or(call.times.created),
            },
            you: self.view(you)?,
            participants: others.map(|p| self.view_of(p)).collect(),
            slots: seat.slots.values().copied().collect(),
            speakers: self.speakers.clone(),
            strain: self.strain,
            media: seat.continuity(),
        })
    }

    /// Everybody whose `source` is live, `except` those of one user, in order of joining.
    pub(super) fn live_but(&self, except: Option<&UserId>, source: Source) -> Vec<ParticipantId> {
        let others = self.present().filter(|p| Some(&p.user) != except);
        let seat = |id: &ParticipantId| self.seats.get(id);
        let live = |id: &ParticipantId| seat(id).is_some_and(|seat| seat.is_live(source));
        others.map(|p| p.id).filter(live).collect()
    }

    /// Somebody else muted a source of the Participant.
    pub(super) fn overrule(&mut self, id: ParticipantId, muted: Muted) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.publishing.insert(muted.source, PublishState::Muted);
            seat.overruled = Some(muted.clone());
            self.tell_changed(id);
            self.fanout.send_to(id, Notice::Muted(muted));
        }
    }

    /// Takes over what was committed and tells everybody, in the order in which it
    /// happened.
    pub(super) fn publish(&mut self, state: CallState, events: &[CallEvent]) -> Aftermath {
        self.state = state;
        for participant in &self.state.present {
            self.seats.entry(participant.id).or_default();
        }
        let ended = events.iter().find_map(|event| match event.what {
            Happening::Ended(reason) => Some(reason),
            _ => None,
        });
        if let Some(reason) = ended {
            self.fanout.send_all(Notice::CallEnded(reason));
            return self.close();
        }
        for event in events {
            if let Some(participant) = event.participant {
                self.tell(event.what, participant);
            }
        }
        self.sweep()
    }

    /// Takes everything away, because the Call is over.
    pub(super) fn close(&mut self) -> Aftermath {
        let closed = Some(self.call().id);
        let seats = std::mem::take(&mut self.seats);
        let removed = seats.into_iter().map(|(id, seat)| {
            self.fanout.detach(id, Closed::Over);
            (id, seat.media_turn)
        });
        Aftermath {
            removed: removed.collect(),
            closed,
        }
    }

    fn tell(&mut self, what: Happening, about: ParticipantId) {
        match what {
            Happening::Joined => {
                if let Some(view) = self.view(about) {
                    let notice = Notice::ParticipantJoined(view);
                    self.fanout.send_others(about, notice);
                }
            }
            Happening::Disconnected => {
                self.fanout.detach(about, Closed::Over);
                self.tell_changed(about);
            }
            Happening::Resumed => self.tell_changed(about),
            Happening::Left(reason) => self.tell_left(about, reason),
            Happening::Media { .. } => self.tell_changed(about),
            // Nothing that those inside would see.
            _ => {}
        }
    }

    fn tell_left(&mut self, participant: ParticipantId, reason: LeaveReason) {
        if !self.seats.contains_key(&participant) {
            // Nobody was told that it came: there was no media for it.
            return;
        }
        self.fanout.detach(participant, Closed::Over);
        self.fanout.send_all(Notice::ParticipantLeft {
            participant,
            reason,
        });
    }

    pub(super) fn tell_changed(&mut self, id: ParticipantId) {
        if let Some(view) = self.view(id) {
            self.fanout.send_all(Notice::ParticipantChanged(view));
        }
    }

    /// Takes the seats of those who are no longer present. Usually it is who just
    /// left; after a commit of which nobody knew whether it happened, others as well.
    fn sweep(&mut self) -> Aftermath {
        let state = &self.state;
        let gone = self
            .seats
            .keys()
            .copied()
            .filter(|id| state.find(*id).is_none());
        let gone: Vec<_> = gone.collect();
        let removed = gone.into_iter().filter_map(|id| {
            self.fanout.detach(id, Closed::Over);
            let seat = self.seats.remove(&id)?;
            self.speakers.retain(|s| s.participant != id.into());
            Some((id, seat.media_turn))
        });
        Aftermath {
            removed: removed.collect(),
            closed: None,
        }
    }

    /// The Participant has an answer; gives what it said of its sources before.
    pub(super) fn answered(
        &mut self,
        id: ParticipantId,
        published: BTreeSet<Source>,
    ) -> Option<BTreeMap<Source, PublishState>> {
        let seat = self.seats.get_mut(&id)?;
        seat.negotiated = true;
        let before = seat.tracks();
        seat.published = published;
        let changed = seat.tracks() != before;
        let said = seat.publishing.clone();
        if changed {
            self.tell_changed(id);
        }
        Some(said)
    }

    pub(super) fn participants(&self) -> usize {
        self.present().count()
    }

    pub(super) fn set_speakers(&mut self, speakers: Vec<Speaker>) {
        self.speakers.clone_from(&speakers);
        self.fanout.send_all(Notice::Speaking(speakers));
    }

    pub(super) fn set_strain(&mut self, strain: Strain) {
        if self.strain != strain {
            self.strain = strain;
            self.fanout.send_all(Notice::Strained(strain));
        }
    }

    pub(super) fn assign_slots(&mut self, id: ParticipantId, assignments: Vec<SlotAssignment>) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        let entries = assignments
            .iter()
            .map(|assignment| (assignment.mid, *assignment));
        seat.slots.extend(entries);
        self.fanout.send_to(id, Notice::Slots(assignments));
    }

    /// Tells again what may have been lost with an attachment.
    pub(super) fn repeat_layers(&mut self, id: ParticipantId) {
        let Some(seat) = self.seats.get(&id) else {
            return;
        };
        for (&source, wanted) in &seat.layers {
            let wanted = wanted.clone();
            self.fanout.send_to(id, Notice::Layers { source, wanted });
        }
    }

    pub(super) fn set_layers(&mut self, id: ParticipantId, source: Source, wanted: Vec<Rid>) {
        let Some(seat) = self.seats.get_mut(&id) else {
            return;
        };
        seat.layers.insert(source, wanted.clone());
        self.fanout.send_to(id, Notice::Layers { source, wanted });
    }

    /// The media of the Call is gone: everybody starts anew.
    pub(super) fn lose_router(&mut self) {
        self.speakers.clear();
        self.strain = Strain::None;
        for seat in self.seats.values_mut() {
            seat.forget_media();
        }
        let everybody: Vec<_> = self.present().map(|p| p.id).collect();
        for id in everybody {
            if let Some(snapshot) = self.snapshot(id) {
                let notice = Notice::Rejoined(Box::new(snapshot));
                self.fanout.send_to(id, notice);
            }
        }
    }
}
