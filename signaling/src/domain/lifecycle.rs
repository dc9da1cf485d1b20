//! What can happen to a Call, as one pure function: state and [`Transition`] in,
//! state and [`Outcome`] out. The store writes an outcome whole or not at all.
//!
//! Requests arrive twice and late. What is true already changes nothing and gives an
//! empty outcome; only what can no longer become true is refused.

use std::time::Duration;

use super::call::{Call, CallStatus, EndReason};
use super::event::{CallEvent, Happening};
use super::participant::{LeaveReason, Participant, ParticipantStatus, Role};
use super::time::UnixMillis;
use crate::ids::{Epoch, ParticipantId, UserId};

/// A Call that has not ended, and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallState {
    pub call: Call,
    /// Everybody whose status is joined, in order of joining.
    pub present: Vec<Participant>,
}

/// What the operator decided.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub max_participants: u32,
    pub grace: Duration,
    pub linger: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    Join(Newcomer),
    /// The Session of this attachment is gone.
    Disconnect {
        participant: ParticipantId,
        epoch: Epoch,
    },
    /// A new Session takes over from the attachment `epoch`, or from the one after
    /// it, whose announcement may have been lost on its way.
    Resume {
        participant: ParticipantId,
        epoch: Epoch,
    },
    Leave {
        participant: ParticipantId,
        reason: LeaveReason,
    },
    /// A lost Participant's time to return is over.
    GraceOver {
        participant: ParticipantId,
    },
    /// An empty Call's time to be entered again is over.
    LingerOver,
    End {
        by: Option<UserId>,
        reason: EndReason,
    },
    /// The server starts again; it was last alive at `last_alive`.
    Recover {
        last_alive: UnixMillis,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    pub id: ParticipantId,
    pub user: UserId,
    pub name: String,
    pub avatar_url: Option<String>,
    pub role: Role,
}

/// Everything that a transition writes, beside the Call itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    pub events: Vec<CallEvent>,
    /// Who changed, as they are now; a joined one may be new.
    pub changed: Vec<Participant>,
    pub deadlines: Vec<DeadlineChange>,
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
    Linger,
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
    #[error("the call has ended")]
    Ended,
}

impl CallState {
    pub const fn new(call: Call) -> Self {
        Self {
            call,
            present: Vec::new(),
        }
    }

    pub fn find(&self, id: ParticipantId) -> Option<&Participant> {
        self.present.iter().find(|p| p.id == id)
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
            return match transition {
                Transition::Join(_) | Transition::Resume { .. } => Err(Refusal::Ended),
                _ => Ok(()),
            };
        }
        match transition {
            Transition::Join(newcomer) => self.join(newcomer)?,
            Transition::Disconnect { participant, epoch } => self.disconnect(participant, epoch),
            Transition::Resume { participant, epoch } => self.resume(participant, epoch)?,
            Transition::Leave {
                participant,
                reason,
            } => self.leave(participant, reason),
            Transition::GraceOver { participant } => self.grace_over(participant),
            Transition::LingerOver => self.linger_over(),
            Transition::End { by, reason } => self.end(by, reason, self.at),
            Transition::Recover { last_alive } => self.recover(last_alive),
        }
        Ok(())
    }

    fn join(&mut self, newcomer: Newcomer) -> Result<(), Refusal> {
        let limit = self.rules.max_participants;
        if self.state.present.len() >= limit as usize {
            return Err(Refusal::Full { limit });
        }
        let call = &mut self.state.call;
        if call.initiated_by.is_none() {
            call.initiated_by = Some(newcomer.user.clone());
            self.record(Happening::Initiated, Some(&newcomer.user), None);
        }
        self.start();
        let participant = Participant {
            id: newcomer.id,
            user: newcomer.user,
            name: newcomer.name,
            avatar_url: newcomer.avatar_url,
            role: newcomer.role,
            status: ParticipantStatus::Joined,
            joined_at: Some(self.at),
            left_at: None,
            leave_reason: None,
            lost_at: None,
            epoch: Epoch::FIRST,
        };
        self.record_of(Happening::Joined, &participant);
        if self.state.present.is_empty() {
            self.clear(Deadline::Linger);
        }
        self.outcome.changed.push(participant.clone());
        self.state.present.push(participant);
        Ok(())
    }

    fn start(&mut self) {
        let call = &mut self.state.call;
        if call.status != CallStatus::Ongoing {
            call.status = CallStatus::Ongoing;
            call.times.started = Some(self.at);
        }
    }

    fn disconnect(&mut self, id: ParticipantId, epoch: Epoch) {
        let at = self.at;
        if self.change(id, |p| {
            let news = p.epoch == epoch && p.lost_at.is_none();
            if news {
                p.lost_at = Some(at);
            }
            news
        }) {
            self.record_about(Happening::Disconnected, id);
            self.set(Deadline::Grace(id), at + self.rules.grace);
        }
    }

    fn resume(&mut self, id: ParticipantId, epoch: Epoch) -> Result<(), Refusal> {
        let found = self.change(id, |p| {
            let known = epoch == p.epoch || epoch.next() == p.epoch;
            if known {
                p.lost_at = None;
                p.epoch = p.epoch.next();
            }
            known
        });
        if !found {
            return Err(Refusal::NotPresent);
        }
        self.record_about(Happening::Resumed, id);
        self.clear(Deadline::Grace(id));
        Ok(())
    }

    fn leave(&mut self, id: ParticipantId, reason: LeaveReason) {
        if self.remove(id, reason) && self.state.present.is_empty() {
            self.vacated(match reason {
                LeaveReason::Failed => EndReason::Failed,
                _ => EndReason::Completed,
            });
        }
    }

    fn grace_over(&mut self, id: ParticipantId) {
        let lost = self.state.find(id).is_some_and(|p| p.lost_at.is_some());
        if lost {
            self.leave(id, LeaveReason::TimedOut);
        } else {
            self.clear(Deadline::Grace(id));
        }
    }

    fn linger_over(&mut self) {
        if self.state.present.is_empty() {
            let ended = self.state.call.times.last_left.unwrap_or(self.at);
            self.end(None, EndReason::Completed, ended);
        } else {
            self.clear(Deadline::Linger);
        }
    }

    fn vacated(&mut self, reason: EndReason) {
        if self.rules.linger.is_zero() {
            let ended = self.state.call.times.last_left.unwrap_or(self.at);
            self.end(None, reason, ended);
        } else {
            self.set(Deadline::Linger, self.at + self.rules.linger);
        }
    }

    fn end(&mut self, by: Option<UserId>, reason: EndReason, ended: UnixMillis) {
        let everybody: Vec<_> = self.state.present.iter().map(|p| p.id).collect();
        for id in everybody {
            self.remove(id, LeaveReason::CallEnded);
        }
        self.clear(Deadline::Linger);
        let call = &mut self.state.call;
        call.status = CallStatus::Ended;
        call.end_reason = Some(reason);
        call.times.ended = Some(ended);
        self.record(Happening::Ended(reason), by.as_ref(), None);
    }

    /// Nobody's Session survived the server. Everybody gets the whole grace time to
    /// come back; who does not has left when the server was last seen alive.
    fn recover(&mut self, last_alive: UnixMillis) {
        let at = self.at;
        let everybody: Vec<_> = self.state.present.iter().map(|p| p.id).collect();
        if everybody.is_empty() && self.state.call.status == CallStatus::Ongoing {
            return self.vacated(EndReason::Completed);
        }
        for id in everybody {
            if self.change(id, |p| {
                let known = last_alive.min(at).max(p.joined_at.unwrap_or(at));
                p.lost_at.is_none() && p.lost_at.replace(known).is_none()
            }) {
                self.record_about(Happening::Disconnected, id);
            }
            self.set(Deadline::Grace(id), at + self.rules.grace);
        }
    }

    /// Takes a present Participant out of the Call; `false` when it is not there.
    fn remove(&mut self, id: ParticipantId, reason: LeaveReason) -> bool {
        let Some(index) = self.state.present.iter().position(|p| p.id == id) else {
            return false;
        };
        let mut participant = self.state.present.remove(index);
        let lost_at = participant.lost_at.take();
        // Who was lost was last known to be there when it was lost.
        let left_at = lost_at.unwrap_or(self.at);
        participant.status = ParticipantStatus::Left;
        participant.left_at = Some(left_at);
        participant.leave_reason = Some(reason);
        let last_left = &mut self.state.call.times.last_left;
        *last_left = (*last_left).max(Some(left_at));
        self.record_of(Happening::Left(reason), &participant);
        if lost_at.is_some() {
            self.clear(Deadline::Grace(id));
        }
        self.outcome.changed.push(participant);
        true
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

#[cfg(test)]
mod tests;
