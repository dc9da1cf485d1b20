//! What is refused, by name, and without cost or consequence.

use std::time::Duration;

use super::*;

#[test]
fn a_refused_offer_changes_nothing() {
    let (mut negotiator, first, before) = accept(CHROMIUM_VP8);
    let bad = CHROMIUM_VP8.replace("a=setup:actpass", "a=setup:passive");
    assert_eq!(
        negotiator.accept(&offer(&bad)).unwrap_err(),
        OfferError::Unsupported("this a=setup")
    );
    let mut undisturbed = Negotiator::new([1; 32]);
    undisturbed.accept(&offer(CHROMIUM_VP8)).unwrap();
    answer(&mut undisturbed);
    assert_eq!(answer(&mut negotiator).sdp, answer(&mut undisturbed).sdp);
    let again = negotiator.accept(&offer(CHROMIUM_VP8)).unwrap();
    assert_eq!(again.slots[0].ssrc, first.slots[0].ssrc);
    assert!(before.sdp.contains(" 1 IN IP4 127.0.0.1"));
}

#[test]
fn bad_intents_are_refused() {
    let with = |publish: &[(&str, Source)]| {
        let mut offer = offer(CHROMIUM_VP8);
        offer.publish = publish
            .iter()
            .map(|(m, source)| PublishIntent {
                mid: mid(m),
                source: *source,
            })
            .collect();
        refuse(&offer)
    };
    use Source::{Camera, Microphone, Screen};
    let cases = [
        (with(&[("99", Camera)]), OfferError::Mid("99".to_owned())),
        // Not named, though it sends.
        (with(&[("0", Microphone)]), OfferError::Mid("1".to_owned())),
        (
            with(&[("1", Camera), ("1", Screen)]),
            OfferError::Mid("1".to_owned()),
        ),
        (
            with(&[("0", Camera)]),
            OfferError::Publish {
                mid: mid("0"),
                source_name: "camera",
            },
        ),
        (
            with(&[("1", Camera), ("2", Camera)]),
            OfferError::Publish {
                mid: mid("2"),
                source_name: "camera",
            },
        ),
        // A Slot does not publish.
        (
            with(&[("8", Camera)]),
            OfferError::Publish {
                mid: mid("8"),
                source_name: "camera",
            },
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn malformed_offers_are_refused_by_name() {
    let edit = |from: &str, to: &str| {
        let sdp = CHROMIUM_VP8.replace(from, to);
        assert_ne!(sdp, CHROMIUM_VP8, "{from}");
        refuse(&offer(&sdp))
    };
    let cases = [
        (
            edit("a=rtcp-mux\r\n", ""),
            OfferError::Missing("a=rtcp-mux"),
        ),
        (
            edit("a=ice-ufrag:HRP+\r\n", ""),
            OfferError::Missing("a=ice-ufrag"),
        ),
        (
            edit("a=ice-ufrag:HRP+", "a=ice-ufrag:a b"),
            OfferError::Syntax("a=ice-ufrag".to_owned()),
        ),
        (
            edit("a=ice-ufrag:HRP+", "a=ice-ufrag:abc"),
            OfferError::Syntax("a=ice-ufrag".to_owned()),
        ),
        (
            edit("a=ice-pwd:/5e5", "a=ice-pwd:"),
            OfferError::Syntax("a=ice-pwd".to_owned()),
        ),
        (
            edit("a=fingerprint:sha-256", "a=fingerprint:sha-1"),
            OfferError::Unsupported("the certificate fingerprint"),
        ),
        (
            edit("a=fingerprint:", "a=finger:"),
            OfferError::Missing("a=fingerprint"),
        ),
        (
            edit("a=setup:actpass", "a=x"),
            OfferError::Missing("a=setup"),
        ),
        (edit("a=mid:5", "a=mid:4"), OfferError::Mid("4".to_owned())),
        (edit("a=mid:5\r\n", ""), OfferError::Mid(String::new())),
        (
            edit("a=group:BUNDLE", "a=group:LS"),
            OfferError::Missing("a=group:BUNDLE"),
        ),
        (
            edit("l;m;h", "l;m;h;l"),
            OfferError::TooManyStreams { count: 4, max: 3 },
        ),
        (
            edit("s=-\r\n", "s=a\rb\r\n"),
            OfferError::Syntax("a control character".to_owned()),
        ),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
    for garbage in [
        "",
        "v=0",
        "\r\n",
        "v=1\r\n",
        "a=mid:0\r\n",
        "v=0\r\no=- 1 2 IN IP4\r\n",
    ] {
        let refused = refuse(&Offer {
            sdp: garbage.to_owned(),
            publish: Vec::new(),
        });
        assert!(
            matches!(refused, OfferError::Syntax(_) | OfferError::Missing(_)),
            "{garbage:?} {refused:?}"
        );
    }
}

#[test]
fn truncation_anywhere_is_no_panic() {
    for sdp in [CHROMIUM_VP8, FIREFOX_VP8] {
        for end in (0..sdp.len()).step_by(37) {
            let _ = Negotiator::new([1; 32]).accept(&offer(&sdp[..end]));
        }
    }
}

/// Generous for a busy machine: refusing takes well under a millisecond, accepting
/// the largest offer tens.
#[test]
fn what_is_too_large_is_refused_before_it_is_parsed() {
    let began = now();
    let megabyte = format!("{CHROMIUM_VP8}{}", "a=x:y\r\n".repeat(150_000));
    assert!(matches!(
        refuse(&offer(&megabyte)),
        OfferError::TooLarge { max: 400_000, .. }
    ));
    let sections = format!("{CHROMIUM_VP8}{}", "m=audio 9 X 0\r\n".repeat(10_000));
    assert!(matches!(
        refuse(&offer(&sections)),
        OfferError::TooManySections { max: 128, .. }
    ));
    let line = format!("{CHROMIUM_VP8}a=x:{}\r\n", "y".repeat(300_000));
    assert!(matches!(refuse(&offer(&line)), OfferError::Syntax(_)));
    assert!(began.elapsed() < Duration::from_millis(50));
    // The worst that is still parsed: every line costs most.
    let hostile = CHROMIUM_VP8.replacen(
        "a=simulcast",
        &format!("{}a=simulcast", "a=rtcp-fb:* nack\r\n".repeat(20_000)),
        1,
    );
    assert!(Negotiator::new([1; 32]).accept(&offer(&hostile)).is_ok());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
