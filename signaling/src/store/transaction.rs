//! One transition of one Call, written whole or not at all. Dropped before
//! [`Transaction::commit`], it never happened.

use std::sync::Arc;

use sqlx::Any;

use super::{
    appointments, calls, deadlines, events, messages, notifications, participants, people,
    recordings, users, webhooks,
};
use crate::domain::call::Call;
use crate::domain::lifecycle::{CallState, Deadline, Outcome};
use crate::domain::principal::Principal;
use crate::domain::recording::{NewRecording, Recording};
use crate::domain::time::UnixMillis;
use crate::domain::{appointment, notification};
use crate::ids::{CallId, ChatId, RoomName, UserId};

#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Any>,
    webhooks: Arc<[String]>,
}

impl Transaction {
    pub(super) const fn new(
        inner: sqlx::Transaction<'static, Any>,
        webhooks: Arc<[String]>,
    ) -> Self {
        Self { inner, webhooks }
    }

    /// Locks and loads the Call that is going on in `room`, if there is one.
    pub async fn lock_live(&mut self, room: &RoomName) -> Result<Option<CallState>, sqlx::Error> {
        match calls::lock_live(&mut self.inner, room).await? {
            Some(call) => self.state_of(call).await.map(Some),
            None => Ok(None),
        }
    }

    /// Locks and loads a Call, ended or not.
    pub async fn lock(&mut self, number: i64) -> Result<Option<CallState>, sqlx::Error> {
        match calls::lock(&mut self.inner, number).await? {
            Some(call) => self.state_of(call).await.map(Some),
            None => Ok(None),
        }
    }

    /// Locks and loads the Call that is going on in the room of `call`, which becomes
    /// it if there is none.
    pub async fn lock_or_create(&mut self, call: &Call) -> Result<CallState, sqlx::Error> {
        let call = calls::lock_or_insert(&mut self.inner, call).await?;
        self.state_of(call).await
    }

    async fn state_of(&mut self, call: Call) -> Result<CallState, sqlx::Error> {
        let (present, asked) = participants::concerned(&mut self.inner, call.number).await?;
        Ok(CallState {
            call,
            present,
            asked,
        })
    }

    /// Remembers what the proof says of its user; after the lock.
    pub async fn put_user(&mut self, who: &Principal, at: UnixMillis) -> Result<(), sqlx::Error> {
        users::put(&mut self.inner, who, at).await
    }

    /// Remembers who names others, and makes rows for those who never came.
    pub async fn put_people(
        &mut self,
        who: Option<&Principal>,
        users: &[&UserId],
        at: UnixMillis,
    ) -> Result<(), sqlx::Error> {
        people::put_people(&mut self.inner, who, users, at).await
    }

    pub async fn put_chat(&mut self, chat: &ChatId, at: UnixMillis) -> Result<(), sqlx::Error> {
        people::put_chat(&mut self.inner, chat, at).await
    }

    pub async fn add_recording(
        &mut self,
        call: &Call,
        added_by: Option<&UserId>,
        recording: &NewRecording,
    ) -> Result<Recording, sqlx::Error> {
        let at = call.times.updated;
        recordings::insert(&mut self.inner, call.number, added_by, recording, at).await
    }

    /// Writes the Call as it is now, everything that the transition changed and
    /// everything that follows from it.
    pub async fn save(&mut self, state: &CallState, outcome: &Outcome) -> Result<(), sqlx::Error> {
        let connection = &mut *self.inner;
        let call = &state.call;
        calls::update(connection, call).await?;
        for participant in &outcome.changed {
            participants::put(connection, call.number, participant).await?;
        }
        for event in &outcome.events {
            events::insert(connection, call.number, event).await?;
            for endpoint in self.webhooks.iter() {
                webhooks::insert(connection, endpoint, call.number, event).await?;
            }
        }
        for change in &outcome.deadlines {
            deadlines::change(connection, call.number, *change).await?;
        }
        let at = call.times.updated;
        for (user, kind) in notification::notifications(state, &outcome.events) {
            notifications::insert(connection, call.number, &user, kind, at).await?;
        }
        if let (Some(status), Some(id)) = (
            appointment::status_after(call, &outcome.events),
            &call.about.appointment,
        ) {
            appointments::set_status(connection, id, status, at).await?;
        }
        if notification::leaves_message(call, &outcome.events) {
            messages::insert_call_log(connection, call, at).await?;
        }
        Ok(())
    }

    /// Removes a deadline that has come; `false` when it was put off or is gone. After
    /// the lock.
    pub async fn take_deadline(
        &mut self,
        call: CallId,
        deadline: Deadline,
        now: UnixMillis,
    ) -> Result<bool, sqlx::Error> {
        deadlines::take(&mut self.inner, call, deadline, now).await
    }

    /// After an error here it is unknown whether the transition happened.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await
    }
}
