//! What users do with a Call by their word, through REST or Socket.IO: entering,
//! answering, leaving, ending. Every one of these may come twice and late.

use std::sync::Arc;

use uuid::Uuid;

use super::core::{Core, database};
use super::lookup::CallRef;
use super::record::CallRecord;
use crate::domain::call::CallStatus;
use crate::domain::lifecycle::{CallState, HangUp, Newcomer, Outcome, Transition};
use crate::domain::participant::MediaChange;
use crate::domain::permission;
use crate::domain::principal::{Principal, Standing};
use crate::domain::recording::{NewRecording, Recording};
use crate::error::CallError;
use crate::ids::{ParticipantId, UserId};

/// What becomes of the state that a decision found.
type Decision = Result<Transition, CallError>;

impl Core {
    /// Locks the Call, has `decide` say what is to happen to it, and makes it happen.
    pub(super) async fn act(
        &self,
        who: &Principal,
        call: &CallRef,
        decide: impl FnOnce(&CallState) -> Decision,
    ) -> Result<(CallState, Outcome), CallError> {
        let found = self.find(call).await?.ok_or(CallError::UnknownCall)?;
        let turn = self.rooms.turn(&found.room).await;
        let mut tx = self.store.begin().await.map_err(database)?;
        let locked = tx.lock(found.number).await.map_err(database)?;
        let mut state = locked.ok_or(CallError::UnknownCall)?;
        let transition = decide(&state)?;
        let outcome = self.apply_by_word(&mut state, transition)?;
        if !outcome.is_empty() {
            let at = state.call.times.updated;
            if who.standing != Standing::Backend {
                tx.put_user(who, at).await.map_err(database)?;
            }
            self.commit(tx, &state, &outcome).await?;
            self.publish(&turn, state.clone(), &outcome);
        }
        Ok((state, outcome))
    }

    pub(super) async fn enter(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        password: Option<String>,
    ) -> Result<CallRecord, CallError> {
        let found = self.find(&call).await?.ok_or(CallError::UnknownCall)?;
        let call = CallRef::Number(found.number);
        let admitted = match found.status {
            // Over for everybody, whatever the password.
            CallStatus::Ended => false,
            _ => self.admitted(&who, &found, password).await?,
        };
        let (state, _) = self
            .act(&who, &call, |state| {
                if !permission::may_enter(&who, &state.call.room) {
                    return Err(CallError::NotMember);
                }
                if state.call.status == CallStatus::Ended {
                    let knows = permission::may_see(&who, state);
                    return Err(if knows {
                        CallError::Over
                    } else {
                        CallError::NotMember
                    });
                }
                Ok(Transition::Join(Newcomer {
                    id: ParticipantId::from_uuid(Uuid::new_v4()),
                    user: who.user.clone(),
                    name: who.name.clone(),
                    avatar_url: who.avatar_url.clone(),
                    role: permission::role_in(&who, state.is_started_by(&who.user)),
                    admitted,
                    by_word: true,
                }))
            })
            .await?;
        self.record_of(state.call.number).await
    }

    pub(super) async fn accept(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        self.member_does(&who, &call, Transition::Accept { user })
            .await
    }

    pub(super) async fn decline(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        self.member_does(&who, &call, Transition::Decline { user })
            .await
    }

    pub(super) async fn miss(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        self.member_does(&who, &call, Transition::Miss { user })
            .await
    }

    pub(super) async fn depart(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        self.member_does(&who, &call, Transition::Depart { user })
            .await
    }

    pub(super) async fn set_media(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        change: MediaChange,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        self.member_does(&who, &call, Transition::SetMedia { user, change })
            .await
    }

    /// Whether somebody for whom no connection stands is there, as it says itself.
    pub(super) async fn says(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        there: bool,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        let transition = match there {
            true => Transition::Heard { user },
            false => Transition::Gone { user },
        };
        self.member_does(&who, &call, transition).await
    }

    /// Whether a connection of somebody who is there by its word came or went.
    pub(super) async fn present(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        there: bool,
    ) -> Result<CallRecord, CallError> {
        let user = who.user.clone();
        let transition = match there {
            true => Transition::Back { user },
            false => Transition::Absent { user },
        };
        self.member_does(&who, &call, transition).await
    }

    async fn member_does(
        &self,
        who: &Principal,
        call: &CallRef,
        transition: Transition,
    ) -> Result<CallRecord, CallError> {
        let (state, _) = self
            .act(who, call, |state| {
                permission::may_see(who, state)
                    .then_some(transition)
                    .ok_or(CallError::NotMember)
            })
            .await?;
        self.record_of(state.call.number).await
    }

    pub(super) async fn start_call(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        self.in_charge(&who, &call, |by| Transition::Start { by })
            .await
    }

    pub(super) async fn hang_up(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        how: HangUp,
    ) -> Result<CallRecord, CallError> {
        self.in_charge(&who, &call, |by| Transition::HangUp { by, how })
            .await
    }

    /// Done by whoever may end the Call.
    async fn in_charge(
        &self,
        who: &Principal,
        call: &CallRef,
        transition: impl FnOnce(Option<UserId>) -> Transition,
    ) -> Result<CallRecord, CallError> {
        let (state, _) = self
            .act(who, call, |state| {
                allowed(who, state, permission::may_hang_up)?;
                Ok(transition(actor(who)))
            })
            .await?;
        self.record_of(state.call.number).await
    }

    pub(super) async fn set_recording(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        on: bool,
    ) -> Result<CallRecord, CallError> {
        let (state, _) = self
            .act(&who, &call, |state| {
                allowed(&who, state, permission::may_record)?;
                Ok(Transition::SetRecording {
                    by: actor(&who),
                    on,
                })
            })
            .await?;
        self.record_of(state.call.number).await
    }

    pub(super) async fn add_recording(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
        recording: NewRecording,
    ) -> Result<Recording, CallError> {
        let found = self.find(&call).await?.ok_or(CallError::UnknownCall)?;
        let turn = self.rooms.turn(&found.room).await;
        let mut tx = self.store.begin().await.map_err(database)?;
        let locked = tx.lock(found.number).await.map_err(database)?;
        let mut state = locked.ok_or(CallError::UnknownCall)?;
        allowed(&who, &state, permission::may_record)?;
        if !state.call.about.recording_allowed {
            return Err(CallError::NotRecordable);
        }
        let by = actor(&who);
        let transition = Transition::AddRecording { by: by.clone() };
        let outcome = self.apply_by_word(&mut state, transition)?;
        if by.is_some() {
            let at = state.call.times.updated;
            tx.put_user(&who, at).await.map_err(database)?;
        }
        let added = tx.add_recording(&state.call, by.as_ref(), &recording).await;
        let added = added.map_err(database)?;
        self.commit(tx, &state, &outcome).await?;
        self.publish(&turn, state, &outcome);
        Ok(added)
    }
}

/// Whom an event names: an API key is nobody.
pub(super) fn actor(who: &Principal) -> Option<UserId> {
    (who.standing != Standing::Backend).then(|| who.user.clone())
}

/// A member who may not learns that; a stranger learns nothing.
pub(super) fn allowed(
    who: &Principal,
    state: &CallState,
    may: impl FnOnce(&Principal, &CallState) -> bool,
) -> Result<(), CallError> {
    if !permission::may_see(who, state) {
        return Err(CallError::NotMember);
    }
    may(who, state).then_some(()).ok_or(CallError::Forbidden)
}
