//! Servers that the load tester starts itself, each on cores of its own, so that a
//! figure is the server's and not that of two programs fighting for a core.

mod convoke;
mod cores;
mod janus;
mod process;

pub use convoke::Convoke;
pub use cores::Cores;
pub use janus::Janus;
pub use process::Spawned;
