//! How the server is and how much goes on, for who watches it.

use convoke_media::control::{Command, CommandError};
use convoke_media::runtime::WorkerLoad;
use uuid::Uuid;

use super::CallService;
use super::core::database;
use crate::error::CallError;
use crate::ids::ParticipantId;

impl CallService {
    /// Whether the database and the media core answer.
    pub async fn ready(&self) -> Result<(), CallError> {
        if self.core.stop.is_cancelled() {
            return Err(CallError::Unavailable);
        }
        self.core.store.ping().await.map_err(database)?;
        // Any answer will do: nobody has this id.
        let participant = ParticipantId::from_uuid(Uuid::nil()).into();
        match self
            .core
            .media
            .request(Command::GetStats { participant })
            .await
        {
            Err(CommandError::Unavailable) => Err(CallError::Unavailable),
            _ => Ok(()),
        }
    }

    /// How busy the media workers are.
    pub fn media_loads(&self) -> Vec<WorkerLoad> {
        self.core.media.loads()
    }

    /// Calls that go on, and everybody in them.
    pub fn going_on(&self) -> (usize, usize) {
        self.core.rooms.counts()
    }

    /// Participants that are remembered: those who are in Calls, or nobody will find.
    pub fn remembered(&self) -> usize {
        self.core.rooms.remembered()
    }
}
