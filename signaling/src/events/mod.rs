//! What Sessions are told about their Call, and the fan-out that tells them.

pub mod feed;
pub mod hub;
pub mod notice;
pub mod webhook;
