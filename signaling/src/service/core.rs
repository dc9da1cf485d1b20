//! What every use case stands on: one transition, committed and then told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use convoke_media::control::{Command, CommandError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::guesses::Guesses;
use super::live::{Aftermath, LiveCall};
use super::rooms::{Rooms, Turn};
use super::seen::Seen;
use crate::clock::Clock;
use crate::domain::call::CallStatus;
use crate::domain::event::CallEvent;
use crate::domain::lifecycle::{CallState, Outcome, Refusal, Rules, Transition};
use crate::error::CallError;
use crate::events::feed::{Feeds, News};
use crate::events::hub::LostSessions;
use crate::media_plane::MediaPlane;
use crate::store::{Store, Transaction};

/// Between two tries of what has to succeed in the end.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// What the clones of a [`CallService`](super::CallService) share.
pub(super) struct Core {
    pub(super) store: Store,
    pub(super) media: Arc<dyn MediaPlane>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) rules: Rules,
    pub(super) rooms: Rooms,
    pub(super) seen: Seen,
    /// Sessions that may be gone; each is looked at until the database has an answer.
    pub(super) lost: LostSessions,
    /// Rings when a deadline was set.
    pub(super) deadline_set: Notify,
    pub(super) guesses: Guesses,
    /// Connections of users, in a Call or not.
    pub(super) feeds: Feeds,
    /// Each rings when events were written.
    pub(super) event_listeners: Mutex<Vec<Arc<Notify>>>,
    pub(super) stop: CancellationToken,
}

impl Core {
    /// Makes `transition` happen to the Call that goes on in the Room; `None` when
    /// none does.
    pub(super) async fn transact(
        &self,
        turn: &Turn,
        transition: Transition,
    ) -> Result<Option<Outcome>, CallError> {
        let mut tx = self.store.begin().await.map_err(database)?;
        let locked = tx.lock_live(&turn.room().name).await.map_err(database)?;
        let Some(mut state) = locked else {
            self.bury(turn);
            return Ok(None);
        };
        let outcome = self.apply(&mut state, transition)?;
        if !outcome.is_empty() {
            self.commit(tx, &state, &outcome).await?;
            self.publish(turn, state, &outcome);
        }
        Ok(Some(outcome))
    }

    pub(super) fn apply(
        &self,
        state: &mut CallState,
        transition: Transition,
    ) -> Result<Outcome, CallError> {
        let now = self.clock.now();
        let applied = state.apply(transition, now, &self.rules);
        applied.map_err(|refusal| match refusal {
            Refusal::Full { limit } => CallError::RoomFull { limit },
            Refusal::NotPresent | Refusal::Ended => CallError::NotInCall,
            Refusal::NotMember => CallError::NotMember,
            Refusal::NoRecording => CallError::NotRecordable,
        })
    }

    /// [`Self::apply`] for somebody without a Session, to whom a Call that is over
    /// is over and not lost.
    pub(super) fn apply_by_word(
        &self,
        state: &mut CallState,
        transition: Transition,
    ) -> Result<Outcome, CallError> {
        let ended = state.call.status == CallStatus::Ended;
        self.apply(state, transition).map_err(|error| match error {
            CallError::NotInCall if ended => CallError::Over,
            error => error,
        })
    }

    /// Writes everything down; after [`CallError::Unavailable`] it may have happened
    /// or not.
    pub(super) async fn commit(
        &self,
        mut tx: Transaction,
        state: &CallState,
        outcome: &Outcome,
    ) -> Result<(), CallError> {
        tx.save(state, outcome).await.map_err(database)?;
        tx.commit().await.map_err(database)?;
        if !outcome.events.is_empty() {
            self.event_listeners().iter().for_each(|l| l.notify_one());
        }
        if !outcome.deadlines.is_empty() {
            self.deadline_set.notify_one();
        }
        Ok(())
    }

    /// Refuses another Call while no media worker has time for it.
    pub(super) fn has_room(&self) -> Result<(), CallError> {
        match self.media.room_in() {
            Duration::ZERO => Ok(()),
            retry_after => Err(CallError::Overloaded { retry_after }),
        }
    }

    pub(super) fn event_listeners(&self) -> MutexGuard<'_, Vec<Arc<Notify>>> {
        let listeners = self.event_listeners.lock();
        listeners.unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the users concerned and the Room what was committed, and the media core
    /// in its own time.
    pub(super) fn publish(&self, turn: &Turn, state: CallState, outcome: &Outcome) {
        self.feeds.publish(news(&state, outcome));
        let room = turn.room();
        let nobody = state.present.is_empty() && room.live().is_none();
        if nobody {
            return;
        }
        self.rooms.open(state.call.id, &room.name);
        for participant in &state.present {
            self.rooms.enter(participant.id, &room.name);
        }
        let over = |old: &LiveCall| old.call().id != state.call.id;
        if room.live().as_ref().is_some_and(over) {
            self.bury(turn);
        }
        let mut live = room.live();
        let call =
            live.get_or_insert_with(|| LiveCall::new(state.clone(), room.early(state.call.id)));
        let aftermath = call.publish(state, &outcome.events);
        if aftermath.closed.is_some() {
            *live = None;
        }
        drop(live);
        self.settle(aftermath);
    }

    /// The end of the Call that seemed to go on in the Room was committed without our
    /// hearing of it.
    fn bury(&self, turn: &Turn) {
        let old = turn.room().live().take();
        if let Some(mut old) = old {
            self.settle(old.close());
        }
    }

    fn settle(&self, aftermath: Aftermath) {
        for (id, _) in &aftermath.removed {
            self.rooms.exit(*id);
        }
        if let Some(id) = aftermath.closed {
            self.rooms.close(id);
        }
        if aftermath.removed.is_empty() && aftermath.closed.is_none() {
            return;
        }
        let media = Arc::clone(&self.media);
        let clock = Arc::clone(&self.clock);
        tokio::spawn(tell_media(media, clock, aftermath));
    }
}

/// What happened, for those whom it concerns: who was taken away as well. Who only
/// watches concerns those alone who are inside.
fn news(state: &CallState, outcome: &Outcome) -> Vec<News> {
    let mut people: Vec<_> = state.people().cloned().collect();
    for participant in &outcome.changed {
        if !people.iter().any(|p| p.id == participant.id) {
            people.push(participant.clone());
        }
    }
    let (viewers, people): (Vec<_>, Vec<_>) = people.into_iter().partition(|p| !p.takes_part());
    let of_viewer = |event: &&CallEvent| {
        let about = event.participant;
        viewers.iter().any(|viewer| about == Some(viewer.id))
    };
    let (call, people) = (Arc::new(state.call.clone()), Arc::from(people));
    let events = outcome.events.iter().filter(|event| !of_viewer(event));
    let news = events.map(|event| News {
        call: Arc::clone(&call),
        people: Arc::clone(&people),
        event: event.clone(),
    });
    news.collect()
}

/// A busy worker is asked again: who left must not stay in the media. A few tries,
/// because a worker that is gone took its Participants along.
const TRIES: u32 = 10;

async fn tell_media(media: Arc<dyn MediaPlane>, clock: Arc<dyn Clock>, aftermath: Aftermath) {
    for (participant, media_turn) in aftermath.removed {
        let _turn = media_turn.lock().await;
        // Closing the Router removes everybody at once.
        if aftermath.closed.is_none() {
            let participant = participant.into();
            insist(&*media, &*clock, Command::RemoveParticipant { participant }).await;
        }
    }
    if let Some(call) = aftermath.closed {
        let router = call.into();
        insist(&*media, &*clock, Command::CloseRouter { router }).await;
    }
}

async fn insist(media: &dyn MediaPlane, clock: &dyn Clock, command: Command) {
    for _ in 0..TRIES {
        match media.request(command.clone()).await {
            Err(CommandError::Unavailable) => clock.sleep(RETRY).await,
            // What it does not know it need not forget.
            _ => return,
        }
    }
}

/// The one place where a database error is logged; the asker is told to try again.
pub(super) fn database(error: sqlx::Error) -> CallError {
    tracing::error!(%error, "the database failed");
    CallError::Unavailable
}
