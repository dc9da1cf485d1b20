//! Replayed packets and packets from foreign addresses are not forwarded.

use std::net::SocketAddr;
use std::time::Duration;

use crate::sim::World;
use crate::sim::netem::Datagram;
use crate::sim::participant::Equipment;

fn received(world: &World, index: usize) -> u64 {
    let slots = &world.participants[index].slots;
    slots
        .iter()
        .map(|s| s.arrived.len() as u64 + s.duplicates)
        .sum()
}

fn two_talking(seed: u64) -> World {
    let mut world = World::new(seed);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(1));
    world.captured = Some(Vec::new());
    world.run(Duration::from_secs(2));
    // Nobody sends any more, so whatever arrives was injected.
    for participant in &mut world.participants {
        for publication in &mut participant.publications {
            publication.paused = true;
        }
    }
    world.run(Duration::from_millis(500));
    assert!(received(&world, 0) > 100, "nothing was forwarded at all");
    world
}

fn media_of(world: &mut World, index: usize) -> Vec<Datagram> {
    let from = world.participants[index].address;
    let captured = world.captured.take().expect("a capture");
    let media = captured
        .into_iter()
        .filter(|d| d.from == from && (128..192).contains(&d.bytes[0]));
    media.collect()
}

#[test]
fn a_thousand_replayed_packets_are_not_forwarded() {
    let mut world = two_talking(4001);
    let media = media_of(&mut world, 1);
    assert!(media.len() >= 400);
    let before = received(&world, 0);
    let replayed = world.stats(1).transport.replayed;
    for (i, datagram) in media.iter().cycle().take(1000).enumerate() {
        let at = world.now + Duration::from_micros(100 * i as u64);
        world.network.inject(at, datagram.clone());
    }
    world.run(Duration::from_secs(1));
    assert_eq!(received(&world, 0), before);
    assert_eq!(world.stats(1).transport.replayed, replayed + 1000);
}

#[test]
fn authentic_packets_from_a_foreign_address_are_not_forwarded() {
    let mut world = two_talking(4002);
    // The server has not seen these: they were taken off the wire.
    let foreign = SocketAddr::from(([198, 51, 100, 66], 6666));
    for publication in &mut world.participants[1].publications {
        publication.paused = false;
    }
    let mut fresh = world.intercept(1, Duration::from_secs(1));
    fresh.retain(|datagram| datagram.bytes[0] >= 128);
    for publication in &mut world.participants[1].publications {
        publication.paused = true;
    }
    world.run(Duration::from_millis(500));
    let before = (received(&world, 0), world.sfu.dropped().unvalidated);
    let count = fresh.len() as u64;
    assert!(count > 100);
    for datagram in fresh {
        let now = world.now;
        world.network.inject(
            now,
            Datagram {
                from: foreign,
                ..datagram
            },
        );
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.sfu.dropped().unvalidated, before.1 + count);
    assert_eq!(received(&world, 0), before.0);
}

#[test]
fn forged_packets_from_the_right_address_are_not_forwarded() {
    let mut world = two_talking(4003);
    let mut media = media_of(&mut world, 1);
    let before = (
        received(&world, 0),
        world.stats(1).transport.unauthenticated,
    );
    for datagram in &mut media {
        // Fresh to the replay window, and so to the authentication.
        datagram.bytes[2] = datagram.bytes[2].wrapping_add(1);
        let now = world.now;
        world.network.inject(now, datagram.clone());
    }
    world.run(Duration::from_secs(1));
    assert_eq!(received(&world, 0), before.0);
    let failed = world.stats(1).transport.unauthenticated - before.1;
    assert!(
        failed * 10 >= media.len() as u64 * 9,
        "{failed} of {}",
        media.len()
    );
}

/// A check is authentic wherever it is replayed from. It may not move the call's
/// path, or anybody who saw one could take the media away.
#[test]
fn replayed_checks_from_a_foreign_address_do_not_take_the_call() {
    let mut world = World::new(4004);
    world.captured = Some(Vec::new());
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(6));
    let captured = world.captured.take().expect("a capture");
    let checks: Vec<Datagram> = captured.into_iter().filter(|d| d.bytes[0] < 4).collect();
    assert!(checks.len() >= 4, "{} checks", checks.len());
    let foreign = SocketAddr::from(([198, 51, 100, 66], 6666));
    for check in checks {
        let now = world.now;
        world.network.inject(
            now,
            Datagram {
                from: foreign,
                ..check
            },
        );
    }
    let from = world.now;
    world.run(Duration::from_secs(2));
    for participant in &world.participants {
        for slot in &participant.slots {
            let report = slot.report(from, world.now);
            assert!(report.packets >= 58, "{} {report:?}", participant.index);
        }
    }
}
