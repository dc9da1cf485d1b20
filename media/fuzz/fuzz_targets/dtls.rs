//! Datagrams into the DTLS handshake, on either side.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| convoke_media::transport::fuzzing::dtls(bytes));
