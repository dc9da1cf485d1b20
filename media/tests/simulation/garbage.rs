//! A flood from strangers leaves a call untouched and nothing behind.

use std::net::SocketAddr;
use std::time::Duration;

use rand::{Rng as _, RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::sim::netem::Datagram;
use crate::sim::participant::Equipment;
use crate::sim::{World, server_address};

const PER_SECOND: u32 = 10_000;

/// Random bytes, and mutations of what real participants sent.
fn garbage(rng: &mut ChaCha8Rng, real: &[Datagram]) -> Vec<u8> {
    let mut bytes = match rng.random_range(0..3) {
        0 => {
            let mut bytes = vec![0; rng.random_range(0..1400)];
            rng.fill_bytes(&mut bytes);
            bytes
        }
        _ => real[rng.random_range(0..real.len())].bytes.clone(),
    };
    if let Some(first) = bytes.first_mut() {
        // Any protocol of the port.
        *first = [0, 1, 20, 22, 63, 128, 144, 191, *first][rng.random_range(0..9)];
    }
    for _ in 0..rng.random_range(0..4) {
        if !bytes.is_empty() {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
    }
    bytes
}

#[test]
fn a_flood_changes_nothing() {
    let mut world = World::new(6001);
    world.captured = Some(Vec::new());
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(1));
    let real = world.captured.take().expect("a capture");
    let mut rng = ChaCha8Rng::seed_from_u64(6001);
    let from = world.now;
    for i in 0..PER_SECOND * 2 {
        let at = world.now + Duration::from_micros(u64::from(i) * 100);
        // Half of them pretend to be a participant: the address is easily forged.
        let source = match rng.random_range(0..2) {
            0 => world.participants[rng.random_range(0..2)].address,
            _ => SocketAddr::from((rng.random::<[u8; 4]>(), rng.random())),
        };
        let datagram = Datagram {
            from: source,
            to: server_address(),
            bytes: garbage(&mut rng, &real),
        };
        world.network.inject(at, datagram);
    }
    world.run(Duration::from_secs(3));
    for participant in &world.participants {
        assert!(participant.transport.is_connected());
        assert_eq!(participant.states.len(), 1, "{:?}", participant.states);
        for slot in &participant.slots {
            let report = slot.report(from, world.now);
            assert_eq!(report.violations, [""; 0]);
            assert_eq!((report.lost, slot.foreign), (0, 0));
            assert!(report.packets >= 85, "{report:?}");
        }
    }
    let dropped = world.sfu.dropped();
    assert!(dropped.unknown_kind + dropped.unvalidated + dropped.stun > u64::from(PER_SECOND) / 2);
}

#[test]
fn nothing_is_left_of_a_call() {
    let mut world = World::new(6002);
    for _ in 0..3 {
        world.join_many(5, Equipment::FULL.slots(1, 1));
        world.connect();
        world.run(Duration::from_millis(500));
        for index in world.participants.len() - 5..world.participants.len() {
            world.leave(index);
        }
        world.run(Duration::from_millis(100));
        assert!(world.sfu.is_idle());
        assert_eq!(world.sfu.routers().count(), 0);
    }
}
