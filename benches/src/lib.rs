//! The load tester: real clients, hundreds in a process, against Convoke or a peer.
//!
//! A `scenario` says what is played; the `engine` plays it, with `client`s on threads of
//! its own and their signaling (`target`) on one more; `measure` and `results` are what
//! is read off. What the clients send is made in `shape`, how they agree with a server
//! in `sdp`, and `net` is the system calls.

pub mod measure;
pub mod results;

mod client;
mod clock;
pub mod engine;
mod net;
pub mod scenario;
mod sdp;
mod shape;
pub mod target;
