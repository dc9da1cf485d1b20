//! What the server asks of others over HTTP, with real servers on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test they are how it fails"
)]

#[path = "../common/mod.rs"]
mod common;

mod jwks;
mod key_server;
mod requests;
