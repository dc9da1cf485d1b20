//! Plays a scenario against a target and measures it.

mod connections;
mod join;
mod media_thread;
mod meters;
mod options;
mod play;
mod result;
mod stage;

pub(crate) use connections::Blueprint;
pub use options::{LatencyAt, Options, Verify};
pub use play::run;
pub(crate) use stage::Stage;
