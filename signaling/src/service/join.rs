//! Entering a Call, and coming back to it.

use std::sync::Arc;

use convoke_media::control::{Command, CommandError};
use uuid::{NoContext, Timestamp, Uuid};

use super::Joined;
use super::core::{Core, database};
use super::live::LiveCall;
use super::rooms::Turn;
use crate::domain::call::{Backend, Call, Nature};
use crate::domain::lifecycle::{CallState, Newcomer, Outcome, Transition};
use crate::domain::participant::LeaveReason;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::{CallId, Epoch, ParticipantId, RoomName};

/// What somebody enters a Room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    TakePart,
    Watch,
}

impl Purpose {
    fn allowed(self, who: &Principal, room: &RoomName) -> bool {
        match self {
            Self::TakePart => permission::may_enter(who, room),
            Self::Watch => permission::may_watch(who, room),
        }
    }

    const fn transition(self, newcomer: Newcomer) -> Transition {
        match self {
            Self::TakePart => Transition::Join(newcomer),
            Self::Watch => Transition::Watch(newcomer),
        }
    }
}

impl Core {
    pub(super) async fn join(
        self: Arc<Self>,
        who: Principal,
        room: RoomName,
        purpose: Purpose,
    ) -> Result<Joined, CallError> {
        if !purpose.allowed(&who, &room) {
            return Err(CallError::Forbidden);
        }
        let turn = self.rooms.turn(&room).await;
        let id = ParticipantId::from_uuid(Uuid::new_v4());
        self.rooms.enter(id, &room);
        let joined = self.join_in(&turn, &who, id, purpose).await;
        match &joined {
            // Whoever was asked, or is there by its word, has an id already.
            Ok(joined) if joined.participant != id => self.rooms.exit(id),
            Ok(_) => {}
            // It may have been committed: then it was a visit of no length.
            Err(CallError::Unavailable) => self.suspect(id, Epoch::FIRST),
            Err(_) => self.rooms.exit(id),
        }
        joined
    }

    async fn join_in(
        &self,
        turn: &Turn,
        who: &Principal,
        id: ParticipantId,
        purpose: Purpose,
    ) -> Result<Joined, CallError> {
        let (state, outcome) = self.commit_join(turn, who, id, purpose).await?;
        let id = outcome.seated.unwrap_or(id);
        self.rooms.enter(id, &turn.room().name);
        // The Router tells things from its opening on, which may be now.
        self.rooms.open(state.call.id, &turn.room().name);
        let command = Command::AddParticipant {
            router: state.call.id.into(),
            participant: id.into(),
        };
        if let Err(error) = self.media.request(command).await {
            let seated = state.find(id);
            let epoch = seated.map_or(Epoch::FIRST, |p| p.presence.epoch);
            self.undo_join(turn, (id, epoch), error).await;
            self.rooms.close_unless_live(turn.room(), state.call.id);
            return Err(CallError::Unavailable);
        }
        self.publish(turn, state, &outcome);
        let mut live = turn.room().live();
        let call = live.as_mut().ok_or(CallError::Unavailable)?;
        if let Some(seat) = call.seat(id) {
            seat.in_router = true;
            // Whoever comes anew says itself what is to be heard of it.
            seat.overruled = None;
        }
        self.attach(call, id).ok_or(CallError::Unavailable)
    }

    async fn commit_join(
        &self,
        turn: &Turn,
        who: &Principal,
        id: ParticipantId,
        purpose: Purpose,
    ) -> Result<(CallState, Outcome), CallError> {
        let now = self.clock.now();
        let room = turn.room().name.clone();
        let fresh = Call::pending(new_call_id(now), room, Nature::AD_HOC, now);
        let mut tx = self.store.begin().await.map_err(database)?;
        let mut state = tx.lock_or_create(&fresh).await.map_err(database)?;
        if state.call.nature.backend == Backend::Jitsi {
            return Err(CallError::HeldElsewhere);
        }
        if state.call.id == fresh.id {
            self.has_room()?;
        }
        let admitted = self.comes_in(who, &state).await?;
        let newcomer = Newcomer {
            id,
            user: who.user.clone(),
            name: who.shown_name().to_owned(),
            avatar_url: who.avatar_url.clone(),
            role: permission::role_in(who, state.is_started_by(&who.user)),
            admitted,
            by_word: false,
        };
        let outcome = self.apply(&mut state, purpose.transition(newcomer))?;
        let at = state.call.times.updated;
        tx.put_user(who, at).await.map_err(database)?;
        self.commit(tx, &state, &outcome).await?;
        Ok((state, outcome))
    }

    /// Whether a device may enter without its user's having been invited. A proof that
    /// names the Room was made for entering it, and who is there already has given
    /// the password.
    async fn comes_in(&self, who: &Principal, state: &CallState) -> Result<bool, CallError> {
        let inside = who.room.is_some() || state.is_present(&who.user);
        Ok(inside || self.admitted(who, &state.call, None).await?)
    }

    /// The media core has no place: on record the newcomer came and left, and nobody
    /// was told of either.
    async fn undo_join(
        &self,
        turn: &Turn,
        (id, epoch): (ParticipantId, Epoch),
        error: CommandError,
    ) {
        tracing::warn!(%error, participant.id = %id, "no media for a newcomer");
        let leave = Transition::Leave {
            participant: id,
            reason: LeaveReason::Failed,
        };
        match self.transact(turn, leave).await {
            Ok(_) => self.rooms.exit(id),
            // Logged; it is looked at until the database has an answer.
            Err(_) => self.suspect(id, epoch),
        }
    }

    pub(super) async fn resume(
        self: Arc<Self>,
        participant: ParticipantId,
        epoch: Epoch,
    ) -> Result<Joined, CallError> {
        let gone = CallError::ResumeFailed;
        let room = self.rooms.of_participant(participant);
        let turn = self.rooms.turn(&room.ok_or(gone.clone())?.name).await;
        let resume = Transition::Resume { participant, epoch };
        match self.transact(&turn, resume).await {
            Ok(Some(_)) => {}
            Ok(None) | Err(CallError::NotInCall) => return Err(gone),
            Err(error) => {
                // It may have been committed; then nobody holds this attachment.
                self.suspect(participant, epoch.next());
                return Err(error);
            }
        }
        let mut live = turn.room().live();
        let call = live.as_mut().ok_or(gone.clone())?;
        self.attach(call, participant).ok_or(gone)
    }

    /// Opens the queue and takes the snapshot in one moment, so that nothing falls
    /// between them.
    fn attach(&self, call: &mut LiveCall, participant: ParticipantId) -> Option<Joined> {
        let epoch = call.find(participant)?.presence.epoch;
        let snapshot = call.snapshot(participant)?;
        let muted = call.seat(participant)?.overruled.clone();
        let lost = self.lost.clone();
        let notices = call.fanout.attach(participant, epoch, lost);
        call.repeat_layers(participant);
        Some(Joined {
            participant,
            epoch,
            snapshot,
            muted,
            notices,
        })
    }

    /// Has an attachment treated as lost, as soon as the database can.
    pub(super) fn suspect(&self, participant: ParticipantId, epoch: Epoch) {
        // Nobody listens once the service has stopped; the next start cleans up.
        let _ = self.lost.send((participant, epoch));
    }
}

/// Ids sort by the time of their making.
pub(super) fn new_call_id(now: UnixMillis) -> CallId {
    let millis = u64::try_from(now.0).unwrap_or(0);
    let nanos = u32::try_from(millis % 1_000).unwrap_or(0) * 1_000_000;
    let timestamp = Timestamp::from_unix(NoContext, millis / 1_000, nanos);
    CallId::from_uuid(Uuid::new_v7(timestamp))
}
