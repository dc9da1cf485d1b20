//! 10 % loss in both directions of everybody is repaired.
//!
//! The bound: a packet is lost for good only when the original and all its
//! retransmissions are lost, on the way up or on the way down. Both ends ask again
//! several times; with 10 % loss of request and answer each try fails with
//! 1 - 0.9² = 0.19, so three tries leave 0.1 · 0.19³ < 0.1 % per direction, and 0.2 % in
//! total is what a receiver may still miss. Frames that lack a packet are skipped
//! at the next keyframe; the longest gap in delivery is bounded by the tries.

use std::time::Duration;

use convoke_media::control::{MediaKind, Source};
use convoke_media::stats::TrackStats;

use crate::sim::World;
use crate::sim::netem::Conditions;
use crate::sim::participant::Equipment;

#[test]
fn ten_percent_both_ways_is_repaired() {
    for seed in [1001, 1002] {
        let mut world = World::new(seed);
        let lossy = Conditions {
            reorder: 0.01,
            jitter: Duration::from_millis(3),
            ..Conditions::with_loss(0.10)
        };
        for _ in 0..5 {
            let index = world.join(Equipment::FULL.slots(2, 4));
            world.network.set_both(index, lossy);
        }
        world.connect();
        for index in 0..5 {
            for slot in 0..4 {
                let camera = world.camera_of((index + 1 + slot) % 5);
                world.pin(index, slot, camera, (1280, 720));
            }
        }
        world.run(Duration::from_secs(2));
        let from = world.now;
        world.run(Duration::from_secs(6));
        let until = world.now;
        world.run(Duration::from_secs(1));

        let (mut span, mut lost, mut repaired) = (0, 0, 0);
        for participant in &world.participants {
            for receiver in participant.slots_of(MediaKind::Video) {
                let report = receiver.report(from, until);
                assert_eq!(
                    report.violations, [""; 0],
                    "{seed} {} {}",
                    participant.index, receiver.mid
                );
                span += report.span;
                lost += report.lost;
                repaired += receiver.repaired;
                // One round of asking and repeating fails in 19 of 100, and there are
                // some 5,000 losses: six failures in a row are to be expected, each of
                // which costs about 100 ms.
                let gap = report.longest_gap;
                assert!(gap < Duration::from_millis(800), "{seed}: {gap:?}");
            }
        }
        assert!(span > 5 * 4 * 6 * 80, "{seed}: only {span} packets");
        assert!(
            repaired * 100 > span * 7,
            "{seed}: {repaired} repaired of {span}: was there loss?"
        );
        assert!(lost * 500 <= span, "{seed}: {lost} lost of {span}");
        upstream_is_repaired(&mut world, seed);
    }
}

/// What the server missed of the layer in use it asked for, and got. Layers that
/// nobody watches are not worth a repair.
fn upstream_is_repaired(world: &mut World, seed: u64) {
    for index in 0..5 {
        let stats = world.stats(index);
        let watched = |t: &&TrackStats| t.source == Source::Camera && t.encoding == 2;
        for track in stats.tracks.iter().filter(watched) {
            assert!(
                track.repaired * 100 > track.packets * 5,
                "{seed}: {track:?}"
            );
            assert!(track.lost * 100 <= track.packets, "{seed}: {track:?}");
        }
    }
}

/// Audio has no retransmission in a browser's offer, so the loss of two links is
/// what is heard, and no more: 1 - 0.9².
#[test]
fn audio_loses_what_the_links_lose() {
    let mut world = World::new(1003);
    for _ in 0..2 {
        let index = world.join(Equipment::FULL.slots(1, 0));
        world.network.set_both(index, Conditions::with_loss(0.10));
    }
    world.connect();
    world.run(Duration::from_secs(1));
    let from = world.now;
    world.run(Duration::from_secs(20));
    let (mut packets, mut violations) = (0, Vec::new());
    for participant in &world.participants {
        for receiver in participant.slots_of(MediaKind::Audio) {
            let report = receiver.report(from, world.now);
            packets += report.packets;
            violations.extend(report.violations);
        }
    }
    assert_eq!(violations, [""; 0]);
    let expected = 2.0 * 20.0 * 50.0 * 0.81;
    let share = packets as f64 / expected;
    assert!((0.97..1.03).contains(&share), "{packets} of {expected}");
}
