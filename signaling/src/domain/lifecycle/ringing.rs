//! Ringing as people know it: who answers, who declines, and what becomes of a Call
//! that nobody answers.

use super::{Deadline, Refusal, Step, awaited};
use crate::domain::call::EndReason;
use crate::domain::event::Happening;
use crate::domain::participant::{Participant, ParticipantStatus};
use crate::ids::UserId;

impl Step<'_> {
    pub(super) fn accept(&mut self, user: &UserId) -> Result<(), Refusal> {
        let at = self.at;
        self.answer(user, Happening::Accepted, |p| {
            let news = p.accepted_at.is_none() || p.status != ParticipantStatus::Invited;
            if news {
                p.status = ParticipantStatus::Invited;
                p.accepted_at = Some(at);
                p.leave_reason = None;
            }
            news
        })
    }

    pub(super) fn decline(&mut self, user: &UserId) -> Result<(), Refusal> {
        self.answer(user, Happening::Declined, |p| {
            let open = matches!(
                p.status,
                ParticipantStatus::Ringing | ParticipantStatus::Invited
            );
            if open {
                p.status = ParticipantStatus::Declined;
            }
            open
        })?;
        self.settle_ring();
        Ok(())
    }

    /// One device answers for its user. Whoever is in the Call already, or was, has
    /// answered before.
    fn answer(
        &mut self,
        user: &UserId,
        what: Happening,
        change: impl FnOnce(&mut Participant) -> bool,
    ) -> Result<(), Refusal> {
        if !self.state.is_member(user) {
            return Err(Refusal::NotMember);
        }
        let initiated = self.state.call.initiated_by.as_ref() == Some(user);
        if initiated || self.state.is_present(user) {
            return Ok(());
        }
        let row = self.state.asked.iter_mut().find(|p| p.user == *user);
        let Some(row) = row.filter(|p| p.status != ParticipantStatus::Left) else {
            return Ok(());
        };
        if change(row) {
            let row = row.clone();
            self.record_of(what, &row);
            self.outcome.changed.push(row);
        }
        Ok(())
    }

    pub(super) fn ring_over(&mut self) {
        self.miss();
        self.settle_ring();
    }

    pub(super) fn miss_by_word(&mut self, user: &UserId) {
        if self.state.call.initiated_by.as_ref() == Some(user) {
            return self.ring_over();
        }
        self.miss_if(|p| p.user == *user);
        self.settle_ring();
    }

    /// Whoever was awaited is so no longer.
    pub(super) fn miss(&mut self) {
        self.miss_if(|_| true);
    }

    fn miss_if(&mut self, concerns: impl Fn(&Participant) -> bool) {
        let mut missed = Vec::new();
        let asked = self.state.asked.iter_mut();
        for row in asked.filter(|p| awaited(p) && concerns(p)) {
            row.status = ParticipantStatus::Missed;
            missed.push(row.clone());
        }
        for row in missed {
            self.record_of(Happening::Missed, &row);
            self.outcome.changed.push(row);
        }
    }

    /// Ends the ring when nobody is awaited any more, and the Call with it when
    /// nobody came.
    pub(super) fn settle_ring(&mut self) {
        let rang = self.state.call.times.rings_until.is_some();
        if !rang || self.state.asked.iter().any(awaited) {
            return;
        }
        self.stop_ring();
        let call = &self.state.call;
        if call.times.answered.is_some() || call.planned() {
            return;
        }
        let initiator = call.initiated_by.as_ref();
        let mut called = self
            .state
            .asked
            .iter()
            .filter(|p| Some(&p.user) != initiator);
        let reason = match called.all(|p| p.status == ParticipantStatus::Declined) {
            true => EndReason::Rejected,
            false => EndReason::Missed,
        };
        self.end(None, reason, self.at);
    }

    pub(super) fn stop_ring(&mut self) {
        if self.state.call.times.rings_until.take().is_some() {
            self.clear(Deadline::Ring);
        }
    }

    /// The planned time is over: it ends what somebody never came to. What is still
    /// going on may overrun.
    pub(super) fn plan_over(&mut self) {
        let never_came = self.state.asked.iter().any(|p| p.joined_at.is_none());
        if never_came {
            self.end(None, EndReason::NoShow, self.at);
        } else if !self.state.is_held() {
            let ended = self.state.call.times.last_left.unwrap_or(self.at);
            self.end(None, EndReason::Completed, ended);
        } else {
            self.clear(Deadline::Plan);
        }
    }
}
