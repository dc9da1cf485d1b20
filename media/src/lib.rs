//! The media core: a selective forwarding unit without clock, socket or thread.
//!
//! # The packet's journey
//! `runtime::worker` receives a batch and hands each datagram to
//! [`sfu::Sfu::handle_packet`]. `demux` tells by its first byte and address whose it
//! is (RFC 7983), `transport` authenticates and decrypts it, `ingress` accounts for
//! it and repairs losses, `router` knows who wants it, and `egress` selects a layer,
//! rewrites the header for each Slot and hands it to the [`outbox`], where it waits
//! for others of its destination, to be sealed beside them when they leave.
//!
//! # The contract of driving
//! Everything that can change an [`sfu::Sfu`] is a `handle_*` call that carries `now`.
//! After any number of them, drain its events and its bursts, and call
//! `handle_timeout` when `next_timeout` comes. `runtime` is the only place that
//! reads a clock, opens a socket or starts a thread; simulations take its place.

pub mod control;
pub mod demux;
pub mod error;
pub mod ids;
pub mod limits;
pub mod outbox;
pub mod runtime;
pub mod sfu;
pub mod stats;
pub mod timer;

pub mod negotiation;
pub mod transport;

pub mod egress;
mod ingress;
mod prefetch;
pub mod router;
pub mod rtp;
