//! One transition of one Call, written whole or not at all. Dropped before
//! [`Transaction::commit`], it never happened.

use sqlx::Any;

use super::{calls, deadlines, events, participants, users};
use crate::domain::call::Call;
use crate::domain::lifecycle::{CallState, Deadline, Outcome};
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::ids::{CallId, RoomName};

#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Any>,
}

impl Transaction {
    pub(super) const fn new(inner: sqlx::Transaction<'static, Any>) -> Self {
        Self { inner }
    }

    /// Locks and loads the Call that is going on in `room`, if there is one.
    pub async fn lock_live(&mut self, room: &RoomName) -> Result<Option<CallState>, sqlx::Error> {
        let Some(call) = calls::lock_live(&mut self.inner, room).await? else {
            return Ok(None);
        };
        let present = participants::present(&mut self.inner, call.number).await?;
        Ok(Some(CallState { call, present }))
    }

    /// Locks and loads the Call that is going on in the room of `call`, which becomes
    /// it if there is none.
    pub async fn lock_or_create(&mut self, call: &Call) -> Result<CallState, sqlx::Error> {
        let call = calls::lock_or_insert(&mut self.inner, call).await?;
        let present = participants::present(&mut self.inner, call.number).await?;
        Ok(CallState { call, present })
    }

    /// Remembers what the proof says of its user; after the lock.
    pub async fn put_user(&mut self, who: &Principal, at: UnixMillis) -> Result<(), sqlx::Error> {
        users::put(&mut self.inner, who, at).await
    }

    /// Writes the Call as it is now and everything that the transition changed.
    pub async fn save(&mut self, call: &Call, outcome: &Outcome) -> Result<(), sqlx::Error> {
        let connection = &mut *self.inner;
        calls::update(connection, call).await?;
        for participant in &outcome.changed {
            participants::put(connection, call.number, participant).await?;
        }
        for event in &outcome.events {
            events::insert(connection, call.number, event).await?;
        }
        for change in &outcome.deadlines {
            deadlines::change(connection, call.number, *change).await?;
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
