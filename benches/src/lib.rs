//! The load tester: real clients, hundreds in a process, against Convoke or a peer.
//!
//! A `scenario` says what is played; the `engine` plays it, with `client`s on threads of
//! its own and their signaling (`target`) on one more; `measure` and `results` are what
//! is read off. What the clients send is made in `shape`, how they agree with a server
//! in `sdp`, and `net` is the system calls.
//!
//! Around it, `command` is what the command line (`cli`) asks for: `subject`s to load,
//! some of which it `spawn`s, `compare`d in pairs, and the `report`s.

pub mod cli;
mod client;
mod clock;
pub mod command;
pub mod compare;
pub mod engine;
pub mod measure;
mod net;
pub mod report;
pub mod results;
mod scatter;
pub mod scenario;
mod sdp;
mod shape;
pub mod spawn;
pub mod subject;
pub mod target;
