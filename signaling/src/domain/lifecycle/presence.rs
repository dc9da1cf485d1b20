//! Being there by one's word. Something may stand for it: a connection of the
//! application that said so. Else nothing tells us when it goes, and it is believed for
//! a while after each sign of life.

use std::time::Duration;

use super::{Deadline, Step};
use crate::domain::call::{Backend, CallMode, CallStatus, EndReason};
use crate::domain::event::Happening;
use crate::domain::participant::{LeaveReason, Participant};
use crate::domain::time::UnixMillis;
use crate::ids::{ParticipantId, UserId};

/// A sign of life is written down when this part of a Call of ours' time has passed since
/// the one before: a page that asks every second must not write every second.
const WRITTEN: u32 = 8;

impl Step<'_> {
    /// Whoever is there by its word has no Session to lose, but may be silent.
    pub(super) fn absent(&mut self, user: &UserId) {
        let ids = self.by_word(user);
        self.lose(ids);
    }

    /// Where something stands for it, that knows better.
    pub(super) fn gone(&mut self, user: &UserId) {
        let mut ids = self.by_word(user);
        ids.retain(|id| self.state.find(*id).is_some_and(Participant::unheld));
        self.lose(ids);
    }

    fn lose(&mut self, ids: Vec<ParticipantId>) {
        let at = self.at;
        for id in ids {
            let mut heard = false;
            if self.change(id, |p| {
                heard = p.presence.heard_at.take().is_some();
                p.presence.lost_at.is_none() && p.presence.lost_at.replace(at).is_none()
            }) {
                self.record_about(Happening::Disconnected, id);
                self.set(Deadline::Grace(id), at + self.rules.grace);
            }
            if heard {
                self.clear(Deadline::Word(id));
            }
        }
    }

    /// Something stands for it from now on.
    pub(super) fn back(&mut self, user: &UserId) {
        for id in self.by_word(user) {
            let (mut lost, mut heard) = (false, false);
            self.change(id, |p| {
                lost = p.presence.lost_at.take().is_some();
                heard = p.presence.heard_at.take().is_some();
                lost || heard
            });
            self.found(id, lost);
            if heard {
                self.clear(Deadline::Word(id));
            }
        }
    }

    /// A sign of life of somebody for whom nothing stands.
    pub(super) fn heard(&mut self, user: &UserId) {
        let (at, time) = (self.at, self.word_time());
        let often = self.rules.word / WRITTEN;
        for id in self.by_word(user) {
            let mut lost = false;
            let news = self.change(id, |p| {
                let presence = &mut p.presence;
                lost = presence.lost_at.take().is_some();
                let stale = |heard: UnixMillis| at.since(heard) >= often;
                let news = lost || presence.heard_at.is_some_and(stale);
                if news {
                    presence.heard_at = Some(at);
                }
                news
            });
            self.found(id, lost);
            if news {
                self.set(Deadline::Word(id), at + time);
            }
        }
    }

    pub(super) fn found(&mut self, id: ParticipantId, lost: bool) {
        if lost {
            self.record_about(Happening::Resumed, id);
            self.clear(Deadline::Grace(id));
        }
    }

    fn by_word(&self, user: &UserId) -> Vec<ParticipantId> {
        let own = self.state.present.iter().filter(|p| p.user == *user);
        own.filter(|p| p.presence.by_word).map(|p| p.id).collect()
    }

    pub(super) fn word_time(&self) -> Duration {
        match self.state.call.nature.backend {
            Backend::Sfu => self.rules.word,
            Backend::Jitsi => self.rules.word_elsewhere,
        }
    }

    pub(super) fn word_over(&mut self, id: ParticipantId) {
        let heard = |p: &Participant| p.presence.heard_at.is_some();
        if self.state.find(id).is_some_and(heard) {
            self.leave(id, LeaveReason::TimedOut);
        } else {
            self.clear(Deadline::Word(id));
        }
    }

    /// Whoever calls anew says that the talk before is over, unless somebody is known
    /// to be in it. In a group others may be, of whom nothing is heard.
    pub(super) fn supersede(&mut self, by: UserId) {
        let call = &self.state.call;
        let talked = call.status == CallStatus::Ongoing && call.times.rings_until.is_none();
        let of_two = call.nature.mode == CallMode::Direct;
        let mut present = self.state.present.iter();
        let nobody = present.all(|p| p.unheld() && (of_two || p.user == by));
        if talked && nobody && !call.planned() && self.state.is_member(&by) {
            self.end(Some(by), EndReason::Completed, self.at);
        }
    }

    /// Nobody's Session survived the server. Everybody gets the whole grace time to
    /// come back; who does not has left when the server was last seen alive. Who is
    /// there by its word alone, or in a Jitsi, has lost nothing.
    pub(super) fn recover(&mut self, last_alive: UnixMillis) {
        let present = self.state.present.iter();
        let everybody: Vec<_> = present.map(|p| (p.id, p.presence)).collect();
        if everybody.is_empty() && self.state.call.status == CallStatus::Ongoing {
            return self.vacated(None, EndReason::Completed);
        }
        let elsewhere = self.state.call.nature.backend == Backend::Jitsi;
        for (id, presence) in everybody {
            if !presence.by_word || (!elsewhere && presence.heard_at.is_none()) {
                self.recover_session(id, last_alive);
            } else if presence.lost_at.is_none() && presence.heard_at.is_none() {
                self.recover_word(id);
            }
        }
    }

    fn recover_session(&mut self, id: ParticipantId, last_alive: UnixMillis) {
        let at = self.at;
        if self.change(id, |p| {
            let known = last_alive.min(at).max(p.joined_at.unwrap_or(at));
            let lost_at = &mut p.presence.lost_at;
            lost_at.is_none() && lost_at.replace(known).is_none()
        }) {
            self.record_about(Happening::Disconnected, id);
        }
        self.set(Deadline::Grace(id), at + self.rules.grace);
    }

    /// What stood for it is gone, until it comes back.
    fn recover_word(&mut self, id: ParticipantId) {
        let at = self.at;
        self.change(id, |p| p.presence.heard_at.replace(at).is_none());
        self.set(Deadline::Word(id), at + self.word_time());
    }
}
