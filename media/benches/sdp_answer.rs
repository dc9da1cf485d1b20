//! What an offer costs from its text to the answer's text: Chromium's, with three
//! published sources and seven Slots, as the web client offers it when it joins.

mod clock;

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use convoke_media::control::{Offer, PublishIntent, Source};
use convoke_media::ids::Mid;
use convoke_media::negotiation::params::{Fingerprint, FingerprintHash};
use convoke_media::negotiation::{LocalDescription, Negotiator};

use clock::cpu_time_of;

const OFFER: &str = include_str!("../tests/data/sdp/chromium-full.sdp");

fn offer() -> Offer {
    let sources = [
        ("0", Source::Microphone),
        ("1", Source::Camera),
        ("2", Source::Screen),
    ];
    let publish = sources.map(|(mid, source)| PublishIntent {
        mid: Mid::try_from(mid).expect("a mid"),
        source,
    });
    Offer {
        sdp: OFFER.to_owned(),
        publish: publish.to_vec(),
    }
}

/// Length of the answer.
fn answer(negotiator: &mut Negotiator, offer: &Offer, fingerprint: &Fingerprint) -> usize {
    let candidates = [SocketAddr::from(([192, 0, 2, 1], 3478))];
    negotiator.accept(offer).expect("a browser's offer");
    let answer = negotiator.answer(&LocalDescription {
        ufrag: "ufrag",
        pwd: "0123456789abcdefghijklmn",
        fingerprint,
        candidates: &candidates,
    });
    answer.expect("it was accepted").sdp.len()
}

fn sdp_answer(criterion: &mut Criterion) {
    let offer = offer();
    let fingerprint = Fingerprint {
        hash: FingerprintHash::Sha256,
        bytes: vec![7; 32],
    };
    let mut group = criterion.benchmark_group("sdp answer");
    group.bench_function("first", |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations)
                .map(|_| {
                    let mut negotiator = Negotiator::new([3; 32]);
                    cpu_time_of(|| answer(&mut negotiator, &offer, &fingerprint))
                })
                .sum::<Duration>()
        });
    });
    group.bench_function("again", |bencher| {
        let mut negotiator = Negotiator::new([3; 32]);
        bencher.iter_custom(|iterations| {
            cpu_time_of(|| {
                for _ in 0..iterations {
                    answer(&mut negotiator, &offer, &fingerprint);
                }
            })
        });
    });
    group.finish();
}

criterion_group!(benches, sdp_answer);
criterion_main!(benches);
