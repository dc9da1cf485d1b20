//! How the async world talks to the workers.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::control::{Command, CommandError, Event, Response};

use super::load::WorkerLoad;
use super::placement::{Movement, Placement};

/// What the workers tell unasked. Ends when they have.
pub type EventReceiver = mpsc::Receiver<Event>;

/// A command on its way to a worker.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Result<Response, CommandError>>,
}

/// Where a worker takes its commands.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) commands: mpsc::Sender<Envelope>,
    pub(super) waker: Arc<mio::Waker>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaHandle {
    workers: Arc<[Counter]>,
    placement: Arc<Placement>,
}

impl MediaHandle {
    pub(super) fn new(workers: Arc<[Counter]>, placement: Arc<Placement>) -> Self {
        Self { workers, placement }
    }

    /// Until another Call finds a worker with time for it, at the earliest; zero when one
    /// has it now.
    pub fn room_in(&self) -> Duration {
        self.placement.room_in()
    }

    pub fn loads(&self) -> Vec<WorkerLoad> {
        self.placement.loads()
    }

    /// Asks and awaits the answer. A full queue is refused at once rather than
    /// waited for, so that an overloaded worker is felt where it can be told.
    pub async fn request(&self, command: Command) -> Result<Response, CommandError> {
        let movement = Movement::of(&command);
        let worker = &self.workers[self.placement.worker_for(&command)];
        let (reply, answer) = oneshot::channel();
        if worker
            .commands
            .try_send(Envelope { command, reply })
            .is_err()
        {
            self.placement.handled(movement, false);
            return Err(CommandError::Unavailable);
        }
        worker.waker.wake().map_err(|_| CommandError::Unavailable)?;
        // The worker drops the sender when it fails half-way.
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }
}
