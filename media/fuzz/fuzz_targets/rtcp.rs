//! A whole RTCP compound.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| convoke_media::rtp::fuzzing::rtcp(bytes));
