//! [`CallService`], the only way in: every dialect and every carrier asks it, and
//! nothing else writes a Call.

mod record;

use std::sync::Arc;
use std::time::Duration;

use convoke_media::control::{Answer, Event, Offer, SlotRequest, Source};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::domain::participant::PublishState;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::events::hub::NoticeReceiver;
use crate::events::notice::Snapshot;
use crate::ids::{CallId, Epoch, ParticipantId, RoomName};
use crate::media_plane::MediaPlane;
use crate::store::Store;

pub use record::{CallRecord, CallRecords, Page, ParticipantRecord};

/// Limits and times of Calls.
#[derive(Debug, Clone)]
pub struct CallConfig {
    /// Joined devices in one Call.
    pub max_participants: u32,
    /// How long a Participant whose Session is lost may return; at most
    /// [`CallConfig::MAX_GRACE`].
    pub grace: Duration,
    /// How long a Call that everybody left waits for somebody to come back.
    pub linger: Duration,
}

impl CallConfig {
    pub const MAX_GRACE: Duration = Duration::from_secs(30);
}

impl Default for CallConfig {
    fn default() -> Self {
        Self {
            max_participants: 50,
            grace: Self::MAX_GRACE,
            linger: Duration::ZERO,
        }
    }
}

/// A Participant attached to a Session.
#[derive(Debug)]
pub struct Joined {
    pub participant: ParticipantId,
    /// Names this attachment in [`CallService::disconnected`].
    pub epoch: Epoch,
    pub snapshot: Snapshot,
    /// Everything after `snapshot`. Dropping it is the same as `disconnected`.
    pub notices: NoticeReceiver,
}

/// Cheap to clone. Whatever a caller began is finished even when the caller stops
/// waiting for it.
#[derive(Clone)]
pub struct CallService {
    inner: Arc<()>,
}

impl CallService {
    /// Takes up the Calls that an earlier run left, and starts the deadlines.
    pub async fn start(
        store: Store,
        media: Arc<dyn MediaPlane>,
        media_events: mpsc::Receiver<Event>,
        config: CallConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CallError> {
        let _ = (store, media, media_events, config, clock);
        Ok(Self {
            inner: Arc::new(()),
        })
    }

    /// Writes down that everybody was there until now, and stops the deadlines.
    pub async fn stop(&self) {
        let _ = &self.inner;
    }

    /// Whether a join could succeed now.
    pub async fn ready(&self) -> Result<(), CallError> {
        Err(CallError::Unavailable)
    }

    /// Enters the Call of `room`, starting one if none is going on.
    pub async fn join(&self, who: &Principal, room: RoomName) -> Result<Joined, CallError> {
        let _ = (who, room);
        Err(CallError::Unavailable)
    }

    /// First negotiation, renegotiation or ICE restart.
    pub async fn offer(
        &self,
        participant: ParticipantId,
        offer: Offer,
    ) -> Result<Answer, CallError> {
        let _ = (participant, offer);
        Err(CallError::Unavailable)
    }

    pub async fn candidate(
        &self,
        participant: ParticipantId,
        candidate: String,
    ) -> Result<(), CallError> {
        let _ = (participant, candidate);
        Err(CallError::Unavailable)
    }

    pub async fn set_slots(
        &self,
        participant: ParticipantId,
        slots: Vec<SlotRequest>,
    ) -> Result<(), CallError> {
        let _ = (participant, slots);
        Err(CallError::Unavailable)
    }

    pub async fn set_publish(
        &self,
        participant: ParticipantId,
        source: Source,
        state: PublishState,
    ) -> Result<(), CallError> {
        let _ = (participant, source, state);
        Err(CallError::Unavailable)
    }

    /// Leaves for good. Leaving twice is leaving once.
    pub async fn leave(&self, participant: ParticipantId) -> Result<(), CallError> {
        let _ = participant;
        Err(CallError::Unavailable)
    }

    /// Ends the Call for everybody, by the word of one in it.
    pub async fn end_call(&self, participant: ParticipantId) -> Result<(), CallError> {
        let _ = participant;
        Err(CallError::Unavailable)
    }

    /// Ends the Call for everybody, by the word of somebody outside or inside.
    pub async fn end_call_as(&self, who: &Principal, call: CallId) -> Result<(), CallError> {
        let _ = (who, call);
        Err(CallError::Unavailable)
    }

    /// The Session of this attachment is gone; the grace time begins. Does nothing
    /// when another attachment took over or the Participant has left.
    pub async fn disconnected(&self, participant: ParticipantId, epoch: Epoch) {
        let _ = (participant, epoch);
    }

    /// Attaches a new Session to a Participant that is still in its Call, taking
    /// over from an older one. The caller has proven that the Participant is its own.
    pub async fn resume(&self, participant: ParticipantId) -> Result<Joined, CallError> {
        let _ = participant;
        Err(CallError::ResumeFailed)
    }

    /// For those who took part, for moderators of its room and for the backend.
    pub async fn get_call(&self, who: &Principal, call: CallId) -> Result<CallRecord, CallError> {
        let _ = (who, call);
        Err(CallError::UnknownCall)
    }

    /// The Calls of `room` that `who` may see, latest first.
    pub async fn list_calls(
        &self,
        who: &Principal,
        room: &RoomName,
        page: Page,
    ) -> Result<CallRecords, CallError> {
        let _ = (who, room, page);
        Err(CallError::Unavailable)
    }
}
