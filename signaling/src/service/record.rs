//! Calls on record, as the history shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::call::Call;
use crate::domain::directory::User;
use crate::domain::event::CallEvent;
use crate::domain::notification::Notification;
use crate::domain::participant::{MediaState, Participant, ParticipantStatus, Role};
use crate::domain::recording::Recording;
use crate::domain::time::UnixMillis;
use crate::ids::{CallId, ParticipantId, UserId};

/// A Call with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    pub call: Call,
    /// Up to now for a Call that goes on; nothing before it started.
    pub duration: Option<Duration>,
    /// In order of joining.
    pub participants: Vec<ParticipantRecord>,
    /// In order, the first [`CallRecord::MAX_EVENTS`]; empty in lists.
    pub events: Vec<CallEvent>,
    /// In order of their coming; empty in lists.
    pub recordings: Vec<Recording>,
    /// Everybody who took part, was asked or initiated the Call.
    pub users: BTreeMap<UserId, User>,
}

impl CallRecord {
    pub const MAX_EVENTS: i64 = 1_000;

    /// Whether the user took part, was asked or initiated the Call.
    pub fn concerns(&self, user: &UserId) -> bool {
        let took_part = || {
            self.participants
                .iter()
                .any(|p| p.participant.user == *user)
        };
        self.call.initiated_by.as_ref() == Some(user) || took_part()
    }

    /// Whether the user is there by its word, and nothing here stands for it.
    pub fn unheld(&self, user: &UserId) -> bool {
        let rows = self.participants.iter().map(|row| &row.participant);
        rows.filter(|p| p.user == *user).any(Participant::unheld)
    }

    /// The user's role: the highest of its rows.
    pub fn role_of(&self, user: &UserId) -> Option<Role> {
        let people = self.people();
        people.iter().find(|p| p.user == *user).map(|p| p.role)
    }

    /// One entry a user, who may have had several devices and come several times, in
    /// order of coming.
    pub fn people(&self) -> Vec<Person> {
        let mut people: Vec<Person> = Vec::new();
        // No document knows players that only receive.
        let rows = self.participants.iter();
        for row in rows.filter(|row| row.participant.takes_part()) {
            let user = &row.participant.user;
            match people.iter_mut().find(|person| person.user == *user) {
                Some(person) => person.merge(row),
                None => people.push(Person::of(row)),
            }
        }
        people
    }
}

/// A user in a Call, whatever number of devices it was there with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its first row.
    pub first: ParticipantId,
    /// The number of that row, for dialects that count.
    pub number: i64,
    pub user: UserId,
    pub name: String,
    pub avatar_url: Option<String>,
    pub role: Role,
    pub status: ParticipantStatus,
    /// The first time.
    pub joined_at: Option<UnixMillis>,
    /// The last time; nothing while it is there.
    pub left_at: Option<UnixMillis>,
    /// From the first coming to the last leaving, or up to now.
    pub duration: Option<Duration>,
    pub media: MediaState,
}

impl Person {
    fn of(row: &ParticipantRecord) -> Self {
        let participant = &row.participant;
        Self {
            first: participant.id,
            number: row.number,
            user: participant.user.clone(),
            name: participant.name.clone(),
            avatar_url: participant.avatar_url.clone(),
            role: participant.role,
            status: participant.status,
            joined_at: participant.joined_at,
            left_at: participant.left_at,
            duration: row.duration,
            media: participant.media,
        }
    }

    fn merge(&mut self, row: &ParticipantRecord) {
        let other = Self::of(row);
        let here = |status| status == ParticipantStatus::Joined;
        let began = [self.joined_at, other.joined_at]
            .into_iter()
            .flatten()
            .min();
        let until = |person: &Self| Some(person.joined_at? + person.duration?);
        let ended = until(self).max(until(&other));
        self.duration = began.zip(ended).map(|(began, ended)| ended.since(began));
        self.joined_at = began;
        self.left_at = match here(self.status) || here(other.status) {
            true => None,
            false => self.left_at.max(other.left_at),
        };
        if here(other.status) || (!here(self.status) && other.joined_at.is_some()) {
            self.status = other.status;
            self.media = other.media;
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantRecord {
    /// Of its row.
    pub number: i64,
    pub participant: Participant,
    /// Up to now for one that is still there.
    pub duration: Option<Duration>,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only Calls older than this one.
    pub before: Option<CallId>,
    /// At most [`Page::MAX_LIMIT`] are given.
    pub limit: u32,
}

impl Page {
    pub const MAX_LIMIT: u32 = 100;
}

/// Which part of a list that is counted from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// At most [`Paging::MAX_LIMIT`] are given.
    pub limit: u32,
    pub offset: u32,
}

impl Paging {
    pub const MAX_LIMIT: u32 = 100;

    pub(super) fn limit(self) -> i64 {
        i64::from(self.limit.min(Self::MAX_LIMIT))
    }

    pub(super) fn offset(self) -> i64 {
        i64::from(self.offset)
    }
}

/// A page of somebody's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notifications {
    pub page: Vec<Notification>,
    /// How many are not read, on all pages.
    pub unread: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecords {
    pub calls: Vec<CallRecord>,
    /// [`Page::before`] of the next page, if there is one.
    pub next: Option<CallId>,
}
