//! The forwarding plane as the Sfu drives it, one file for each behaviour.

mod audio;
mod harness;
mod layers;
mod repair;
mod reports;
mod slots;
mod switching;
