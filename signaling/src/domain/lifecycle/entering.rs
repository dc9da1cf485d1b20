//! Planning a Call, entering it, and its start.

use super::{Deadline, Invitee, Newcomer, Plan, Refusal, Step};
use crate::domain::call::{Admission, CallStatus, Origin};
use crate::domain::event::Happening;
use crate::domain::participant::{
    LeaveReason, MediaState, Participant, ParticipantStatus, Presence, Role,
};
use crate::domain::time::UnixMillis;
use crate::ids::{ParticipantId, UserId};

impl Step<'_> {
    pub(super) fn plan(&mut self, plan: Plan) {
        let call = &mut self.state.call;
        call.initiated_by.clone_from(&plan.by);
        call.times.scheduled = plan.scheduled;
        if plan.scheduled.is_some() || call.nature.origin == Origin::Appointment {
            call.status = CallStatus::Scheduled;
        }
        self.record(Happening::Initiated, plan.by.as_ref(), None);
        let rings_until = self.at + self.rules.ring;
        for invitee in plan.members {
            let own = plan.by.as_ref() == Some(&invitee.user);
            self.ask(invitee, plan.ring && !own, !own);
        }
        if self.state.asked.iter().any(super::awaited) {
            self.state.call.times.rings_until = Some(rings_until);
            self.set(Deadline::Ring, rings_until);
        }
        if self.state.call.nature.origin == Origin::Meeting && plan.scheduled.is_none() {
            // It goes on from now on, and not for ever when nobody comes.
            self.set(Deadline::Linger, rings_until + self.rules.planned_linger);
        }
        if let Some(over_at) = plan.over_at {
            self.set(Deadline::Plan, over_at);
        }
    }

    fn ask(&mut self, invitee: Invitee, ring: bool, tell: bool) {
        let busy = ring && invitee.busy;
        let (status, what) = match (ring, busy) {
            (true, true) => (ParticipantStatus::Missed, Happening::Busy),
            (true, false) => (ParticipantStatus::Ringing, Happening::Ringing),
            (false, _) => (ParticipantStatus::Invited, Happening::Invited),
        };
        let participant = Participant {
            id: invitee.id,
            user: invitee.user,
            name: invitee.name,
            avatar_url: invitee.avatar_url,
            role: invitee.role,
            status,
            invited: true,
            accepted_at: None,
            joined_at: None,
            left_at: None,
            leave_reason: busy.then_some(LeaveReason::Busy),
            presence: Presence::BY_WORD,
            media: MediaState::default(),
        };
        if tell {
            self.record_of(what, &participant);
        }
        self.outcome.changed.push(participant.clone());
        self.state.asked.push(participant);
    }

    pub(super) fn join(&mut self, newcomer: Newcomer) -> Result<(), Refusal> {
        self.let_in(&newcomer)?;
        if let Some(id) = self.take_place(&newcomer) {
            self.outcome.seated = Some(id);
            return Ok(());
        }
        self.make_room()?;
        if self.state.call.initiated_by.is_none() && !self.state.was_planned() {
            self.state.call.initiated_by = Some(newcomer.user.clone());
            self.record(Happening::Initiated, Some(&newcomer.user), None);
        }
        let was_empty = !self.state.is_held();
        let mut participant = self.row_of(&newcomer);
        if participant.status == ParticipantStatus::Ringing {
            participant.accepted_at = Some(self.at);
            self.record_of(Happening::Accepted, &participant);
        }
        participant.status = ParticipantStatus::Joined;
        participant.joined_at = Some(self.at);
        self.record_of(Happening::Joined, &participant);
        if was_empty {
            self.clear(Deadline::Linger);
        }
        if newcomer.by_word {
            self.set(Deadline::Word(participant.id), self.at + self.word_time());
        }
        self.outcome.seated = Some(participant.id);
        self.outcome.changed.push(participant.clone());
        self.state.present.push(participant);
        self.entered(&newcomer.user);
        Ok(())
    }

    /// A viewer has a row of its own, is let in as others are and counts as they do,
    /// because it costs as much. But it uses up no invitation, answers no ring, leads
    /// nothing, and begins no Call: it may come before, and waits.
    pub(super) fn watch(&mut self, newcomer: Newcomer) -> Result<(), Refusal> {
        self.let_in(&newcomer)?;
        self.make_room()?;
        let participant = Participant {
            role: Role::Viewer,
            status: ParticipantStatus::Joined,
            joined_at: Some(self.at),
            ..new_row(&newcomer, self.at)
        };
        self.record_of(Happening::Joined, &participant);
        self.outcome.seated = Some(participant.id);
        self.outcome.changed.push(participant.clone());
        self.state.present.push(participant);
        Ok(())
    }

    fn let_in(&self, newcomer: &Newcomer) -> Result<(), Refusal> {
        let members_only = self.state.call.about.admission == Admission::Members;
        if members_only && !newcomer.admitted && !self.state.is_member(&newcomer.user) {
            return Err(Refusal::NotMember);
        }
        Ok(())
    }

    fn make_room(&self) -> Result<(), Refusal> {
        let limit = self.rules.max_participants;
        match self.state.present.len() < limit as usize {
            true => Ok(()),
            false => Err(Refusal::Full { limit }),
        }
    }

    /// A user who is there by its word is one Participant with the device that it
    /// comes with, and by its word it is there only once.
    fn take_place(&mut self, newcomer: &Newcomer) -> Option<ParticipantId> {
        let mut own = self
            .state
            .present
            .iter()
            .filter(|p| p.user == newcomer.user && p.takes_part());
        let id = match newcomer.by_word {
            true => own.next(),
            false => own.find(|p| p.presence.by_word),
        }?
        .id;
        let by_word = newcomer.by_word;
        if by_word {
            // Its coming again is a sign of life, as everything that it asks for.
            return Some(id);
        }
        let (mut lost, mut heard) = (false, false);
        self.change(id, |p| {
            lost = p.presence.lost_at.is_some();
            heard = p.presence.heard_at.is_some();
            p.presence = Presence::DEVICE;
            true
        });
        self.found(id, lost);
        if heard {
            self.clear(Deadline::Word(id));
        }
        Some(id)
    }

    /// The row of an invitation that has not been used, or a new one.
    fn row_of(&mut self, newcomer: &Newcomer) -> Participant {
        let invitation = self
            .state
            .asked
            .iter()
            .position(|p| p.user == newcomer.user && p.status != ParticipantStatus::Left);
        if let Some(index) = invitation {
            return Participant {
                name: newcomer.name.clone(),
                avatar_url: newcomer.avatar_url.clone(),
                leave_reason: None,
                presence: presence_of(newcomer, self.at),
                ..self.state.asked.remove(index)
            };
        }
        let known = self.state.role_of(&newcomer.user);
        Participant {
            role: known.unwrap_or(newcomer.role),
            ..new_row(newcomer, self.at)
        }
    }

    /// What follows from somebody's having come.
    fn entered(&mut self, user: &UserId) {
        let call = &self.state.call;
        let initiator = call.initiated_by.as_ref();
        let called = initiator.is_some_and(|initiator| initiator != user);
        let second = called || self.state.others_take_part(user) || self.others_came(user);
        if second && call.times.answered.is_none() {
            self.state.call.times.answered = Some(self.at);
        }
        if self.starts_by_entry() {
            self.start();
        }
        self.settle_ring();
    }

    /// Whether one of the others who were asked was there before.
    fn others_came(&self, user: &UserId) -> bool {
        let mut others = self.state.asked.iter().filter(|p| p.user != *user);
        others.any(|p| p.joined_at.is_some())
    }

    /// An appointment begins when both have come, a Room that was made ahead with who is
    /// to lead it, everything else with the first.
    fn starts_by_entry(&self) -> bool {
        let all_came = || self.state.asked.iter().all(|p| p.joined_at.is_some());
        match self.state.call.nature.origin {
            Origin::Appointment => all_came(),
            _ => !self.state.awaits_leader(),
        }
    }

    pub(super) fn start_by_word(&mut self, by: Option<&UserId>) {
        if self.start() {
            self.record(Happening::Started, by, None);
        }
    }

    fn start(&mut self) -> bool {
        let call = &mut self.state.call;
        let starts = call.status != CallStatus::Ongoing;
        if starts {
            call.status = CallStatus::Ongoing;
            call.times.started = Some(self.at);
            self.set(Deadline::Duration, self.at + self.rules.max_duration);
        }
        starts
    }
}

const fn presence_of(newcomer: &Newcomer, at: UnixMillis) -> Presence {
    match newcomer.by_word {
        true => Presence {
            heard_at: Some(at),
            ..Presence::BY_WORD
        },
        false => Presence::DEVICE,
    }
}

/// Of somebody who was not asked.
fn new_row(newcomer: &Newcomer, at: UnixMillis) -> Participant {
    Participant {
        id: newcomer.id,
        user: newcomer.user.clone(),
        name: newcomer.name.clone(),
        avatar_url: newcomer.avatar_url.clone(),
        role: newcomer.role,
        status: ParticipantStatus::Invited,
        invited: false,
        accepted_at: None,
        joined_at: None,
        left_at: None,
        leave_reason: None,
        presence: presence_of(newcomer, at),
        media: MediaState::default(),
    }
}
