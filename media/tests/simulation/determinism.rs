//! Meta-tests: the seed reaches the network and the generators, and nothing else
//! decides what happens.

use std::time::Duration;

use crate::sim::World;
use crate::sim::netem::Conditions;
use crate::sim::participant::Equipment;

fn trace(seed: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    let rough = Conditions {
        loss: 0.05,
        duplicate: 0.02,
        reorder: 0.05,
        delay: Duration::from_millis(25),
        jitter: Duration::from_millis(10),
    };
    for _ in 0..4 {
        let index = world.join(Equipment::FULL.slots(2, 3));
        world.network.set_both(index, rough);
    }
    world.run(Duration::from_secs(4));
    (world.trace_hash(), world.network.lost)
}

#[test]
fn the_same_seed_is_the_same_run() {
    assert_eq!(trace(11), trace(11));
}

#[test]
fn another_seed_is_another_run() {
    let (first, second) = (trace(11), trace(12));
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1, "the network's dice did not change");
}
