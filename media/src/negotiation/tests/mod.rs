//! Offers of real browsers and of nobody's browser.

mod refusals;

use super::params::{Codec, CodecParams, FingerprintHash};
use super::*;
use crate::control::{MediaKind, Source};
use crate::ids::{Pt, Rid};

const CHROMIUM: &str = include_str!("../../../tests/data/sdp/chromium-full.sdp");
const CHROMIUM_VP8: &str = include_str!("../../../tests/data/sdp/chromium-vp8.sdp");
const CHROMIUM_DATA: &str = include_str!("../../../tests/data/sdp/chromium-datachannel.sdp");
const FIREFOX: &str = include_str!("../../../tests/data/sdp/firefox-full.sdp");
const FIREFOX_VP8: &str = include_str!("../../../tests/data/sdp/firefox-vp8.sdp");
const FIREFOX_DATA: &str = include_str!("../../../tests/data/sdp/firefox-datachannel.sdp");
const AIORTC: &str = include_str!("../../../tests/data/sdp/aiortc.sdp");
const ALL: [&str; 6] = [
    CHROMIUM,
    CHROMIUM_VP8,
    CHROMIUM_DATA,
    FIREFOX,
    FIREFOX_VP8,
    FIREFOX_DATA,
];

fn mid(text: &str) -> Mid {
    Mid::try_from(text).unwrap()
}

fn offer(sdp: &str) -> Offer {
    let publish = [
        ("0", Source::Microphone),
        ("1", Source::Camera),
        ("2", Source::Screen),
        ("3", Source::ScreenAudio),
    ];
    let intent = |(m, source)| PublishIntent {
        mid: mid(m),
        source,
    };
    Offer {
        sdp: sdp.to_owned(),
        publish: publish.into_iter().map(intent).collect(),
    }
}

fn our_fingerprint() -> Fingerprint {
    Fingerprint {
        hash: FingerprintHash::Sha256,
        bytes: (0..32).collect(),
    }
}

fn answer(negotiator: &mut Negotiator) -> Answer {
    negotiator
        .answer(&LocalDescription {
            ufrag: "AALocal1",
            pwd: "0123456789abcdefghijklmn",
            fingerprint: &our_fingerprint(),
            candidates: &[
                "203.0.113.1:3478".parse().unwrap(),
                "[2001:db8::1]:3478".parse().unwrap(),
            ],
        })
        .unwrap()
}

fn accept(sdp: &str) -> (Negotiator, Negotiated, Answer) {
    let mut negotiator = Negotiator::new([1; 32]);
    let negotiated = negotiator.accept(&offer(sdp)).unwrap();
    let answer = answer(&mut negotiator);
    (negotiator, negotiated, answer)
}

fn refuse(offer: &Offer) -> OfferError {
    Negotiator::new([1; 32]).accept(offer).unwrap_err()
}

/// The lines of the section with this mid.
fn section<'a>(sdp: &'a str, mid: &str) -> Vec<&'a str> {
    sdp.split("\r\nm=")
        .map(|section| section.lines().collect::<Vec<_>>())
        .find(|lines| lines.contains(&format!("a=mid:{mid}").as_str()))
        .unwrap()
}

fn codec(codecs: &[CodecParams], pt: u8) -> CodecParams {
    *codecs.iter().find(|c| c.pt.get() == pt).unwrap()
}

#[test]
fn chromium_publishing_sections() {
    let (_, negotiated, answer) = accept(CHROMIUM);
    assert_eq!(negotiated.transport.remote_ufrag, "fsu3");
    assert_eq!(negotiated.transport.fingerprint.bytes[..2], [0xff, 0xd2]);
    let [mic, camera, screen, screen_audio] = &negotiated.published[..] else {
        panic!("{:?}", negotiated.published);
    };
    assert_eq!(mic.source, Source::Microphone);
    assert_eq!(mic.codecs[0].codec, Codec::Opus);
    let opus = Pt::new(111).unwrap();
    assert_eq!(codec(&mic.codecs, 63).codec, Codec::Red { opus });
    assert!(
        mic.codecs
            .iter()
            .all(|c| c.codec.kind() == MediaKind::Audio)
    );
    assert_eq!(mic.extensions.audio_level, Some(1));
    assert_eq!(mic.extensions.transport_cc, Some(3));
    assert!(mic.encodings[0].ssrc.is_some());

    let rids: Vec<Option<Rid>> = camera.encodings.iter().map(|e| e.rid).collect();
    assert_eq!(rids, ["l", "m", "h"].map(|r| Rid::try_from(r).ok()));
    let vp8 = codec(&camera.codecs, 96);
    assert_eq!(vp8.rtx_pt, Pt::new(97));
    assert!(vp8.nack && vp8.pli);
    assert_eq!(
        codec(&camera.codecs, 108).codec,
        Codec::H264 {
            profile: [0x42, 0xe0, 0x1f],
            packetization_mode: 1
        }
    );
    assert_eq!(codec(&camera.codecs, 100).codec, Codec::Vp9 { profile: 2 });
    assert_eq!(codec(&camera.codecs, 45).codec, Codec::Av1 { profile: 0 });
    assert_eq!(camera.extensions.rid, Some(10));
    assert_eq!(camera.extensions.repaired_rid, Some(11));
    assert_eq!(camera.extensions.dependency_descriptor, Some(12));

    assert!(screen.active && screen.encodings[0].rtx_ssrc.is_some());
    assert!(!screen_audio.active);
    assert_eq!(answer.published.len(), 3);
    let camera = section(&answer.sdp, "1");
    for line in [
        "a=recvonly",
        "a=setup:passive",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rid:l recv",
        "a=simulcast:recv l;m;h",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=rtcp-fb:96 transport-cc",
        "a=rtcp-fb:96 nack pli",
        "a=fmtp:97 apt=96",
        "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    ] {
        assert!(camera.contains(&line), "{line} in {camera:#?}");
    }
    assert!(!answer.sdp.contains("goog-remb"));
    assert!(!answer.sdp.contains("ulpfec"));
    assert!(section(&answer.sdp, "3").contains(&"a=inactive"));
    assert!(section(&answer.sdp, "0").contains(&"a=fmtp:111 minptime=10;useinbandfec=1"));
}

#[test]
fn chromium_slots() {
    let (_, negotiated, answer) = accept(CHROMIUM);
    assert_eq!(negotiated.slots.len(), 7);
    assert_eq!(answer.slots.len(), 7);
    let slot = &negotiated.slots[3];
    assert_eq!((slot.mid, slot.kind), (mid("7"), MediaKind::Video));
    assert_eq!(slot.extensions.transport_cc, None);
    assert_eq!(slot.extensions.rid, None);
    let (ssrc, rtx) = (slot.ssrc.0, slot.rtx_ssrc.unwrap().0);
    let lines = section(&answer.sdp, "7");
    for line in [
        "a=sendonly",
        "a=msid:slot-7 track-7",
        &format!("a=ssrc-group:FID {ssrc} {rtx}"),
        &format!("a=ssrc:{ssrc} cname:convoke"),
    ] {
        assert!(lines.contains(&line), "{line} in {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("transport")));
    // Opus has no retransmissions in Chromium.
    assert_eq!(negotiated.slots[0].rtx_ssrc, None);
    let mut ssrcs: Vec<u32> = negotiated
        .slots
        .iter()
        .flat_map(|s| [Some(s.ssrc.0), s.rtx_ssrc.map(|r| r.0)])
        .flatten()
        .collect();
    ssrcs.sort_unstable();
    ssrcs.dedup();
    assert_eq!(ssrcs.len(), 3 + 2 * 4);
}

#[test]
fn firefox_sections_with_port_zero_are_bundle_only_and_not_rejected() {
    let (_, negotiated, answer) = accept(FIREFOX);
    assert_eq!(negotiated.published.len(), 4);
    assert_eq!(negotiated.slots.len(), 7);
    assert!(!answer.sdp.contains("m=video 0"));
    let camera = &negotiated.published[1];
    let rids: Vec<_> = camera.encodings.iter().map(|e| (e.rid, e.ssrc)).collect();
    assert_eq!(
        rids,
        ["l", "m", "h"].map(|r| (Rid::try_from(r).ok(), None)),
        "whose the listed SSRCs are is not said"
    );
    // Offered for one direction, answered for the other.
    let lines = section(&answer.sdp, "1");
    assert!(lines.contains(&"a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert_eq!(camera.extensions.playout_delay, None);
    let slot = section(&answer.sdp, "7");
    assert!(
        slot.iter()
            .any(|line| line.starts_with("a=extmap:6/sendonly"))
    );
    // Video's red is not audio's.
    assert!(camera.codecs.iter().all(|c| c.pt.get() != 122));
    assert_eq!(negotiated.published[0].codecs.len(), 1);
}

#[test]
fn data_channels_are_rejected_and_the_rest_accepted() {
    for sdp in [CHROMIUM_DATA, FIREFOX_DATA] {
        let (_, negotiated, answer) = accept(sdp);
        assert_eq!(negotiated.slots.len(), 4);
        let lines = section(&answer.sdp, "8");
        assert_eq!(lines[0], "application 0 UDP/DTLS/SCTP webrtc-datachannel");
        let group = answer
            .sdp
            .lines()
            .find(|l| l.starts_with("a=group"))
            .unwrap();
        assert_eq!(group, "a=group:BUNDLE 0 1 2 3 4 5 6 7");
    }
}

#[test]
fn every_answer_is_sdp_with_the_transport_in_every_section() {
    for sdp in ALL {
        let (_, _, answer) = accept(sdp);
        let parsed = OfferSdp::parse(&answer.sdp).unwrap();
        let offered = OfferSdp::parse(sdp).unwrap();
        assert_eq!(parsed.sections.len(), offered.sections.len());
        for section in &parsed.sections {
            assert_eq!(
                section.is_offered(),
                section.has("setup"),
                "{}",
                section.mid
            );
        }
        assert_eq!(parsed.fingerprint(), Ok(our_fingerprint()));
        assert!(answer.sdp.contains("a=ice-lite\r\n"));
        assert!(answer.sdp.contains(
            "a=candidate:1 1 udp 2130706431 203.0.113.1 3478 typ host\r\n\
             a=candidate:2 1 udp 2130706175 2001:db8::1 3478 typ host\r\n\
             a=end-of-candidates\r\n"
        ));
    }
}

#[test]
fn ids_are_never_moved_even_if_a_later_section_uses_them_otherwise() {
    let sdp = CHROMIUM_VP8.replacen(
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10",
        "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:10",
        1,
    );
    assert_ne!(sdp, CHROMIUM_VP8);
    let (_, negotiated, answer) = accept(&sdp);
    // Taken twice in one section: the first use stands.
    assert_eq!(negotiated.published[1].extensions.transport_cc, Some(3));
    assert_eq!(negotiated.published[1].extensions.mid, Some(4));
    let sdp = CHROMIUM_VP8
        .replacen("a=extmap:3 http", "a=extmap:9 http", 1)
        .replacen("a=extmap:4 urn", "a=extmap:3 urn", 1);
    let (_, other, _) = accept(&sdp);
    assert_eq!(other.published[0].extensions.transport_cc, Some(9));
    assert_eq!(other.published[0].extensions.mid, Some(3));
    assert_eq!(other.published[1].extensions.mid, Some(4));
    assert_eq!(answer.published.len(), 3);
}

#[test]
fn slots_keep_their_ssrcs_until_the_browser_is_another() {
    let (mut negotiator, first, _) = accept(CHROMIUM_VP8);
    // Growing: the same offer again with a Slot more, one stopped, one inactive.
    let extra = CHROMIUM_VP8.rfind("m=video").unwrap();
    let mut grown = CHROMIUM_VP8.to_owned();
    grown.push_str(&CHROMIUM_VP8[extra..].replace("a=mid:8", "a=mid:9"));
    grown = grown.replacen("BUNDLE 0 1 2 3 4 5 6 7 8", "BUNDLE 0 1 2 3 4 5 6 8 9", 1);
    let at = grown.find("a=mid:8").unwrap();
    let inactive = grown[at..].replacen("a=recvonly", "a=inactive", 1);
    grown.replace_range(at.., &inactive);
    let second = negotiator.accept(&offer(&grown)).unwrap();
    let sdp = answer(&mut negotiator).sdp;
    assert!(section(&sdp, "7")[0].starts_with("video 0"));
    assert!(section(&sdp, "8").contains(&"a=inactive"));
    let ssrc = |n: &Negotiated, m: &str| {
        let slot = n.slots.iter().find(|s| s.mid == mid(m));
        slot.map(|s| (s.active, s.ssrc, s.rtx_ssrc))
    };
    assert_eq!(ssrc(&second, "4"), ssrc(&first, "4"));
    assert_eq!(ssrc(&second, "7"), None);
    let (active, ssrc8, rtx8) = ssrc(&second, "8").unwrap();
    assert_eq!(Some((true, ssrc8, rtx8)), ssrc(&first, "8"));
    assert!(!active);
    assert!(ssrc(&second, "9").is_some());
    // And back.
    let third = negotiator.accept(&offer(CHROMIUM_VP8)).unwrap();
    assert_eq!(ssrc(&third, "8"), ssrc(&first, "8"));
    assert_ne!(ssrc(&third, "7"), ssrc(&first, "7"));
    // A new RTCPeerConnection.
    let other = negotiator.accept(&offer(CHROMIUM)).unwrap();
    assert_ne!(ssrc(&other, "4"), ssrc(&first, "4"));
}

#[test]
fn aiortc_lists_fingerprints_of_every_kind() {
    let mut negotiator = Negotiator::new([1; 32]);
    let mut offer = offer(AIORTC);
    offer.publish.truncate(2);
    let negotiated = negotiator.accept(&offer).unwrap();
    assert_eq!(
        negotiated.transport.fingerprint.hash,
        FingerprintHash::Sha256
    );
    let camera = &negotiated.published[1];
    assert_eq!(camera.encodings[0].ssrc, Some(Ssrc(1_317_453_659)));
    assert_eq!(camera.encodings[0].rtx_ssrc, Some(Ssrc(264_372_293)));
    assert_eq!(camera.extensions.transport_cc, None);
    assert_eq!(negotiated.slots.len(), 2);
}
