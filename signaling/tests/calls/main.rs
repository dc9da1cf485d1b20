//! Calls from the service down to either database: who is in, who left when, what is
//! on record, what everybody is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the macro's test bodies are functions, which clippy takes for production"
)]

#[path = "../common/mod.rs"]
mod common;

mod deadlines;
mod history;
mod joining;
mod leaving;
mod media;
mod muting;
mod orders;
mod outage;
mod plans;
mod recovery;
mod ringing;
mod schema;
mod sequences;
mod webhooks;
