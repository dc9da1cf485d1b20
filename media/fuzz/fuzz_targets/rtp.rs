//! Everything that is read from an RTP packet.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| convoke_media::rtp::fuzzing::rtp(bytes));
