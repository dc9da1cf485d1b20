//! How the async world talks to the workers.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::control::{Command, CommandError, Event, Response};

/// What the workers tell unasked. Ends when they have.
pub type EventReceiver = mpsc::Receiver<Event>;

/// A command on its way to a worker.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Result<Response, CommandError>>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaHandle {
    commands: mpsc::Sender<Envelope>,
    waker: Arc<mio::Waker>,
}

impl MediaHandle {
    pub(super) fn new(commands: mpsc::Sender<Envelope>, waker: Arc<mio::Waker>) -> Self {
        Self { commands, waker }
    }

    /// Asks and awaits the answer. A full queue is refused at once rather than
    /// waited for, so that an overloaded worker is felt where it can be told.
    pub async fn request(&self, command: Command) -> Result<Response, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(Envelope { command, reply })
            .map_err(|_| CommandError::Unavailable)?;
        self.waker.wake().map_err(|_| CommandError::Unavailable)?;
        // The worker drops the sender when it fails half-way.
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }
}
