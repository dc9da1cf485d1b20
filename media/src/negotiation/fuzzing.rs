//! Bodies of the SDP fuzz targets, compiled in every build so that they keep up with
//! the code. Each takes any text; a panic is a finding.

use super::{LocalDescription, Negotiator, is_candidate};
use crate::control::{Offer, PublishIntent, Source};
use crate::ids::Mid;
use crate::negotiation::params::{Fingerprint, FingerprintHash, SlotSection};

/// An offer, twice, and its answer read back.
pub fn sdp(text: &str) {
    let mut publish = Vec::new();
    for (mid, source) in [
        ("0", Source::Microphone),
        ("1", Source::Camera),
        ("2", Source::Screen),
    ] {
        if let Ok(mid) = Mid::try_from(mid)
            && text.contains(&format!("a=mid:{mid}"))
        {
            publish.push(PublishIntent { mid, source });
        }
    }
    let offer = Offer {
        sdp: text.to_owned(),
        publish,
    };
    let mut negotiator = Negotiator::new([0; 32]);
    let Ok(first) = negotiator.accept(&offer) else {
        return;
    };
    let fingerprint = Fingerprint {
        hash: FingerprintHash::Sha256,
        bytes: vec![0; 32],
    };
    let answer = negotiator.answer(&LocalDescription {
        ufrag: "ufrag",
        pwd: "0123456789abcdefghijklmn",
        fingerprint: &fingerprint,
        candidates: &[],
    });
    let printed = answer.map(|answer| answer.sdp).unwrap_or_default();
    assert!(super::sdp::OfferSdp::parse(&printed).is_ok(), "{printed}");
    // What was accepted once is accepted again, with the same Slots.
    let second = negotiator.accept(&offer).map(|n| n.slots);
    let after = second.unwrap_or_default();
    let ssrcs = |slots: &[SlotSection]| slots.iter().map(|s| s.ssrc).collect::<Vec<_>>();
    assert_eq!(ssrcs(&first.slots), ssrcs(&after));
}

/// A trickled candidate.
pub fn candidate(text: &str) {
    is_candidate(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    const OFFERS: [&str; 2] = [
        include_str!("../../tests/data/sdp/chromium-vp8.sdp"),
        include_str!("../../tests/data/sdp/firefox-vp8.sdp"),
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Real offers with lines dropped, doubled, moved and bent.
        #[test]
        fn bent_offers_are_survived(
            which in 0..OFFERS.len(),
            bends in prop::collection::vec((any::<u8>(), any::<u16>(), any::<u16>()), 1..8),
        ) {
            let mut lines: Vec<String> = OFFERS[which].lines().map(str::to_owned).collect();
            for (kind, a, b) in bends {
                let (a, b) = (usize::from(a) % lines.len(), usize::from(b) % lines.len());
                match kind % 5 {
                    0 => drop(lines.remove(a)),
                    1 => lines.insert(b, lines[a].clone()),
                    2 => lines.swap(a, b),
                    3 => {
                        let cut = b % (lines[a].len() + 1);
                        lines[a].truncate(cut);
                    }
                    _ => {
                        let at = b % (lines[a].len() + 1);
                        lines[a].insert(at, char::from(32 + kind % 95));
                    }
                }
                if lines.is_empty() {
                    break;
                }
            }
            super::sdp(&(lines.join("\r\n") + "\r\n"));
        }

        #[test]
        fn any_candidate_is_survived(text in "(candidate:)?[ -~]{0,80}") {
            super::candidate(&text);
        }
    }
}
