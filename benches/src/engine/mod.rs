//! Plays a scenario against a target and measures it.

mod connections;
mod join;
mod media_thread;
mod meters;
mod options;
mod play;
mod result;
mod stage;

pub use connections::{Blueprint, Connections};
pub use media_thread::{Command, Report, Threads};
pub use options::{LatencyAt, Options, Verify};
pub use play::run;
pub use stage::Stage;
