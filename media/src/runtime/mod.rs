//! The only clock, sockets and threads of the crate; clippy denies them elsewhere.
//! A worker is one pinned thread that owns its sockets and its
//! [`Sfu`](crate::sfu::Sfu) outright; [`handle`] is how the async world talks to it.

pub mod addresses;
pub mod message;
pub mod udp;
