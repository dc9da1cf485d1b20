//! The dialects as their documents have them: each endpoint by its name, over both
//! databases, through the router.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test they are how it fails"
)]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../sessions/served.rs"]
mod served;
#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../sessions/sio.rs"]
mod sio;
#[allow(dead_code, reason = "shared with the tests of sessions")]
#[path = "../sessions/socket.rs"]
mod socket;

mod asking;
mod call_events;
mod calls;
mod chat_calls;
mod chat_calls_events;
mod documents;
mod jitsi_tokens;
mod meeting;
mod meeting_events;
mod video_calls;
mod whip;
