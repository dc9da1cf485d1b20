//! What a change costs in a full meeting: fifty publish audio and three layers of
//! video, and each has three speakers and twenty-five tiles. Somebody's mute concerns
//! every Slot of everybody, somebody's choice of tiles only their own.

mod clock;
#[path = "../tests/simulation/sim/mod.rs"]
mod sim;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

use convoke_media::control::{SlotTarget, Source};

use clock::cpu_time_of;
use sim::World;
use sim::participant::Equipment;

const SEED: u64 = 50;
const PARTICIPANTS: usize = 50;
const SPEAKERS: usize = 3;
const TILES: usize = 25;

fn meeting() -> World {
    let mut world = World::new(SEED);
    world.join_many(PARTICIPANTS, Equipment::FULL.slots(SPEAKERS, TILES));
    world.connect();
    world.run(Duration::from_millis(500));
    world
}

/// What the change made to be told and sent is taken away, which is not measured.
fn settle(world: &mut World) {
    while world.sfu.poll_event().is_some() {}
    world.sfu.outbox().clear();
}

fn measure(
    world: &mut World,
    iterations: u64,
    mut change: impl FnMut(&mut World, bool),
) -> Duration {
    (0..iterations)
        .map(|iteration| {
            let spent = cpu_time_of(|| change(world, iteration % 2 == 0));
            settle(world);
            spent
        })
        .sum()
}

fn reconcile(criterion: &mut Criterion) {
    let mut world = meeting();
    let mut group = criterion.benchmark_group(format!("reconcile at {PARTICIPANTS}"));
    group.bench_function("a camera is muted or comes back", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(&mut world, iterations, |world, muted| {
                world.mute(7, Source::Camera, muted);
            })
        });
    });
    let mid = world.participants[0]
        .slots_of(convoke_media::control::MediaKind::Video)
        .next()
        .map(|slot| slot.mid.clone())
        .expect("a tile");
    let (one, other) = (world.camera_of(1), world.camera_of(2));
    group.bench_function("a tile is pinned to another camera", |bencher| {
        bencher.iter_custom(|iterations| {
            measure(&mut world, iterations, |world, which| {
                let track = if which { one } else { other };
                world.set_slot(0, &mid, SlotTarget::Pinned(track), (320, 180));
            })
        });
    });
    group.finish();
}

criterion_group!(benches, reconcile);
criterion_main!(benches);
