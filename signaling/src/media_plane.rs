//! The seam between a Call and its media: what carries commands to whichever worker
//! owns the Router, and what is known of the workers. The commands are values already,
//! so another node's worker can stand behind it later.

use std::time::Duration;

use convoke_media::control::{Command, CommandError, Response};
use convoke_media::runtime::{MediaHandle, WorkerLoad};

#[async_trait::async_trait]
pub trait MediaPlane: Send + Sync + 'static {
    /// A refused command changes nothing.
    async fn request(&self, command: Command) -> Result<Response, CommandError>;

    /// Until there is time for one more Call, at the earliest; zero when there is now.
    /// Those that go on have the first claim.
    fn room_in(&self) -> Duration;

    fn loads(&self) -> Vec<WorkerLoad>;
}

#[async_trait::async_trait]
impl MediaPlane for MediaHandle {
    async fn request(&self, command: Command) -> Result<Response, CommandError> {
        Self::request(self, command).await
    }

    fn room_in(&self) -> Duration {
        Self::room_in(self)
    }

    fn loads(&self) -> Vec<WorkerLoad> {
        Self::loads(self)
    }
}
