//! One participant's trouble is nobody else's.

use std::time::Duration;

use convoke_media::control::{MediaKind, Source};

use crate::sim::World;
use crate::sim::netem::{Conditions, Direction};
use crate::sim::participant::Equipment;

/// 0 and 1 watch 2; 1 has a bad time.
fn three(seed: u64) -> World {
    let mut world = World::new(seed);
    world.join_many(3, Equipment::FULL.slots(1, 1));
    for (participant, level) in world.participants.iter_mut().zip([100, 100, 20]) {
        participant.publication(Source::Microphone).level = level;
    }
    world.connect();
    for index in 0..2 {
        let camera = world.camera_of(2);
        world.pin(index, 0, camera, (640, 360));
    }
    world.run(Duration::from_secs(2));
    world
}

fn untouched(world: &World, from: std::time::Instant, seconds: u64) {
    for slot in &world.participants[0].slots {
        let report = slot.report(from, world.now);
        assert_eq!(report.violations, [""; 0]);
        assert_eq!(report.lost, 0);
        assert!(report.packets >= 49 * seconds, "{} {report:?}", slot.mid);
        assert!(report.longest_gap < Duration::from_millis(60), "{report:?}");
    }
}

#[test]
fn a_receiver_that_answers_nothing_disturbs_nobody() {
    let mut world = three(7001);
    world.participants[1].asleep = true;
    let from = world.now;
    world.run(Duration::from_secs(10));
    untouched(&world, from, 10);
}

#[test]
fn a_receiver_who_loses_half_disturbs_nobody() {
    let mut world = three(7002);
    world
        .network
        .set(1, Direction::Down, Conditions::with_loss(0.5));
    let from = world.now;
    world.run(Duration::from_secs(5));
    untouched(&world, from, 5);
    let suffering = world.participants[1]
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot");
    assert!(suffering.repaired > 100);
}

/// Keyframe requests are throttled per Encoding (HARDENING: at most two a second).
#[test]
fn a_flood_of_keyframe_requests_costs_the_publisher_little() {
    let mut world = three(7003);
    let encodings = |world: &World| -> Vec<u32> {
        let camera = &world.participants[2].publications[1];
        camera
            .encodings
            .iter()
            .map(|e| e.counted.keyframe_requests)
            .collect()
    };
    let before = encodings(&world);
    world.participants[1].pli_flood = true;
    world.run(Duration::from_secs(10));
    for (before, after) in before.into_iter().zip(encodings(&world)) {
        assert!(after - before <= 21, "{} requests in 10 s", after - before);
    }
    assert!(encodings(&world)[1] > 10, "it was not asked at all");
}
