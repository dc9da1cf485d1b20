//! What runs beside the requests: taking up the Calls of an earlier run, deadlines,
//! heartbeats, and what the media core and lost Sessions say.

use std::sync::Arc;
use std::time::Duration;

use convoke_media::control::Event;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::core::{Core, RETRY, database};
use crate::domain::lifecycle::Transition;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::{Epoch, ParticipantId};
use crate::store::DueDeadline;

/// A crash is dated to within this: five seconds is one small write now and then.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// One server for each database, until Rooms have leases.
const SERVER: &str = "convoke";

/// Deadlines taken from the database at once.
const BATCH: i64 = 100;

impl Core {
    pub(super) async fn beat(&self) -> Result<(), CallError> {
        let now = self.clock.now();
        self.store.beat(SERVER, now).await.map_err(database)
    }

    /// Everybody who was in a Call when the server went gets the grace time again.
    pub(super) async fn recover(&self) -> Result<(), CallError> {
        let alive = self.store.last_alive(SERVER).await.map_err(database)?;
        let last_alive = alive.unwrap_or_else(|| self.clock.now());
        for call in self.store.live_calls().await.map_err(database)? {
            let turn = self.rooms.turn(&call.room).await;
            self.transact(&turn, Transition::Recover { last_alive })
                .await?;
        }
        Ok(())
    }

    pub(super) fn spawn_tasks(
        self: &Arc<Self>,
        events: mpsc::Receiver<Event>,
        lost: mpsc::UnboundedReceiver<(ParticipantId, Epoch)>,
    ) {
        tokio::spawn(until_stopped(
            self.stop.clone(),
            Arc::clone(self).heartbeats(),
        ));
        tokio::spawn(until_stopped(
            self.stop.clone(),
            Arc::clone(self).deadlines(),
        ));
        tokio::spawn(until_stopped(
            self.stop.clone(),
            Arc::clone(self).media_events(events),
        ));
        tokio::spawn(until_stopped(
            self.stop.clone(),
            Arc::clone(self).lost_sessions(lost),
        ));
    }

    async fn heartbeats(self: Arc<Self>) {
        loop {
            self.clock.sleep(HEARTBEAT).await;
            // A failure is logged; the next beat comes soon.
            let _ = self.beat().await;
            self.rooms.forget_idle();
        }
    }

    async fn media_events(self: Arc<Self>, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            self.media_event(event);
        }
    }

    async fn lost_sessions(
        self: Arc<Self>,
        mut lost: mpsc::UnboundedReceiver<(ParticipantId, Epoch)>,
    ) {
        while let Some((participant, epoch)) = lost.recv().await {
            // One Room's turn must not hold up another's.
            tokio::spawn(Arc::clone(&self).settle_lost(participant, epoch));
        }
    }

    /// Sleeps until the next deadline, or until one is set that may be earlier.
    async fn deadlines(self: Arc<Self>) {
        loop {
            let Ok(next) = self.store.next_deadline().await.map_err(database) else {
                self.clock.sleep(RETRY).await;
                continue;
            };
            let Some(due) = next else {
                self.deadline_set.notified().await;
                continue;
            };
            tokio::select! {
                () = self.clock.sleep_until(due) => {}
                () = self.deadline_set.notified() => continue,
            }
            // The wait was measured in time that nobody sets: it is over even when
            // the clock was set back meanwhile.
            if self.fire(due.max(self.clock.now())).await.is_err() {
                self.clock.sleep(RETRY).await;
            }
        }
    }

    async fn fire(&self, now: UnixMillis) -> Result<(), CallError> {
        let due = self.store.due_deadlines(now, BATCH).await;
        let mut result = Ok(());
        for deadline in due.map_err(database)? {
            // One that fails holds up none of the others.
            if let Err(error) = self.fire_one(&deadline, now).await {
                result = Err(error);
            }
        }
        result
    }

    async fn fire_one(&self, due: &DueDeadline, now: UnixMillis) -> Result<(), CallError> {
        let turn = self.rooms.turn(&due.room).await;
        let mut tx = self.store.begin().await.map_err(database)?;
        let live = tx.lock_live(&due.room).await.map_err(database)?;
        let taken = tx.take_deadline(due.call, due.deadline, now).await;
        if !taken.map_err(database)? {
            return Ok(());
        }
        let Some(mut state) = live.filter(|state| state.call.id == due.call) else {
            return tx.commit().await.map_err(database);
        };
        let transition = due.deadline.transition();
        let outcome = self.apply(&mut state, transition)?;
        self.commit(tx, &state, &outcome).await?;
        self.publish(&turn, state, &outcome);
        Ok(())
    }
}

pub(super) async fn until_stopped(stop: CancellationToken, task: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = task => {}
    }
}
