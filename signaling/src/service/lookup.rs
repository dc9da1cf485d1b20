//! Finding the Call that somebody names, and letting in who may.

use std::sync::Arc;

use super::core::{Core, database};
use super::record::CallRecord;
use crate::domain::call::{Admission, Call, CallStatus, EndReason, Origin};
use crate::domain::event::{CallEvent, Happening};
use crate::domain::participant::{Participant, ParticipantStatus};
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::events::feed::{Feed, News};
use crate::ids::{AppointmentId, CallId, ChatId, RoomName, UserId};
use crate::store::UserListing;

/// The ways of naming a Call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallRef {
    Id(CallId),
    /// Row number, the id of dialects that count.
    Number(i64),
    /// The same where a dialect knows Calls of one origin only.
    NumberOf(Origin, i64),
    /// The one Call of an appointment.
    Appointment(AppointmentId),
    /// What is going on in a room, or is scheduled for it.
    Room(RoomName),
    /// What is going on in a chat.
    Chat(ChatId),
}

/// Which of one's Calls to list, latest first.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Of any of these origins; of all when empty.
    pub origins: Vec<Origin>,
    /// In any of these states; in all when empty.
    pub statuses: Vec<CallStatus>,
    /// Ended for any of these reasons; for any at all when empty.
    pub end_reasons: Vec<EndReason>,
    /// At most [`CallFilter::MAX_LIMIT`].
    pub limit: u32,
    pub offset: u32,
}

impl CallFilter {
    pub const MAX_LIMIT: u32 = 100;
    /// Not over yet.
    pub const LIVE: [CallStatus; 3] = [
        CallStatus::Scheduled,
        CallStatus::Pending,
        CallStatus::Ongoing,
    ];
}

impl Core {
    pub(super) async fn find(&self, call: &CallRef) -> Result<Option<Call>, CallError> {
        let store = &self.store;
        let found = match call {
            CallRef::Id(id) => store.call(*id).await,
            CallRef::Number(number) => store.call_by_number(*number).await,
            CallRef::NumberOf(origin, number) => {
                let call = store.call_by_number(*number).await;
                call.map(|call| call.filter(|call| call.nature.origin == *origin))
            }
            CallRef::Appointment(id) => store.call_of_appointment(id).await,
            CallRef::Room(room) => store.live_in_room(room).await,
            CallRef::Chat(chat) => store.live_in_chat(chat).await,
        };
        found.map_err(database)
    }

    /// Whether `who` may enter without having been invited: by the Call's password,
    /// or as a member of its chat. A password is asked of everybody but those who
    /// lead the Call, once.
    pub(super) async fn admitted(
        &self,
        who: &Principal,
        call: &Call,
        password: Option<String>,
    ) -> Result<bool, CallError> {
        if permission::oversees(who, &call.room) || call.about.admission == Admission::Open {
            return Ok(true);
        }
        let Some(hash) = &call.about.password_hash else {
            return self.in_chat_of(who, call).await;
        };
        let rows = self
            .store
            .participants(call.number)
            .await
            .map_err(database)?;
        let own: Vec<_> = rows.iter().filter(|p| p.user == who.user).collect();
        // Whoever was in it has given the password then.
        let known = |p: &&Participant| p.role.leads() || p.joined_at.is_some();
        if own.iter().copied().any(|p| known(&p)) {
            return Ok(true);
        }
        let refused = match self.guessed(who, call, password, hash).await {
            Ok(true) => return Ok(true),
            Ok(false) => CallError::WrongPassword,
            Err(refused) => refused,
        };
        // A stranger is not even told that there is something to know, or to guess.
        Err(match refused {
            CallError::WrongPassword | CallError::TooManyTries if own.is_empty() => {
                CallError::NotMember
            }
            refused => refused,
        })
    }

    async fn guessed(
        &self,
        who: &Principal,
        call: &Call,
        password: Option<String>,
        hash: &str,
    ) -> Result<bool, CallError> {
        let Some(password) = password else {
            return Ok(false);
        };
        self.guesses
            .begin(&who.user, call.number, self.clock.now())?;
        let right = super::password::matches(password, hash.to_owned()).await?;
        if right {
            self.guesses.forget(&who.user, call.number);
        }
        Ok(right)
    }

    async fn in_chat_of(&self, who: &Principal, call: &Call) -> Result<bool, CallError> {
        let Some(chat) = &call.about.chat else {
            return Ok(false);
        };
        let members = self.store.chat_members(chat).await.map_err(database)?;
        Ok(members.is_some_and(|members| members.contains(&who.user)))
    }

    /// Everything on record of a Call, for whoever may see it.
    pub(super) async fn call(
        &self,
        who: &Principal,
        call: &CallRef,
    ) -> Result<CallRecord, CallError> {
        let call = self.find(call).await?.ok_or(CallError::UnknownCall)?;
        let record = self.record_of(call.number).await?;
        let member = permission::reaches(who, &call.room)
            && (record.concerns(&who.user) || self.in_chat_of(who, &call).await?);
        if member || permission::oversees(who, &call.room) {
            Ok(record)
        } else {
            Err(CallError::NotMember)
        }
    }

    pub(super) async fn calls_of(
        &self,
        who: &Principal,
        filter: &CallFilter,
    ) -> Result<Vec<CallRecord>, CallError> {
        let listing = UserListing {
            origins: &filter.origins,
            statuses: &filter.statuses,
            end_reasons: &filter.end_reasons,
            limit: i64::from(filter.limit.min(CallFilter::MAX_LIMIT)),
            offset: i64::from(filter.offset),
        };
        let calls = self.store.calls_of_user(&who.user, listing).await;
        let mut calls = calls.map_err(database)?;
        calls.retain(|call| permission::reaches(who, &call.room));
        self.records(calls).await
    }

    pub(super) async fn events_after(
        &self,
        who: &Principal,
        call: &CallRef,
        after: i64,
        limit: u32,
    ) -> Result<Vec<CallEvent>, CallError> {
        let number = self.call(who, call).await?.call.number;
        let events = self.store.events(number, after, i64::from(limit)).await;
        events.map_err(database)
    }

    /// Listens for `who` from now on, beginning with what rings.
    pub(super) async fn subscribe(&self, who: &Principal) -> Result<Feed, CallError> {
        let mut feed = self.feeds.subscribe(who);
        let mut standing = Vec::new();
        for call in self.store.ringing(&who.user).await.map_err(database)? {
            let people = self.store.participants(call.number).await;
            standing.extend(ring(call, people.map_err(database)?, &who.user));
        }
        feed.begin_with(standing);
        Ok(feed)
    }
}

/// The news of a ring that began before somebody listened.
fn ring(call: Call, people: Vec<Participant>, user: &UserId) -> Option<Arc<News>> {
    let own = |p: &&Participant| p.user == *user && p.status == ParticipantStatus::Ringing;
    let row = people.iter().find(own)?;
    let event = CallEvent {
        seq: call.last_event,
        at: call.times.created,
        user: Some(user.clone()),
        participant: Some(row.id),
        what: Happening::Ringing,
    };
    Some(Arc::new(News {
        call: Arc::new(call),
        people: people.into(),
        event,
    }))
}
