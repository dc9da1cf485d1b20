//! Requests read and refused, answers written and no longer than they may be.

use std::net::SocketAddr;

use rtc_stun::attributes::{ATTR_SOFTWARE, ATTR_USERNAME};
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{Getter, Message, Setter};

use super::*;

const PWD: &str = "0123456789abcdefghijklmn";

fn path(remote: &str) -> Path {
    Path {
        local: "203.0.113.1:3478".parse().unwrap(),
        remote: remote.parse().unwrap(),
    }
}

fn check(nominate: bool) -> Vec<u8> {
    Check {
        transaction: *b"transaction!",
        username: "local123:remote45",
        priority: 1,
        tie_breaker: 7,
        role: Role::Controlling,
        nominate,
    }
    .write(credential_mac(PWD).unwrap().as_mut())
    .unwrap()
}

/// A request of `rtc-stun`'s making.
fn foreign(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = message(BINDING_REQUEST, TransactionId(*b"transaction!"));
    message.add(ATTR_USERNAME, b"local123:remote45");
    for (typ, value) in attributes {
        message.add(AttrType(*typ), value);
    }
    let provider = rtc_crypto::default_provider().unwrap();
    MessageIntegrity::new_short_term_integrity_with_provider(PWD.to_owned(), provider.crypto())
        .add_to(&mut message)
        .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}

/// Parses an answer and verifies its fingerprint, and its integrity if it has one.
fn read(answer: &[u8]) -> (Message, bool) {
    let mut message = Message::new();
    message.unmarshal_binary(answer).unwrap();
    FINGERPRINT.check(&message).unwrap();
    let provider = rtc_crypto::default_provider().unwrap();
    let has_integrity = message.contains(ATTR_MESSAGE_INTEGRITY);
    if has_integrity {
        MessageIntegrity::check(&mut message, PWD.as_bytes(), provider.crypto()).unwrap();
    }
    (message, has_integrity)
}

#[test]
fn reads_its_own_and_foreign_checks() {
    let mut mac = credential_mac(PWD).unwrap();
    for (bytes, nominated) in [
        (check(true), true),
        (check(false), false),
        (foreign(&[(0x25, &[])]), true),
    ] {
        assert_eq!(local_ufrag_of(&bytes), Some("local123"));
        let request = Request::parse(&bytes).unwrap();
        assert_eq!(request.username, ("local123", "remote45"));
        assert_eq!(request.use_candidate, nominated);
        assert!(request.is_authentic(mac.as_mut()));
        let mut other = credential_mac("another password of enough").unwrap();
        assert!(!request.is_authentic(other.as_mut()));
    }
    let bytes = check(false);
    assert_eq!(
        Request::parse(&bytes).unwrap().role,
        Some(Role::Controlling)
    );
}

#[test]
fn success_tells_the_address_and_is_authentic() {
    let bytes = check(true);
    let request = Request::parse(&bytes).unwrap();
    let mut mac = credential_mac(PWD).unwrap();
    for (remote, seen) in [
        ("192.0.2.7:50000", "192.0.2.7:50000"),
        ("[2001:db8::7]:50000", "[2001:db8::7]:50000"),
        ("[::ffff:192.0.2.7]:50000", "192.0.2.7:50000"),
    ] {
        let answer = request.success(path(remote), mac.as_mut()).unwrap();
        assert!(is_success(&answer, b"transaction!", mac.as_mut()));
        assert!(!is_success(&answer, b"transaction?", mac.as_mut()));
        let (message, has_integrity) = read(&answer);
        assert!(has_integrity);
        assert_eq!(message.typ, BINDING_SUCCESS);
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&message).unwrap();
        assert_eq!(SocketAddr::new(mapped.ip, mapped.port).to_string(), seen);
    }
}

#[test]
fn any_flipped_bit_is_noticed() {
    let bytes = check(true);
    let mut mac = credential_mac(PWD).unwrap();
    // All but the type of FINGERPRINT, which may as well be of another attribute.
    let end = bytes.len();
    for at in (0..end - 8).chain(end - 6..end) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let authentic = Request::parse(&bad).is_some_and(|r| r.is_authentic(mac.as_mut()));
        assert!(!authentic, "byte {at}");
    }
}

#[test]
fn what_follows_the_integrity_counts_for_nothing() {
    let mut message = Message::new();
    message.unmarshal_binary(&foreign(&[])).unwrap();
    message.attributes.0.pop();
    message.length -= 8;
    message.raw.truncate(message.raw.len() - 8);
    message.add(ATTR_USE_CANDIDATE, &[]);
    FINGERPRINT.add_to(&mut message).unwrap();
    let request = Request::parse(&message.raw).unwrap();
    assert!(request.is_authentic(credential_mac(PWD).unwrap().as_mut()));
    assert!(!request.use_candidate);
}

#[test]
fn errors_are_no_longer_than_the_request() {
    let mut mac = credential_mac(PWD).unwrap();
    let bytes = foreign(&[(0x7ffe, b"?"), (0x7ffd, b"?")]);
    let request = Request::parse(&bytes).unwrap();
    assert_eq!(request.unknown, [AttrType(0x7ffe), AttrType(0x7ffd)]);
    for (refusal, code) in [
        (Refusal::BadRequest, 400),
        (Refusal::Unauthenticated, 401),
        (Refusal::UnknownAttribute, 420),
        (Refusal::RoleConflict, 487),
    ] {
        for authentic in [false, true] {
            let answer = if authentic {
                request.error(refusal, Some(mac.as_mut()))
            } else {
                request.error(refusal, None)
            };
            let answer = answer.unwrap();
            assert!(answer.len() <= bytes.len());
            let (message, has_integrity) = read(&answer);
            assert_eq!(has_integrity, authentic);
            let mut error = ErrorCodeAttribute::default();
            error.get_from(&message).unwrap();
            assert_eq!(error.code.0, code);
            let mut unknown = UnknownAttributes(Vec::new());
            let listed = unknown.get_from(&message).is_ok();
            assert_eq!(listed, code == 420);
            assert_eq!(unknown.0.len(), if listed { 2 } else { 0 });
        }
    }
    // The shortest request that there is: no answer would fit.
    let mut tiny = message(BINDING_REQUEST, TransactionId::default());
    tiny.add(ATTR_USERNAME, b"a:b");
    let request = Request::parse(&tiny.raw).unwrap();
    assert_eq!(request.error(Refusal::BadRequest, None), None);
}

#[test]
fn comprehension_optional_attributes_are_ignored() {
    // Chromium's GOOG-NETWORK-INFO, and SOFTWARE.
    let bytes = foreign(&[(0xc057, &[0, 1, 0, 10]), (ATTR_SOFTWARE.0, b"x")]);
    assert!(Request::parse(&bytes).unwrap().unknown.is_empty());
}

#[test]
fn garbage_is_no_request() {
    let good = check(true);
    let mut response = good.clone();
    response[0] = 1;
    let mut indication = good.clone();
    indication[1] = 0x11;
    let mut cookie = good.clone();
    cookie[4] = 0;
    let mut short_length = good.clone();
    short_length[3] -= 4;
    let mut long = good.clone();
    long.extend([0; 8]);
    let mut overrun = good.clone();
    overrun[23] = 0xff;
    let huge = foreign(&[(0x8022, &[b'x'; 600])]);
    let no_colon = {
        let mut message = message(BINDING_REQUEST, TransactionId::default());
        message.add(ATTR_USERNAME, b"nocolon");
        message.raw
    };
    let bare = message(BINDING_REQUEST, TransactionId::default()).raw;
    let cases: [&[u8]; 12] = [
        &[],
        &[0; 20],
        &good[..19],
        &good[..good.len() - 1],
        &response,
        &indication,
        &cookie,
        &short_length,
        &long,
        &overrun,
        &huge,
        &no_colon,
    ];
    for case in cases.iter().chain([&&bare[..]]) {
        assert_eq!(local_ufrag_of(case), None, "{case:x?}");
    }
}

#[test]
fn workers_are_found_in_ufrags() {
    for worker in 0..=255 {
        let prefix = worker_prefix(worker);
        let ufrag = format!("{}tail", std::str::from_utf8(&prefix).unwrap());
        assert_eq!(worker_of(&ufrag), Some(worker));
    }
    for ufrag in ["", "A", "//x", "é", "A!"] {
        assert_eq!(worker_of(ufrag), None, "{ufrag}");
    }
}
