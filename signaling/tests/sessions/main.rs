//! Sessions and HTTP as their clients see them: real WebSockets on loopback, and
//! requests to the router in process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test they are how it fails"
)]

#[path = "../common/mod.rs"]
mod common;
mod served;
mod sio;
mod socket;

mod carrier;
mod directory;
mod join_flow;
mod limits;
mod muting;
mod notifications;
mod pages;
mod refusals;
mod rest;
mod resume;
mod ringing;
mod sequences;
mod socketio;
