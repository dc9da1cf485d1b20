//! What a Participant asks of its media, and what the media core tells unasked.

use std::sync::Arc;

use convoke_media::control::{
    Answer, Command, CommandError, Event, Offer, Response, SlotRequest, Source, Strain,
};
use convoke_media::ids::RouterId;

use super::core::Core;
use super::live::{LiveCall, Seat};
use super::rooms::Room;
use crate::domain::participant::PublishState;
use crate::domain::permission;
use crate::error::CallError;
use crate::events::notice::Notice;
use crate::ids::{CallId, ParticipantId};

/// A Participant with the right to speak of it to the media core.
pub(super) struct Seated {
    id: ParticipantId,
    room: Arc<Room>,
    _media_turn: tokio::sync::OwnedMutexGuard<()>,
}

impl Seated {
    /// Looks at the Call and the seat; refused once the Participant has left.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut LiveCall) -> T) -> Result<T, CallError> {
        let mut live = self.room.live();
        let call = live.as_mut().ok_or(CallError::NotInCall)?;
        call.seat(self.id).ok_or(CallError::NotInCall)?;
        Ok(look(call))
    }

    pub(super) fn with_seat<T>(&self, look: impl FnOnce(&mut Seat) -> T) -> Result<T, CallError> {
        self.with(|call| call.seat(self.id).map(look))?
            .ok_or(CallError::NotInCall)
    }
}

impl Core {
    pub(super) async fn seated(&self, id: ParticipantId) -> Result<Seated, CallError> {
        let room = self.rooms.of_participant(id).ok_or(CallError::NotInCall)?;
        let turn = {
            let mut live = room.live();
            let seat = live.as_mut().and_then(|call| call.seat(id));
            Arc::clone(&seat.ok_or(CallError::NotInCall)?.media_turn)
        };
        let seated = Seated {
            id,
            room,
            _media_turn: turn.lock_owned().await,
        };
        seated.with(|_| ())?;
        Ok(seated)
    }

    pub(super) async fn offer(
        self: Arc<Self>,
        id: ParticipantId,
        offer: Offer,
    ) -> Result<Answer, CallError> {
        let seated = self.seated(id).await?;
        let role = seated.with(|call| call.find(id).map(|p| p.role))?;
        if !offer.publish.is_empty() && !role.is_some_and(permission::may_publish) {
            return Err(CallError::Forbidden);
        }
        let answer = self.negotiate(&seated, offer).await?;
        let published = answer
            .published
            .iter()
            .map(|intent| intent.source)
            .collect();
        // What was muted before stays so, whatever the worker has forgotten.
        let publishing = seated.with(|call| {
            let said = call.answered(id, published);
            said.unwrap_or_default()
        })?;
        for (source, state) in publishing {
            if state != PublishState::Live {
                self.mute(&seated, source, state).await?;
            }
        }
        Ok(answer)
    }

    /// Asks for an answer, bringing the Participant back into a Router that was lost.
    async fn negotiate(&self, seated: &Seated, offer: Offer) -> Result<Answer, CallError> {
        self.ensure_in_router(seated).await?;
        let participant = seated.id.into();
        let command = Command::Offer { participant, offer };
        match self.media.request(command).await {
            Ok(Response::Answer(answer)) => Ok(answer),
            Ok(Response::Done | Response::Stats(_)) => Err(CallError::Unavailable),
            Err(CommandError::UnknownParticipant) => {
                // Its worker lost it and we have not been told yet.
                seated.with_seat(Seat::forget_media)?;
                Err(CallError::Unavailable)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ensure_in_router(&self, seated: &Seated) -> Result<(), CallError> {
        let call = seated.with(|call| call.call().id)?;
        if seated.with_seat(|seat| seat.in_router)? {
            return Ok(());
        }
        let command = Command::AddParticipant {
            router: call.into(),
            participant: seated.id.into(),
        };
        match self.media.request(command).await {
            Ok(_) | Err(CommandError::DuplicateParticipant) => {}
            Err(error) => return Err(error.into()),
        }
        seated.with_seat(|seat| seat.in_router = true)
    }

    pub(super) async fn candidate(
        self: Arc<Self>,
        id: ParticipantId,
        candidate: String,
    ) -> Result<(), CallError> {
        let participant = self.seated(id).await?.id.into();
        let command = Command::AddCandidate {
            participant,
            candidate,
        };
        Ok(self.media.request(command).await.map(drop)?)
    }

    pub(super) async fn set_slots(
        self: Arc<Self>,
        id: ParticipantId,
        slots: Vec<SlotRequest>,
    ) -> Result<(), CallError> {
        let seated = self.seated(id).await?;
        let participant = seated.id.into();
        let command = Command::SetSlots { participant, slots };
        Ok(self.media.request(command).await.map(drop)?)
    }

    pub(super) async fn set_publish(
        self: Arc<Self>,
        id: ParticipantId,
        source: Source,
        state: PublishState,
    ) -> Result<(), CallError> {
        let seated = self.seated(id).await?;
        self.mute(&seated, source, state).await?;
        seated.with(|call| {
            let seat = call.seat(id);
            if seat.is_some_and(|seat| seat.say(source, state)) {
                call.tell_changed(id);
            }
        })
    }

    /// What is not live is not forwarded, even if it is still being sent.
    pub(super) async fn mute(
        &self,
        seated: &Seated,
        source: Source,
        state: PublishState,
    ) -> Result<(), CallError> {
        let command = Command::SetMuted {
            participant: seated.id.into(),
            source,
            muted: state != PublishState::Live,
        };
        match self.media.request(command).await {
            // Said again after the next offer.
            Ok(_) | Err(CommandError::UnknownParticipant) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Never waits: a worker must not queue behind one Room's database.
    pub(super) fn media_event(&self, event: Event) {
        match event {
            Event::Transport { participant, state } => {
                self.with_participant(participant.into(), |call, id| {
                    call.fanout.send_to(id, Notice::Transport(state));
                });
            }
            Event::Slots {
                participant,
                assignments,
            } => self.with_participant(participant.into(), |call, id| {
                call.assign_slots(id, assignments);
            }),
            Event::Layers {
                participant,
                source,
                wanted,
            } => self.with_participant(participant.into(), |call, id| {
                call.set_layers(id, source, wanted);
            }),
            Event::Speaking { router, speakers } => {
                self.with_router(router, |call| call.set_speakers(speakers));
            }
            Event::Strained { router, strain } => self.strained(router.into(), strain),
            Event::RouterLost { router } => {
                tracing::warn!(call.id = %CallId::from(router), "the media of a call was lost");
                self.with_router(router, LiveCall::lose_router);
            }
        }
    }

    /// A Router that opens speaks before anybody has been told of its Call.
    fn strained(&self, id: CallId, strain: Strain) {
        let Some(room) = self.rooms.of_call(id) else {
            return;
        };
        let mut live = room.live();
        match live.as_mut().filter(|call| call.call().id == id) {
            Some(call) => call.set_strain(strain),
            None => room.keep_early(id, strain),
        }
    }

    fn with_participant(&self, id: ParticipantId, act: impl FnOnce(&mut LiveCall, ParticipantId)) {
        // What is said of somebody who has left meanwhile interests nobody.
        if let Some(room) = self.rooms.of_participant(id)
            && let Some(call) = room.live().as_mut()
        {
            act(call, id);
        }
    }

    fn with_router(&self, router: RouterId, act: impl FnOnce(&mut LiveCall)) {
        let id = CallId::from(router);
        if let Some(room) = self.rooms.of_call(id)
            && let Some(call) = room.live().as_mut().filter(|call| call.call().id == id)
        {
            act(call);
        }
    }
}
