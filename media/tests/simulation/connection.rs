//! The path of a call: it moves, restarts, dies and comes back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use convoke_media::control::{CONSENT_TIMEOUT, Command, Event, MediaKind, TransportState};

use crate::sim::netem::Conditions;
use crate::sim::participant::Equipment;
use crate::sim::{ROUTER, World};

fn two(seed: u64) -> World {
    let mut world = World::new(seed);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    for index in 0..2 {
        let camera = world.camera_of(1 - index);
        world.pin(index, 0, camera, (320, 180));
    }
    world.run(Duration::from_secs(2));
    world
}

/// Packets that participant `index` got on all Slots since `from`.
fn got_since(world: &World, index: usize, from: Instant) -> u64 {
    let slots = &world.participants[index].slots;
    slots
        .iter()
        .map(|s| s.report(from, world.now).packets)
        .sum()
}

fn continuous(world: &World) {
    for participant in &world.participants {
        for slot in &participant.slots {
            let report = slot.report(world.origin, world.now);
            assert_eq!(
                report.violations, [""; 0],
                "{} {}",
                participant.index, slot.mid
            );
        }
    }
}

#[test]
fn a_new_address_keeps_the_media() {
    let mut world = two(5001);
    for port in [41_000, 42_000, 43_000] {
        world.move_to(1, SocketAddr::from(([100, 64, 0, 9], port)));
        // One check and its answer.
        world.run(Duration::from_millis(100));
        let from = world.now;
        world.run(Duration::from_secs(1));
        assert!(got_since(&world, 0, from) >= 75, "from the moved one");
        assert!(got_since(&world, 1, from) >= 75, "to the moved one");
    }
    continuous(&world);
    assert_eq!(world.participants[1].states, [TransportState::Connected]);
}

#[test]
fn an_ice_restart_keeps_the_media() {
    let mut world = two(5002);
    let from = world.now;
    world.participants[1].transport.restart_ice();
    world.negotiate(1);
    world.run(Duration::from_secs(3));
    assert!(got_since(&world, 0, from) >= 220);
    assert!(got_since(&world, 1, from) >= 220);
    continuous(&world);
    // And consent is renewed with the new credentials.
    world.run(2 * CONSENT_TIMEOUT);
    assert_eq!(world.participants[1].states, [TransportState::Connected]);
    assert_eq!(states_of(&world, 1), [TransportState::Connected]);
}

fn states_of(world: &World, index: usize) -> Vec<TransportState> {
    let id = world.id(index);
    let events = world.events.iter().filter_map(|(_, event)| match event {
        convoke_media::control::Event::Transport { participant, state } if *participant == id => {
            Some(*state)
        }
        _ => None,
    });
    events.collect()
}

#[test]
fn without_consent_nothing_is_sent_until_it_returns() {
    let mut world = two(5003);
    world.network.set_both(1, Conditions::DEAD);
    world.run(CONSENT_TIMEOUT + Duration::from_secs(1));
    assert_eq!(
        states_of(&world, 1),
        [TransportState::Connected, TransportState::Disconnected]
    );
    let sent = world.stats(1).transport.packets_sent;
    world.run(Duration::from_secs(5));
    assert_eq!(
        world.stats(1).transport.packets_sent,
        sent,
        "sent without consent"
    );

    world.network.set_both(1, Conditions::GOOD);
    world.run(Duration::from_secs(2));
    assert_eq!(
        states_of(&world, 1).last(),
        Some(&TransportState::Connected)
    );
    let from = world.now;
    world.run(Duration::from_secs(1));
    assert!(got_since(&world, 1, from) >= 75, "media returns");
    assert!(got_since(&world, 0, from) >= 75, "media returns");
    continuous(&world);
}

#[test]
fn everybody_connects_over_a_bad_network() {
    let mut world = World::new(5004);
    let bad = Conditions {
        loss: 0.20,
        duplicate: 0.05,
        reorder: 0.10,
        delay: Duration::from_millis(100),
        jitter: Duration::from_millis(50),
    };
    for _ in 0..10 {
        let index = world.join(Equipment::FULL.slots(1, 1));
        world.network.set_both(index, bad);
    }
    world.connect();
    assert!(
        world.elapsed() < Duration::from_secs(10),
        "{:?}",
        world.elapsed()
    );
}

/// A reload of the page: the same participant, all new underneath.
#[test]
fn a_new_peer_connection_of_the_same_participant_starts_over() {
    let mut world = two(5005);
    world.reload(1);
    world.connect();
    world.run(Duration::from_secs(1));
    let from = world.now;
    world.run(Duration::from_secs(1));
    assert!(got_since(&world, 1, from) >= 75);
    let shown = world.participants[0]
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot");
    assert!(shown.report(from, world.now).packets >= 25);
}

/// Its SRTP counts from the start, which ours would not under an SSRC that goes on.
#[test]
fn another_handshake_with_the_same_certificate_has_other_ssrcs() {
    let mut world = two(5009);
    let ssrcs = |world: &World| {
        let slots = world.participants[1].slots.iter();
        slots.map(|slot| slot.ssrc).collect::<Vec<_>>()
    };
    let before = ssrcs(&world);
    world.participants[1].transport.close(world.now);
    world.run(Duration::from_millis(200));
    assert_eq!(states_of(&world, 1).last(), Some(&TransportState::Failed));
    world.reopen(1);
    let after = ssrcs(&world);
    assert!(after.iter().all(|ssrc| !before.contains(ssrc)), "{after:?}");
    world.connect();
    world.run(Duration::from_secs(1));
    let from = world.now;
    world.run(Duration::from_secs(1));
    assert!(got_since(&world, 1, from) >= 75);
}

/// Its numbers are below those of the one before, which were not repeats.
#[test]
fn a_new_peer_connection_is_told_how_its_packets_arrive() {
    let mut world = two(5007);
    world.run(Duration::from_secs(8));
    world.reload(1);
    world.connect();
    world.run(Duration::from_secs(1));
    let feedback = world.participants[1].feedback;
    assert!(feedback.covered >= 75, "{feedback:?}");
}

/// It sends all layers, and was not told what the one before was.
#[test]
fn a_new_peer_connection_is_told_which_layers_nobody_is_shown() {
    let mut world = two(5008);
    world.run(Duration::from_secs(8));
    let told = |world: &World| {
        let id = world.id(1);
        let events = world.events.iter().filter_map(|(_, event)| match event {
            Event::Layers {
                participant,
                wanted,
                ..
            } if *participant == id => Some(wanted.len()),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    let before = told(&world);
    assert_eq!(before.last(), Some(&1));
    world.reload(1);
    world.connect();
    world.run(Duration::from_secs(8));
    let anew = &told(&world)[before.len()..];
    assert_eq!((anew.first(), anew.last()), (Some(&3), Some(&1)));
}

#[test]
fn closing_a_router_tells_everybody() {
    let mut world = two(5006);
    world
        .request(Command::CloseRouter { router: ROUTER })
        .expect("it is open");
    world.run(Duration::from_secs(1));
    for participant in &world.participants {
        assert_eq!(participant.states.last(), Some(&TransportState::Failed));
    }
}
