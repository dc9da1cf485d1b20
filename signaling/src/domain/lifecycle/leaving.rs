//! Leaving a Call, losing one's Session, and the end.

use std::time::Duration;

use super::{Deadline, HangUp, Refusal, Step};
use crate::domain::call::{CallMode, CallStatus, EndReason, Origin};
use crate::domain::event::Happening;
use crate::domain::participant::{LeaveReason, Participant, ParticipantStatus};
use crate::domain::time::UnixMillis;
use crate::ids::{Epoch, ParticipantId, UserId};

/// Viewers whose broadcaster dropped out wait so long for it: an encoder that is
/// started again is back by then, and a Call that is over does not stay open for ever.
const WATCHED_LINGER: Duration = Duration::from_secs(60);

impl Step<'_> {
    pub(super) fn disconnect(&mut self, id: ParticipantId, epoch: Epoch) {
        let at = self.at;
        if self.change(id, |p| {
            let presence = &mut p.presence;
            let news = !presence.by_word && presence.epoch == epoch && presence.lost_at.is_none();
            if news {
                presence.lost_at = Some(at);
            }
            news
        }) {
            self.record_about(Happening::Disconnected, id);
            self.set(Deadline::Grace(id), at + self.rules.grace);
        }
    }

    pub(super) fn resume(&mut self, id: ParticipantId, epoch: Epoch) -> Result<(), Refusal> {
        let found = self.change(id, |p| {
            let presence = &mut p.presence;
            let known = epoch == presence.epoch || epoch.next() == presence.epoch;
            if known && !presence.by_word {
                presence.lost_at = None;
                presence.epoch = presence.epoch.next();
            }
            known && !presence.by_word
        });
        if !found {
            return Err(Refusal::NotPresent);
        }
        self.record_about(Happening::Resumed, id);
        self.clear(Deadline::Grace(id));
        Ok(())
    }

    pub(super) fn leave(&mut self, id: ParticipantId, reason: LeaveReason) {
        let Some(leaver) = self.state.find(id).cloned() else {
            return;
        };
        let user = Some(leaver.user.clone());
        // Whoever only watched ends nothing but its own waiting in an empty Room.
        let ad_hoc = self.state.call.nature.origin == Origin::AdHoc;
        let last = match leaver.takes_part() {
            true => !self.others_hold(id),
            false => ad_hoc && self.state.present.len() == 1,
        };
        if self.remove(id, reason) && last {
            let reason = match reason {
                LeaveReason::Failed => EndReason::Failed,
                _ => EndReason::Completed,
            };
            self.vacated(user, reason);
        }
    }

    fn others_hold(&self, id: ParticipantId) -> bool {
        let mut others = self.state.present.iter().filter(|p| p.id != id);
        others.any(Participant::takes_part)
    }

    pub(super) fn depart(&mut self, user: &UserId) -> Result<(), Refusal> {
        if !self.state.is_member(user) {
            return Err(Refusal::NotMember);
        }
        let own = self.state.present.iter().filter(|p| p.user == *user);
        for id in own.map(|p| p.id).collect::<Vec<_>>() {
            self.leave(id, LeaveReason::Left);
        }
        // A caller who hangs up before having entered.
        let called = self.state.call.initiated_by.as_ref() == Some(user);
        if called && !self.state.is_held() && self.unanswered() {
            self.end(Some(user.clone()), EndReason::Cancelled, self.at);
        }
        Ok(())
    }

    /// It rings and nobody has come. A meeting rings as well, but is held anyhow.
    fn unanswered(&self) -> bool {
        let call = &self.state.call;
        let times = &call.times;
        call.status != CallStatus::Ended
            && !call.planned()
            && times.answered.is_none()
            && times.rings_until.is_some()
    }

    pub(super) fn grace_over(&mut self, id: ParticipantId) {
        let lost = |p: &Participant| p.presence.lost_at.is_some();
        if self.state.find(id).is_some_and(lost) {
            self.leave(id, LeaveReason::TimedOut);
        } else {
            self.clear(Deadline::Grace(id));
        }
    }

    pub(super) fn linger_over(&mut self) {
        if !self.state.is_held() {
            let times = self.state.call.times;
            let reason = match times.started {
                Some(_) => EndReason::Completed,
                None => EndReason::NoShow,
            };
            self.end(None, reason, times.last_left.unwrap_or(self.at));
        } else {
            self.clear(Deadline::Linger);
        }
    }

    /// The last one is gone, or the last but those who only watch.
    pub(super) fn vacated(&mut self, by: Option<UserId>, reason: EndReason) {
        let call = &self.state.call;
        let ended = call.times.last_left.unwrap_or(self.at);
        if self.unanswered() {
            return self.end(by, EndReason::Cancelled, self.at);
        }
        let linger = match call.planned() {
            true => self.rules.planned_linger,
            false if self.is_watched() => self.rules.linger.max(WATCHED_LINGER),
            false => self.rules.linger,
        };
        if call.status == CallStatus::Scheduled || self.state.awaits_leader() {
            // Its time is still to come.
        } else if linger.is_zero() {
            self.end(None, reason, ended);
        } else {
            self.set(Deadline::Linger, self.at + linger);
        }
    }

    /// Whether viewers are left in a Room that is nobody's chat or appointment, such as
    /// a broadcast's.
    fn is_watched(&self) -> bool {
        self.state.call.nature.origin == Origin::AdHoc && !self.state.present.is_empty()
    }

    pub(super) fn hang_up(&mut self, by: Option<UserId>, how: HangUp) {
        let call = &self.state.call;
        let invited = by.is_some() && by != call.initiated_by;
        let reason = match how {
            HangUp::Cancel => EndReason::Cancelled,
            HangUp::Failed => EndReason::Failed,
            HangUp::Over if !self.unanswered() => EndReason::Completed,
            HangUp::Over if invited && call.nature.mode == CallMode::Direct => EndReason::Rejected,
            HangUp::Over => EndReason::Cancelled,
        };
        self.end(by, reason, self.at);
    }

    pub(super) fn end(&mut self, by: Option<UserId>, reason: EndReason, ended: UnixMillis) {
        let everybody: Vec<_> = self.state.present.iter().map(|p| p.id).collect();
        for id in everybody {
            self.remove(id, LeaveReason::CallEnded);
        }
        self.miss();
        self.stop_ring();
        self.clear(Deadline::Linger);
        self.clear(Deadline::Plan);
        self.clear(Deadline::Duration);
        let call = &mut self.state.call;
        call.status = CallStatus::Ended;
        call.end_reason = Some(reason);
        call.times.ended = Some(ended);
        call.recording = false;
        self.record(Happening::Ended(reason), by.as_ref(), None);
    }

    /// Takes a present Participant out of the Call; `false` when it is not there.
    fn remove(&mut self, id: ParticipantId, reason: LeaveReason) -> bool {
        let Some(index) = self.state.present.iter().position(|p| p.id == id) else {
            return false;
        };
        let mut participant = self.state.present.remove(index);
        let lost_at = participant.presence.lost_at.take();
        let heard_at = participant.presence.heard_at.take();
        // Who was lost was last known to be there when it was lost, or heard.
        let last_known = match reason {
            LeaveReason::TimedOut => lost_at.or(heard_at),
            _ => lost_at,
        };
        let left_at = last_known.unwrap_or(self.at);
        participant.status = ParticipantStatus::Left;
        participant.left_at = Some(left_at);
        participant.leave_reason = Some(reason);
        if participant.takes_part() {
            let last_left = &mut self.state.call.times.last_left;
            *last_left = (*last_left).max(Some(left_at));
        }
        self.record_of(Happening::Left(reason), &participant);
        if lost_at.is_some() {
            self.clear(Deadline::Grace(id));
        }
        if heard_at.is_some() {
            self.clear(Deadline::Word(id));
        }
        self.outcome.changed.push(participant.clone());
        if participant.invited {
            self.state.asked.push(participant);
        }
        true
    }
}
