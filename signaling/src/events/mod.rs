//! What Sessions are told about their Call, and the fan-out that tells them.

pub mod hub;
pub mod notice;
