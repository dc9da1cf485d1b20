//! Sessions: one signaling connection each, whatever carries it.

pub mod message;
