//! The bodies of the fuzz targets on seeded mutations of things that are nearly
//! right. Not a replacement for the fuzzer: what runs where there is none.
//! `FUZZ_ROUNDS` is the number of inputs for each body.

use convoke_media::{negotiation, rtp, sfu, transport};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Some tenths of a second for each body.
const ROUNDS: u32 = 300;
const LONGEST: usize = 4096;

const BINDING_REQUEST: &[u8] =
    b"\x00\x01\x00\x10\x21\x12\xa4\x42abcdefghijkl\x00\x06\x00\x09abcd:efgh\x00\x00\x00";
const CLIENT_HELLO: &[u8] = b"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x36\x01\x00\x00\x2a\x00\x00\x00\x00\x00\x00\x00\x2a\xfe\xfd0123456789abcdef0123456789abcdef\x00\x00\x00\x02\xc0\x2b\x01\x00";
const RTP: &[u8] = b"\x90\x60\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\xbe\xde\x00\x01\x10\x30\x00\x00\x90\x80\x80\x01\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01";
const RTCP: &[u8] = b"\x80\xc9\x00\x01\x00\x00\x00\x01\x81\xcd\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x05\x00\x07\x81\xce\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02";
const OFFERS: [&str; 2] = [
    include_str!("data/sdp/chromium-vp8.sdp"),
    include_str!("data/sdp/firefox-vp8.sdp"),
];

fn rounds() -> u32 {
    let asked = std::env::var("FUZZ_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// One to eight small changes, as noise and attackers make them.
fn mutate(rng: &mut ChaCha8Rng, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.random()),
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            3 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
            4 if at < bytes.len() => {
                bytes.remove(at);
            }
            _ => {
                let part = bytes[at..].to_vec();
                bytes.extend(part);
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn survive(name: u64, seeds: &[&[u8]], body: impl Fn(&[u8])) {
    let mut rng = ChaCha8Rng::seed_from_u64(name);
    for round in 0..rounds() {
        let seed = seeds[round as usize % seeds.len()];
        body(&mutate(&mut rng, seed));
    }
}

#[test]
fn any_stun_is_survived() {
    survive(1, &[BINDING_REQUEST], transport::fuzzing::stun);
}

#[test]
fn any_dtls_is_survived() {
    survive(2, &[CLIENT_HELLO], transport::fuzzing::dtls);
}

#[test]
fn any_srtp_is_survived() {
    survive(3, &[RTP, RTCP], transport::fuzzing::srtp);
}

#[test]
fn any_rtp_is_survived() {
    survive(4, &[RTP], rtp::fuzzing::rtp);
}

#[test]
fn any_rtcp_is_survived() {
    survive(5, &[RTCP], rtp::fuzzing::rtcp);
}

#[test]
fn any_offer_is_survived() {
    let seeds = OFFERS.map(str::as_bytes);
    survive(6, &seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        negotiation::fuzzing::sdp(&text);
        negotiation::fuzzing::candidate(&text);
    });
}

#[test]
fn any_sequence_of_operations_is_survived() {
    let noise: Vec<u8> = (0..=255).collect();
    survive(7, &[&noise, RTP], sfu::fuzzing::fuzz_sfu_ops);
}
