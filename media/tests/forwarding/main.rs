//! The forwarding plane as the Sfu drives it, one file for each behaviour.

#![allow(
    clippy::unwrap_used,
    reason = "what a test makes itself is well-formed"
)]

mod audio;
mod chaos;
mod extensions;
mod harness;
mod layers;
mod repair;
mod reports;
mod slots;
mod strain;
mod switching;
