//! The seam between a Call and its media: what carries commands to whichever worker
//! owns the Router, and what is known of the workers. The commands are values already,
//! so another node's worker can stand behind it later.

use convoke_media::control::{Command, CommandError, Response};
use convoke_media::runtime::{MediaHandle, WorkerLoad};

#[async_trait::async_trait]
pub trait MediaPlane: Send + Sync + 'static {
    /// A refused command changes nothing.
    async fn request(&self, command: Command) -> Result<Response, CommandError>;

    /// Whether there is time for one more Call. Those that go on have the first claim.
    fn has_room(&self) -> bool;

    fn loads(&self) -> Vec<WorkerLoad>;
}

#[async_trait::async_trait]
impl MediaPlane for MediaHandle {
    async fn request(&self, command: Command) -> Result<Response, CommandError> {
        Self::request(self, command).await
    }

    fn has_room(&self) -> bool {
        Self::has_room(self)
    }

    fn loads(&self) -> Vec<WorkerLoad> {
        Self::loads(self)
    }
}
