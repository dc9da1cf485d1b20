//! Leaving a Call, ending it, and losing one's Session.

use std::sync::Arc;

use super::core::{Core, RETRY};
use super::lookup::CallRef;
use crate::domain::lifecycle::{HangUp, Transition};
use crate::domain::participant::LeaveReason;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::ids::{CallId, Epoch, ParticipantId, UserId};

impl Core {
    pub(super) async fn leave(
        self: Arc<Self>,
        participant: ParticipantId,
        reason: LeaveReason,
    ) -> Result<(), CallError> {
        let Some(room) = self.rooms.of_participant(participant) else {
            return Ok(());
        };
        let turn = self.rooms.turn(&room.name).await;
        let leave = Transition::Leave {
            participant,
            reason,
        };
        self.transact(&turn, leave).await.map(drop)
    }

    pub(super) async fn end_call(
        self: Arc<Self>,
        participant: ParticipantId,
    ) -> Result<(), CallError> {
        let unknown = CallError::NotInCall;
        let room = self
            .rooms
            .of_participant(participant)
            .ok_or(unknown.clone())?;
        let (call, by) = {
            let live = room.live();
            let call = live.as_ref().ok_or(unknown.clone())?;
            let asker = call.find(participant).ok_or(unknown)?;
            if !permission::member_may_hang_up(&asker.user, call.state()) {
                return Err(CallError::Forbidden);
            }
            (call.call().id, asker.user.clone())
        };
        self.end(call, by).await
    }

    pub(super) async fn end_call_as(
        self: Arc<Self>,
        who: Principal,
        call: CallId,
    ) -> Result<(), CallError> {
        let ended = self.hang_up(who, CallRef::Id(call), HangUp::Over).await;
        ended.map(drop)
    }

    async fn end(&self, call: CallId, by: UserId) -> Result<(), CallError> {
        let Some(room) = self.rooms.of_call(call) else {
            return Ok(());
        };
        let turn = self.rooms.turn(&room.name).await;
        // Another Call may have begun in the Room while we waited.
        let same = room
            .live()
            .as_ref()
            .is_some_and(|live| live.call().id == call);
        if !same {
            return Ok(());
        }
        let hang_up = Transition::HangUp {
            by: self.known(by).await?,
            how: HangUp::Over,
        };
        self.transact(&turn, hang_up).await.map(drop)
    }

    /// The user, if there is a row of it for the event to name: an API key has none.
    async fn known(&self, user: UserId) -> Result<Option<UserId>, CallError> {
        let known = self.store.has_user(&user).await;
        Ok(known.map_err(super::core::database)?.then_some(user))
    }

    pub(super) async fn disconnected(
        &self,
        participant: ParticipantId,
        epoch: Epoch,
    ) -> Result<(), CallError> {
        let Some(room) = self.rooms.of_participant(participant) else {
            return Ok(());
        };
        let turn = self.rooms.turn(&room.name).await;
        let lose = Transition::Disconnect { participant, epoch };
        self.transact(&turn, lose).await?;
        let there = room
            .live()
            .as_ref()
            .is_some_and(|live| live.find(participant).is_some());
        if !there {
            self.rooms.exit(participant);
        }
        Ok(())
    }

    /// Looks at a Session that may be gone until the database has an answer, so that
    /// no Participant stays for ever whom nobody holds.
    pub(super) async fn settle_lost(self: Arc<Self>, participant: ParticipantId, epoch: Epoch) {
        while self.disconnected(participant, epoch).await.is_err() {
            tokio::select! {
                () = self.clock.sleep(RETRY) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }
}
