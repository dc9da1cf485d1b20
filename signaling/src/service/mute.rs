//! One who leads a Call mutes everybody else in it. Nobody is gagged: each may unmute
//! itself again, and what one says of its own source after that counts.

use std::sync::Arc;

use convoke_media::control::Source;
use futures_util::future::join_all;

use super::core::Core;
use super::lookup::CallRef;
use super::word::{actor, allowed};
use crate::domain::call::{Backend, CallStatus};
use crate::domain::lifecycle::Transition;
use crate::domain::participant::PublishState;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::events::notice::{Actor, Muted};
use crate::ids::{CallId, ParticipantId, UserId};

/// Noise comes from microphones. A picture is in nobody's way, and a film is shown with
/// its sound on purpose.
const SOURCE: Source = Source::Microphone;

/// Somebody who was heard until somebody else muted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    pub participant: ParticipantId,
    pub user: UserId,
}

impl Core {
    pub(super) async fn mute_others(
        self: Arc<Self>,
        participant: ParticipantId,
    ) -> Result<Vec<Silenced>, CallError> {
        let room = self.rooms.of_participant(participant);
        let (call, by) = {
            let room = room.ok_or(CallError::NotInCall)?;
            let live = room.live();
            let call = live.as_ref().ok_or(CallError::NotInCall)?;
            let asker = call.find(participant).ok_or(CallError::NotInCall)?;
            if !permission::member_may_mute_others(&asker.user, call.state()) {
                return Err(CallError::Forbidden);
            }
            let by = Actor {
                user: asker.user.clone(),
                name: asker.name.clone(),
            };
            (call.call().id, by)
        };
        self.mute_all_but(call, Some(by)).await
    }

    pub(super) async fn mute_others_as(
        self: Arc<Self>,
        who: Principal,
        call: CallRef,
    ) -> Result<Vec<Silenced>, CallError> {
        let (state, _) = self
            .act(&who, &call, |state| {
                let over = state.call.status == CallStatus::Ended;
                // Who led it may have no row any more that shows it.
                allowed(&who, state, |who, state| {
                    over || permission::may_mute_others(who, state)
                })?;
                match state.call.nature.backend {
                    _ if over => Err(CallError::Over),
                    Backend::Jitsi => Err(CallError::HeldElsewhere),
                    // What is muted is as little on record as what one mutes itself.
                    Backend::Sfu => Ok(Transition::Heard {
                        user: who.user.clone(),
                    }),
                }
            })
            .await?;
        let name = who.name.clone();
        let by = actor(&who).map(|user| Actor { user, name });
        self.mute_all_but(state.call.id, by).await
    }

    /// All at once, so that nobody is heard for longer because another's worker is slow.
    async fn mute_all_but(
        &self,
        call: CallId,
        by: Option<Actor>,
    ) -> Result<Vec<Silenced>, CallError> {
        let except = by.as_ref().map(|by| &by.user);
        let heard = match self.rooms.of_call(call) {
            // Nobody has entered it yet.
            None => Vec::new(),
            Some(room) => {
                let live = room.live();
                let same = live.as_ref().filter(|live| live.call().id == call);
                same.map_or_else(Vec::new, |live| live.live_but(except, SOURCE))
            }
        };
        let muted = Muted { source: SOURCE, by };
        let muting = heard.into_iter().map(|id| self.mute_other(id, &muted));
        let results = join_all(muting).await;
        let done: Result<Vec<_>, _> = results.into_iter().collect();
        Ok(done?.into_iter().flatten().collect())
    }

    /// `None` for whoever has left or muted itself meanwhile.
    async fn mute_other(
        &self,
        id: ParticipantId,
        muted: &Muted,
    ) -> Result<Option<Silenced>, CallError> {
        match self.silence(id, muted).await {
            Err(CallError::NotInCall) => Ok(None),
            result => result,
        }
    }

    async fn silence(
        &self,
        id: ParticipantId,
        muted: &Muted,
    ) -> Result<Option<Silenced>, CallError> {
        let seated = self.seated(id).await?;
        if !seated.with_seat(|seat| seat.is_live(muted.source))? {
            return Ok(None);
        }
        let state = PublishState::Muted;
        self.mute(&seated, muted.source, state).await?;
        seated.with(|call| {
            call.overrule(id, muted.clone());
            call.find(id).map(|p| Silenced {
                participant: id,
                user: p.user.clone(),
            })
        })
    }
}
