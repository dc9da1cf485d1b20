//! The media core in virtual time: virtual participants that do real ICE, DTLS and
//! SRTP around one Sfu, over a seeded network. One file per behaviour; every seed
//! is a constant, so a failure repeats.
//!
//! One binary, because linking one per file takes longer than running them.

mod sim;

mod connection;
mod determinism;
mod garbage;
mod injection;
mod isolation;
mod limits;
mod loss_recovery;
mod operations;
mod room_of_fifty;
mod switching;
mod wrap_around;
