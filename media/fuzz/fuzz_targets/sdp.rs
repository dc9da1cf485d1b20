//! An offer, its answer, and a trickled candidate.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    convoke_media::negotiation::fuzzing::sdp(text);
    convoke_media::negotiation::fuzzing::candidate(text);
});
