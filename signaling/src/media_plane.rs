//! The seam between a Call and its media: what carries commands to whichever worker
//! owns the Router. One method, because the commands are values already; another
//! node's worker can stand behind it later.

use convoke_media::control::{Command, CommandError, Response};
use convoke_media::runtime::MediaHandle;

#[async_trait::async_trait]
pub trait MediaPlane: Send + Sync + 'static {
    /// A refused command changes nothing.
    async fn request(&self, command: Command) -> Result<Response, CommandError>;
}

#[async_trait::async_trait]
impl MediaPlane for MediaHandle {
    async fn request(&self, command: Command) -> Result<Response, CommandError> {
        Self::request(self, command).await
    }
}
