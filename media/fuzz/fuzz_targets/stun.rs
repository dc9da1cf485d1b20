//! A datagram to a Transport by its ufrag.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| convoke_media::transport::fuzzing::stun(bytes));
