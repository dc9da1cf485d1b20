//! Plays a scenario against a target and measures it.

mod browsers;
mod connections;
mod join;
mod limit;
mod media_thread;
mod meters;
mod options;
#[cfg(feature = "webrtc")]
mod peers;
mod play;
mod policy;
mod result;
mod silence;
mod stage;

pub(crate) use connections::Blueprint;
pub(crate) use join::SignalingBytes;
pub use options::{LatencyAt, Options, Verify};
#[cfg(feature = "webrtc")]
pub(crate) use peers::Peer;
pub use play::run;
pub(crate) use stage::Stage;
