//! Packets as they come, and as sealed by someone with the keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| convoke_media::transport::fuzzing::srtp(bytes));
