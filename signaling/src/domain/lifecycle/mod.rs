//! What can happen to a Call, as one pure function: state and [`Transition`] in,
//! state and [`Outcome`] out. The store writes an outcome whole or not at all.
//!
//! Requests arrive twice and late. What is true already changes nothing and gives an
//! empty outcome; only what can no longer become true is refused.

mod entering;
mod leaving;
mod presence;
mod ringing;
mod transition;

use std::time::Duration;

use super::call::{Call, CallStatus, EndReason, Origin};
use super::event::{CallEvent, Happening};
use super::participant::{MediaChange, MediaState, Participant, ParticipantStatus, Role};
use super::time::UnixMillis;
use crate::ids::{ParticipantId, UserId};

pub use transition::{HangUp, Invitee, Newcomer, Plan, Transition};

/// A Call and who is in it or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallState {
    pub call: Call,
    /// Everybody whose status is joined, in order of joining.
    pub present: Vec<Participant>,
    /// Everybody else who was invited, one row a user.
    pub asked: Vec<Participant>,
}

/// What the operator decided.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub max_participants: u32,
    pub grace: Duration,
    /// How long a Call that everybody left waits for somebody to come back.
    pub linger: Duration,
    /// The same for a meeting or an appointment.
    pub planned_linger: Duration,
    /// How long people are rung.
    pub ring: Duration,
    /// How long somebody is believed to be there by its word, in a Call of ours.
    pub word: Duration,
    /// The same in a Jitsi, of whose rooms nobody tells us.
    pub word_elsewhere: Duration,
    /// After which a Call is ended.
    pub max_duration: Duration,
}

/// Everything that a transition writes, beside the Call itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    pub events: Vec<CallEvent>,
    /// Who changed, as they are now; a joined one may be new.
    pub changed: Vec<Participant>,
    pub deadlines: Vec<DeadlineChange>,
    /// The row that a newcomer has.
    pub seated: Option<ParticipantId>,
}

impl Outcome {
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.changed.is_empty() && self.deadlines.is_empty()
    }
}

/// Something that happens by itself when nothing happens before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deadline {
    Grace(ParticipantId),
    Word(ParticipantId),
    Linger,
    Ring,
    Plan,
    Duration,
}

impl Deadline {
    pub const fn transition(self) -> Transition {
        match self {
            Self::Grace(participant) => Transition::GraceOver { participant },
            Self::Word(participant) => Transition::WordOver { participant },
            Self::Linger => Transition::LingerOver,
            Self::Ring => Transition::RingOver,
            Self::Plan => Transition::PlanOver,
            Self::Duration => Transition::DurationOver,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineChange {
    Set(Deadline, UnixMillis),
    Clear(Deadline),
}

/// Why a transition is impossible now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the room is full: {limit} participants")]
    Full { limit: u32 },
    #[error("the participant is not in the call")]
    NotPresent,
    #[error("not a member of the call")]
    NotMember,
    #[error("the call may not be recorded")]
    NoRecording,
    #[error("the call has ended")]
    Ended,
}

impl CallState {
    pub const fn new(call: Call) -> Self {
        Self {
            call,
            present: Vec::new(),
            asked: Vec::new(),
        }
    }

    pub fn find(&self, id: ParticipantId) -> Option<&Participant> {
        self.present.iter().find(|p| p.id == id)
    }

    /// Everybody concerned: who is present, then who was asked.
    pub fn people(&self) -> impl Iterator<Item = &Participant> {
        self.present.iter().chain(&self.asked)
    }

    pub fn is_present(&self, user: &UserId) -> bool {
        self.present.iter().any(|p| p.user == *user)
    }

    pub fn is_member(&self, user: &UserId) -> bool {
        let mut own = self.people().filter(|p| p.user == *user);
        self.call.initiated_by.as_ref() == Some(user) || own.any(Participant::takes_part)
    }

    /// Whether it was made before anybody entered: by a user, or by the host's backend,
    /// which is nobody.
    pub fn was_planned(&self) -> bool {
        self.call.nature.origin != Origin::AdHoc || self.people().any(|p| p.invited)
    }

    /// Whether `user` started it, or does by entering. What the host's backend planned is
    /// started by nobody.
    pub fn is_started_by(&self, user: &UserId) -> bool {
        match &self.call.initiated_by {
            Some(initiator) => initiator == user,
            None => !self.was_planned(),
        }
    }

    /// Whether it was made ahead, as a Room that tokens were asked for, and nobody who is
    /// to lead it has come yet.
    fn awaits_leader(&self) -> bool {
        let leaders = || self.people().filter(|p| p.role.leads());
        self.call.nature.origin == Origin::AdHoc
            && leaders().next().is_some()
            && leaders().all(|p| p.joined_at.is_none())
    }

    /// Whether somebody is there who does more than watch.
    pub fn is_held(&self) -> bool {
        self.present.iter().any(Participant::takes_part)
    }

    /// Whether somebody else does more than watch.
    fn others_take_part(&self, user: &UserId) -> bool {
        let mut others = self.present.iter().filter(|p| p.user != *user);
        others.any(Participant::takes_part)
    }

    /// The highest role that the user's rows have. Watching gives none.
    pub fn role_of(&self, user: &UserId) -> Option<Role> {
        let rows = self.people().filter(|p| p.user == *user && p.takes_part());
        rows.map(|p| p.role).max_by_key(|role| match role {
            Role::Host => 2,
            Role::Moderator => 1,
            Role::Participant | Role::Viewer => 0,
        })
    }

    /// Makes `transition` happen at `now`, or leaves the state undefined and says why
    /// not. Times of a Call never run backwards, even when `now` does.
    pub fn apply(
        &mut self,
        transition: Transition,
        now: UnixMillis,
        rules: &Rules,
    ) -> Result<Outcome, Refusal> {
        let mut step = Step {
            at: now.max(self.call.times.updated),
            rules,
            state: self,
            outcome: Outcome::default(),
        };
        step.take(transition)?;
        let Step { at, outcome, .. } = step;
        if !outcome.is_empty() {
            self.call.times.updated = at;
        }
        Ok(outcome)
    }
}

/// One transition being made.
struct Step<'a> {
    state: &'a mut CallState,
    at: UnixMillis,
    rules: &'a Rules,
    outcome: Outcome,
}

impl Step<'_> {
    fn take(&mut self, transition: Transition) -> Result<(), Refusal> {
        if self.state.call.status == CallStatus::Ended {
            return self.take_after_end(transition);
        }
        let speaker = transition.speaker().cloned();
        match transition {
            Transition::Plan(plan) => self.plan(plan),
            Transition::Join(newcomer) => self.join(newcomer)?,
            Transition::Watch(newcomer) => self.watch(newcomer)?,
            Transition::Accept { user } => self.accept(&user)?,
            Transition::Decline { user } => self.decline(&user)?,
            Transition::Miss { user } => self.miss_by_word(&user),
            Transition::Start { by } => self.start_by_word(by.as_ref()),
            Transition::Disconnect { participant, epoch } => self.disconnect(participant, epoch),
            Transition::Resume { participant, epoch } => self.resume(participant, epoch)?,
            Transition::Absent { user } => self.absent(&user),
            Transition::Back { user } => self.back(&user),
            Transition::Gone { user } => self.gone(&user),
            // Every word of a user is one, and heard below.
            Transition::Heard { .. } => {}
            Transition::Leave {
                participant,
                reason,
            } => self.leave(participant, reason),
            Transition::Depart { user } => self.depart(&user)?,
            Transition::SetMedia { user, change } => self.set_media(&user, change)?,
            Transition::SetRecording { by, on } => self.set_recording(by.as_ref(), on)?,
            Transition::AddRecording { by } => {
                self.record(Happening::RecordingAdded, by.as_ref(), None);
            }
            Transition::GraceOver { participant } => self.grace_over(participant),
            Transition::WordOver { participant } => self.word_over(participant),
            Transition::LingerOver => self.linger_over(),
            Transition::RingOver => self.ring_over(),
            Transition::PlanOver => self.plan_over(),
            Transition::DurationOver => self.end(None, EndReason::Completed, self.at),
            Transition::HangUp { by, how } => self.hang_up(by, how),
            Transition::End { by, reason } => self.end(by, reason, self.at),
            Transition::Supersede { by } => self.supersede(by),
            Transition::Recover { last_alive } => self.recover(last_alive),
        }
        if let Some(user) = speaker {
            self.heard(&user);
        }
        Ok(())
    }

    /// Late requests find nothing to do, unless they want in.
    fn take_after_end(&mut self, transition: Transition) -> Result<(), Refusal> {
        match transition {
            Transition::Join(_)
            | Transition::Watch(_)
            | Transition::Resume { .. }
            | Transition::Accept { .. }
            | Transition::Start { .. }
            | Transition::SetMedia { .. }
            | Transition::SetRecording { on: true, .. } => Err(Refusal::Ended),
            Transition::AddRecording { by } => {
                self.record(Happening::RecordingAdded, by.as_ref(), None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn set_media(&mut self, user: &UserId, change: MediaChange) -> Result<(), Refusal> {
        if !self.state.is_present(user) {
            return Err(Refusal::NotPresent);
        }
        let own = self.state.present.iter().filter(|p| p.user == *user);
        for id in own.map(|p| p.id).collect::<Vec<_>>() {
            let (mut state, mut changed) = (MediaState::default(), MediaState::default());
            if self.change(id, |p| {
                state = change.applied_to(p.media);
                changed = state.difference(p.media);
                p.media = state;
                changed != MediaState::default()
            }) {
                self.record_about(Happening::Media { state, changed }, id);
            }
        }
        Ok(())
    }

    fn set_recording(&mut self, by: Option<&UserId>, on: bool) -> Result<(), Refusal> {
        let call = &mut self.state.call;
        if on && !call.about.recording_allowed {
            return Err(Refusal::NoRecording);
        }
        if call.recording != on {
            call.recording = on;
            self.record(Happening::Recording(on), by, None);
        }
        Ok(())
    }

    /// Changes a present Participant; `change` says whether it did anything.
    fn change(&mut self, id: ParticipantId, change: impl FnOnce(&mut Participant) -> bool) -> bool {
        let Some(participant) = self.state.present.iter_mut().find(|p| p.id == id) else {
            return false;
        };
        let changed = change(participant);
        if changed {
            self.outcome.changed.push(participant.clone());
        }
        changed
    }

    fn record_about(&mut self, what: Happening, id: ParticipantId) {
        if let Some(participant) = self.state.find(id).cloned() {
            self.record_of(what, &participant);
        }
    }

    fn record_of(&mut self, what: Happening, participant: &Participant) {
        self.record(what, Some(&participant.user), Some(participant.id));
    }

    fn record(
        &mut self,
        what: Happening,
        user: Option<&UserId>,
        participant: Option<ParticipantId>,
    ) {
        self.state.call.last_event += 1;
        self.outcome.events.push(CallEvent {
            seq: self.state.call.last_event,
            at: self.at,
            user: user.cloned(),
            participant,
            what,
        });
    }

    fn set(&mut self, deadline: Deadline, due: UnixMillis) {
        self.outcome
            .deadlines
            .push(DeadlineChange::Set(deadline, due));
    }

    fn clear(&mut self, deadline: Deadline) {
        self.outcome.deadlines.push(DeadlineChange::Clear(deadline));
    }
}

/// Whether the Call waits for this one, who was rung: still ringing, or on its way
/// after having answered.
fn awaited(participant: &Participant) -> bool {
    match participant.status {
        ParticipantStatus::Ringing => true,
        ParticipantStatus::Invited => participant.accepted_at.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
