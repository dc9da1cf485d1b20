//! A sequence of operations on an Sfu in virtual time.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| convoke_media::sfu::fuzzing::fuzz_sfu_ops(bytes));
