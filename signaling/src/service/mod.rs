//! [`CallService`], the only way in: every dialect and every carrier asks it, and
//! nothing else writes a Call.

mod admittance;
mod appointments;
mod core;
mod directory;
mod guesses;
mod history;
mod join;
mod leave;
mod live;
mod lookup;
mod media;
mod mute;
mod notifications;
mod password;
mod plan;
mod record;
mod rooms;
mod seen;
mod status;
mod tasks;
mod webhooks;
mod word;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use convoke_media::control::{Answer, Event, Offer, SlotRequest, Source};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::core::Core;
use self::join::Purpose;
use self::rooms::Rooms;
use self::seen::Seen;

use crate::clock::Clock;
use crate::domain::event::CallEvent;
use crate::domain::lifecycle::{HangUp, Rules};
use crate::domain::participant::{LeaveReason, MediaChange, PublishState};
use crate::domain::principal::Principal;
use crate::domain::recording::{NewRecording, Recording};
use crate::error::CallError;
use crate::events::feed::{Feed, Feeds};
use crate::events::hub::NoticeReceiver;
use crate::events::notice::{Muted, Snapshot};
use crate::ids::{CallId, Epoch, ParticipantId, RoomName};
use crate::media_plane::MediaPlane;
use crate::store::Store;

pub use admittance::{Admittance, RoomRequest};
pub use appointments::AppointmentCall;
pub use lookup::{CallFilter, CallRef};
pub use mute::Silenced;
pub use plan::{ChatLink, NewCall, Planned, mode_of};
pub use record::{CallRecord, CallRecords, Notifications, Page, Paging, ParticipantRecord, Person};
pub use webhooks::Webhooks;

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
    /// The same for meetings and appointments, which have a time of their own.
    pub planned_linger: Duration,
    /// How long people are rung.
    pub ring: Duration,
    /// How long somebody who entered by REST counts as present after its last sign of
    /// life, until its page comes.
    pub word: Duration,
    /// The same in a Jitsi, of whose rooms nobody tells us.
    pub word_elsewhere: Duration,
    /// After which a Call is ended, whoever is still in it.
    pub max_duration: Duration,
}

impl CallConfig {
    /// With the silence after which a Session counts as lost (two ping intervals), a
    /// client that went without a word is out of the Call within 30 s.
    pub const MAX_GRACE: Duration = Duration::from_secs(20);

    fn rules(&self) -> Rules {
        Rules {
            max_participants: self.max_participants,
            grace: self.grace.min(Self::MAX_GRACE),
            linger: self.linger,
            planned_linger: self.planned_linger,
            ring: self.ring,
            word: self.word,
            word_elsewhere: self.word_elsewhere,
            max_duration: self.max_duration,
        }
    }
}

impl Default for CallConfig {
    fn default() -> Self {
        Self {
            max_participants: 50,
            grace: Self::MAX_GRACE,
            linger: Duration::ZERO,
            planned_linger: Duration::from_secs(600),
            ring: Duration::from_secs(45),
            word: Duration::from_secs(120),
            // Longer than any token that we give for one.
            word_elsewhere: Duration::from_secs(4 * 3600),
            max_duration: Duration::from_secs(24 * 3600),
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
    /// What it was told before, and may not have heard: of a source that somebody else
    /// muted, to be said before anything else is.
    pub muted: Option<Muted>,
    /// Everything after `snapshot`. Dropping it is the same as `disconnected`.
    pub notices: NoticeReceiver,
}

/// Cheap to clone. Whatever a caller began is finished even when the caller stops
/// waiting for it. When the last clone is dropped the deadlines stop, as in a crash.
#[derive(Clone)]
pub struct CallService {
    core: Arc<Core>,
    _running: Arc<DropGuard>,
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
        let (lost, losses) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let core = Arc::new(Core {
            store,
            media,
            clock,
            rules: config.rules(),
            rooms: Rooms::default(),
            seen: Seen::default(),
            lost,
            deadline_set: Notify::new(),
            guesses: Default::default(),
            feeds: Feeds::default(),
            event_listeners: Mutex::default(),
            stop: stop.clone(),
        });
        core.recover().await?;
        core.beat().await?;
        core.spawn_tasks(media_events, losses);
        Ok(Self {
            core,
            _running: Arc::new(stop.drop_guard()),
        })
    }

    /// Delivers every event to the store's webhooks from now on.
    pub async fn deliver(&self, webhooks: Webhooks) -> Result<(), CallError> {
        self.core.spawn_webhooks(webhooks).await
    }

    /// Stops the deadlines and writes down that everybody was there until now: the
    /// next start gives them the grace time to come back.
    pub async fn stop(&self) {
        self.core.stop.cancel();
        // A failure is logged; the stop then looks like a crash.
        let _ = self.core.beat().await;
    }

    /// Enters the Call of `room`, starting one if none is going on.
    pub async fn join(&self, who: &Principal, room: RoomName) -> Result<Joined, CallError> {
        finish(self.core().join(who.clone(), room, Purpose::TakePart)).await
    }

    /// Enters the Call of `room` to receive it, waiting in it for one to begin if none
    /// is going on.
    pub async fn watch(&self, who: &Principal, room: RoomName) -> Result<Joined, CallError> {
        finish(self.core().join(who.clone(), room, Purpose::Watch)).await
    }

    /// Whether a Call goes on in `room`, so that joining would start none.
    pub fn goes_on(&self, room: &RoomName) -> bool {
        self.core.rooms.is_live(room)
    }

    /// First negotiation, renegotiation or ICE restart.
    pub async fn offer(
        &self,
        participant: ParticipantId,
        offer: Offer,
    ) -> Result<Answer, CallError> {
        finish(self.core().offer(participant, offer)).await
    }

    pub async fn candidate(
        &self,
        participant: ParticipantId,
        candidate: String,
    ) -> Result<(), CallError> {
        finish(self.core().candidate(participant, candidate)).await
    }

    pub async fn set_slots(
        &self,
        participant: ParticipantId,
        slots: Vec<SlotRequest>,
    ) -> Result<(), CallError> {
        finish(self.core().set_slots(participant, slots)).await
    }

    pub async fn set_publish(
        &self,
        participant: ParticipantId,
        source: Source,
        state: PublishState,
    ) -> Result<(), CallError> {
        finish(self.core().set_publish(participant, source, state)).await
    }

    /// Mutes the microphones of everybody else, by the word of one in the Call; gives who
    /// was heard until then, in order of joining. They may unmute themselves again.
    pub async fn mute_others(
        &self,
        participant: ParticipantId,
    ) -> Result<Vec<Silenced>, CallError> {
        finish(self.core().mute_others(participant)).await
    }

    /// The same by the word of somebody outside or inside, who is never muted itself.
    /// Refused for a Call that a Jitsi holds, which mutes by itself.
    pub async fn mute_others_as(
        &self,
        who: &Principal,
        call: CallRef,
    ) -> Result<Vec<Silenced>, CallError> {
        finish(self.core().mute_others_as(who.clone(), call)).await
    }

    /// Leaves for good. Leaving twice is leaving once.
    pub async fn leave(&self, participant: ParticipantId) -> Result<(), CallError> {
        finish(self.core().leave(participant, LeaveReason::Left)).await
    }

    /// The Participant's media is gone, and there is no Session that could bring it
    /// back: it is not waited for.
    pub async fn vanished(&self, participant: ParticipantId) -> Result<(), CallError> {
        finish(self.core().leave(participant, LeaveReason::TimedOut)).await
    }

    /// Ends the Call for everybody, by the word of one in it.
    pub async fn end_call(&self, participant: ParticipantId) -> Result<(), CallError> {
        finish(self.core().end_call(participant)).await
    }

    /// Ends the Call for everybody, by the word of somebody outside or inside.
    pub async fn end_call_as(&self, who: &Principal, call: CallId) -> Result<(), CallError> {
        finish(self.core().end_call_as(who.clone(), call)).await
    }

    /// The Session of this attachment is gone; the grace time begins. Does nothing
    /// when another attachment took over or the Participant has left.
    pub async fn disconnected(&self, participant: ParticipantId, epoch: Epoch) {
        let core = self.core();
        let tried = finish(async move { core.disconnected(participant, epoch).await }).await;
        if tried.is_err() {
            self.core.suspect(participant, epoch);
        }
    }

    /// Attaches a new Session to a Participant that is still in its Call, taking
    /// over from an older one. The caller has proven that the Participant was its
    /// own in the attachment `epoch`: the current one, or the one before it, as
    /// the announcement of the current one may have been lost.
    pub async fn resume(
        &self,
        participant: ParticipantId,
        epoch: Epoch,
    ) -> Result<Joined, CallError> {
        finish(self.core().resume(participant, epoch)).await
    }

    /// For those who took part, for moderators of its room and for the backend.
    pub async fn get_call(&self, who: &Principal, call: CallId) -> Result<CallRecord, CallError> {
        self.core.get_call(who, call).await
    }

    /// The Calls of `room` that `who` may see, latest first.
    pub async fn list_calls(
        &self,
        who: &Principal,
        room: &RoomName,
        page: Page,
    ) -> Result<CallRecords, CallError> {
        self.core.list_calls(who, room, page).await
    }

    /// Makes a Call and asks others into it, ringing them or not. An appointment's
    /// Call is made once, and given again afterwards.
    pub async fn plan(&self, who: &Principal, new: NewCall) -> Result<Planned, CallError> {
        finish(self.core().plan(who.clone(), new)).await
    }

    /// Enters by word: without a device here, or before it comes.
    pub async fn enter(
        &self,
        who: &Principal,
        call: CallRef,
        password: Option<String>,
    ) -> Result<CallRecord, CallError> {
        finish(self.core().enter(who.clone(), call, password)).await
    }

    /// Answers the ring on one device, which stops it on the user's others.
    pub async fn accept(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().accept(who.clone(), call)).await
    }

    /// Declines for the user, on all its devices.
    pub async fn decline(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().decline(who.clone(), call)).await
    }

    /// Nobody answered, says the one who was rung for its own ring, or the caller.
    pub async fn miss(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().miss(who.clone(), call)).await
    }

    /// Leaves with all of the user's devices; a caller whom nobody has answered yet
    /// cancels the Call.
    pub async fn depart(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().depart(who.clone(), call)).await
    }

    /// Begins the Call by word, where entering does not.
    pub async fn start_call(
        &self,
        who: &Principal,
        call: CallRef,
    ) -> Result<CallRecord, CallError> {
        finish(self.core().start_call(who.clone(), call)).await
    }

    /// Ends the Call for everybody. Ending it twice is ending it once.
    pub async fn hang_up(
        &self,
        who: &Principal,
        call: CallRef,
        how: HangUp,
    ) -> Result<CallRecord, CallError> {
        finish(self.core().hang_up(who.clone(), call, how)).await
    }

    /// What somebody present says of its own media.
    pub async fn set_media(
        &self,
        who: &Principal,
        call: CallRef,
        change: MediaChange,
    ) -> Result<CallRecord, CallError> {
        finish(self.core().set_media(who.clone(), call, change)).await
    }

    /// The last connection of somebody present by its word went: the grace time
    /// begins, unless it says something meanwhile.
    pub async fn went(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().present(who.clone(), call, false)).await
    }

    /// A connection of somebody present by its word came.
    pub async fn came(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().present(who.clone(), call, true)).await
    }

    /// A sign of life of somebody present by its word, for whom no connection stands.
    pub async fn heard(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().says(who.clone(), call, true)).await
    }

    /// It goes, and may come back within the grace time.
    pub async fn gone(&self, who: &Principal, call: CallRef) -> Result<CallRecord, CallError> {
        finish(self.core().says(who.clone(), call, false)).await
    }

    /// Somebody who may says that recording has begun, or is over.
    pub async fn set_recording(
        &self,
        who: &Principal,
        call: CallRef,
        on: bool,
    ) -> Result<CallRecord, CallError> {
        finish(self.core().set_recording(who.clone(), call, on)).await
    }

    /// Adds what was recorded, during the Call or after it.
    pub async fn add_recording(
        &self,
        who: &Principal,
        call: CallRef,
        recording: NewRecording,
    ) -> Result<Recording, CallError> {
        finish(self.core().add_recording(who.clone(), call, recording)).await
    }

    /// For those whom it concerns, for members of its chat, for moderators of its
    /// room and for the backend.
    pub async fn call(&self, who: &Principal, call: &CallRef) -> Result<CallRecord, CallError> {
        self.core.call(who, call).await
    }

    /// The asker's own Calls.
    pub async fn calls_of(
        &self,
        who: &Principal,
        filter: &CallFilter,
    ) -> Result<Vec<CallRecord>, CallError> {
        self.core.calls_of(who, filter).await
    }

    /// What happened in a Call after event number `after`.
    pub async fn events_after(
        &self,
        who: &Principal,
        call: &CallRef,
        after: i64,
        limit: u32,
    ) -> Result<Vec<CallEvent>, CallError> {
        self.core.events_after(who, call, after, limit).await
    }

    /// Listens to everything that concerns the asker, beginning with what rings.
    pub async fn subscribe(&self, who: &Principal) -> Result<Feed, CallError> {
        self.core.subscribe(who).await
    }

    fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }
}

/// Runs `work` to its end even if the asker is cancelled: half a transition would
/// leave the Room's memory behind its database.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, CallError>> + Send + 'static,
) -> Result<T, CallError> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a request failed in a way that nobody foresaw");
            Err(CallError::Unavailable)
        }
    }
}
