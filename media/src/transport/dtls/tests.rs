//! What is let through to the handshake, and which profile a ClientHello gets.

use super::records::{is_plausible, message, record as cleartext};
use super::*;

fn record(content_type: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1];
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

fn fragment(message: &[u8], from: usize, to: usize) -> Vec<u8> {
    let u24 = |n: usize| [(n >> 16) as u8, (n >> 8) as u8, n as u8];
    let mut body = vec![1];
    body.extend(u24(message.len()));
    body.extend([0, 0]);
    body.extend(u24(from));
    body.extend(u24(to - from));
    body.extend(&message[from..to]);
    record(22, 0, &body)
}

/// A ClientHello with these SRTP profiles, padded to look post-quantum.
fn hello(profiles: Option<&[u16]>) -> Vec<u8> {
    hello_with(&[], profiles)
}

fn hello_with(cookie: &[u8], profiles: Option<&[u16]>) -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([7; 32]);
    hello.extend([0, cookie.len() as u8]);
    hello.extend(cookie);
    hello.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    let mut extensions = vec![0, 10, 0x05, 0xdc];
    extensions.extend([0; 1_500]);
    if let Some(profiles) = profiles {
        let list = 2 * profiles.len() as u16;
        extensions.extend([0, 14]);
        extensions.extend((list + 3).to_be_bytes());
        extensions.extend(list.to_be_bytes());
        profiles
            .iter()
            .for_each(|p| extensions.extend(p.to_be_bytes()));
        extensions.push(0);
    }
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    hello
}

#[test]
fn the_best_offered_profile_is_chosen_whatever_the_order() {
    for (offered, best) in [
        (Some(&[1u16, 7][..]), Some(Profile::AeadAes128Gcm)),
        (Some(&[7, 8, 1]), Some(Profile::AeadAes128Gcm)),
        (Some(&[8, 2, 1]), Some(Profile::Aes128CmSha1_80)),
        (Some(&[8, 2]), None),
        (Some(&[]), None),
        (None, None),
    ] {
        let message = hello(offered);
        let whole = HelloReader::default().push(&fragment(&message, 0, message.len()));
        assert_eq!(whole, [(0, message.clone())]);
        let hello = Hello::parse(&message).unwrap();
        assert_eq!(hello.offered.best(), best, "{offered:?}");
    }
}

#[test]
fn a_hello_in_pieces_is_reassembled_in_any_order() {
    let message = hello(Some(&[1, 7]));
    let cuts = [(0, 500), (500, 1_200), (1_100, message.len())];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut reader = HelloReader::default();
        for (n, at) in order.into_iter().enumerate() {
            let (from, to) = cuts[at];
            // Twice, as a client repeats.
            let datagram = fragment(&message, from, to);
            let first = reader.push(&datagram);
            assert_eq!(!first.is_empty(), n == 2, "{order:?}");
            if first.is_empty() {
                assert!(reader.push(&datagram).is_empty());
            }
        }
    }
}

#[test]
fn repetitions_without_end_do_not_keep_the_whole_out() {
    let message = hello(Some(&[7]));
    let mut reader = HelloReader::default();
    for _ in 0..10_000 {
        assert!(reader.push(&fragment(&message, 0, 600)).is_empty());
    }
    assert!(reader.push(&fragment(&message, 0, 1_000)).is_empty());
    let rest = fragment(&message, 1_000, message.len());
    assert!(!reader.push(&rest).is_empty());
}

#[test]
fn truncated_hellos_offer_nothing() {
    let message = hello(Some(&[1, 7]));
    for end in 0..message.len() {
        if let Some(hello) = Hello::parse(&message[..end]) {
            assert_eq!(hello.offered.best(), None, "{end}");
        }
    }
}

#[test]
fn implausible_datagrams_are_dropped() {
    let message = vec![0; 4_000];
    let good = fragment(&message, 0, 1_000);
    let two = [good.clone(), fragment(&message, 1_000, 2_000)].concat();
    for datagram in [
        &good,
        &two,
        &fragment(&message, 3_950, 4_000),
        &record(22, 1, &[1, 2, 3]),
        &record(20, 0, &[1]),
        &record(21, 1, &[9; 26]),
    ] {
        assert!(is_plausible(datagram), "{:x?}", &datagram[..13]);
    }
    let mut beyond = good.clone();
    beyond[13 + 2] = 0;
    let huge = {
        let mut huge = good.clone();
        huge[13 + 1] = 1;
        huge
    };
    for (why, datagram) in [
        ("nothing", Vec::new()),
        ("cut off", good[..100].to_vec()),
        ("a byte too many", [&good[..], &[0]].concat()),
        ("a small fragment", fragment(&message, 0, 50)),
        ("an empty fragment", fragment(&message, 0, 0)),
        ("ends past its message", beyond),
        ("a message of 64 kB", huge),
        ("application data", record(23, 1, &[0; 40])),
        ("an unknown type", record(99, 0, &[0; 40])),
        ("an empty record", record(22, 0, &[])),
        ("TLS", {
            let mut tls = good.clone();
            tls[1] = 3;
            tls
        }),
    ] {
        assert!(!is_plausible(&datagram), "{why}");
    }
}

fn server() -> (Instant, Association) {
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    let now = Instant::now();
    let identity = Arc::new(DtlsIdentity::generate().unwrap());
    let expected = identity.fingerprint().clone();
    (now, Association::server(now, identity, expected))
}

/// A hello as the client's first or second message.
fn nth_hello(n: u16, body: &[u8]) -> Vec<u8> {
    cleartext(22, u64::from(n), &message(1, n, body))
}

/// The cookie that a hello is answered with.
fn cookie_for(association: &mut Association, now: Instant, body: &[u8]) -> Vec<u8> {
    assert!(association.handle(now, &nth_hello(0, body)).is_ok());
    let answers: Vec<_> = association.drain().collect();
    assert_eq!(answers.len(), 1);
    assert!(answers[0].len() < body.len(), "no more than was asked for");
    answers[0][13 + 12 + 3..].to_vec()
}

#[test]
fn a_client_without_our_profiles_is_told_off() {
    let (now, mut association) = server();
    let cookie = cookie_for(&mut association, now, &hello(Some(&[8])));
    let second = nth_hello(1, &hello_with(&cookie, Some(&[8])));
    let result = association.handle(now, &second);
    assert_eq!(result.err(), Some(DtlsError::NoProfile));
}

#[test]
fn only_a_hello_with_our_cookie_begins_a_handshake() {
    let (now, mut association) = server();
    let profiles = Some(&[7_u16][..]);
    let cookie = cookie_for(&mut association, now, &hello(profiles));
    let again = cookie_for(&mut association, now, &hello(profiles));
    assert_eq!(cookie, again, "nothing is remembered");
    let (_, mut other) = server();
    let foreign = cookie_for(&mut other, now, &hello(profiles));
    let mut other_random = hello_with(&cookie, profiles);
    other_random[2] ^= 1;
    for forged in [
        hello_with(&foreign, profiles),
        hello_with(&cookie[..19], profiles),
        hello(profiles),
        other_random,
    ] {
        assert!(association.handle(now, &nth_hello(1, &forged)).is_ok());
        assert_eq!(association.drain().count(), 0);
        assert!(matches!(association.role, Role::AwaitingHello(..)));
    }
    // What is no more than a hello fails only now, in the crate.
    let second = nth_hello(1, &hello_with(&cookie, profiles));
    let _ = association.handle(now, &second);
    assert!(matches!(association.role, Role::Server(_)));
}
