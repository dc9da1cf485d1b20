//! What forwarding one packet to one receiver costs in the whole Sfu, without
//! sockets: decrypt once, account, select, rewrite, seal fifty times, collect in
//! runs. One publisher with a 1200-byte VP8 stream, fifty receivers.
//!
//! `cargo bench -p convoke-media --bench forward`; criterion prints the forwarded
//! packets per second as throughput.

#[path = "../tests/simulation/sim/mod.rs"]
mod sim;

use std::hint::black_box;
use std::time::{Duration, Instant};

use convoke_media::control::Source;
use convoke_media::limits::Limits;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use sim::netem::Datagram;
use sim::participant::Equipment;
use sim::{World, server_address};

/// Virtual time between batches: much less than in a call, so that a measurement
/// of minutes stays within everybody's consent.
const TICK: Duration = Duration::from_micros(50);

/// Packets that are handled between two flushes, as in a busy millisecond.
const BATCH: usize = 32;

struct Call {
    world: World,
    elapsed: Duration,
    sealed: Vec<Datagram>,
}

impl Call {
    fn new(receivers: usize) -> Self {
        let limits = Limits {
            participants_per_router: receivers + 1,
            ..Limits::default()
        };
        let mut world = World::with_limits(1, limits);
        world.join(Equipment::FULL.slots(0, 0));
        world.join_many(receivers, Equipment::VIEWER.slots(0, 1));
        let camera = world.participants[0].publication(Source::Camera);
        camera.encodings[1].active = false;
        camera.encodings[2].active = false;
        camera.encodings[0].part_len = 1160;
        camera.encodings[0].parts = BATCH as u8 / 2;
        world.connect();
        for index in 1..=receivers {
            let camera = world.camera_of(0);
            world.pin(index, 0, camera, (1280, 720));
        }
        world.run(Duration::from_secs(1));
        let elapsed = world.elapsed();
        Self {
            world,
            elapsed,
            sealed: Vec::new(),
        }
    }

    /// Sealed packets of the publisher, not timed.
    fn produce(&mut self) -> Vec<Datagram> {
        let publisher = &mut self.world.participants[0];
        while self.sealed.len() < BATCH {
            self.elapsed += Duration::from_millis(34);
            let mut packets = Vec::new();
            let camera = publisher.publication(Source::Camera);
            camera.produce(self.world.origin + self.elapsed, self.elapsed, &mut packets);
            for packet in packets {
                publisher.send_rtp(packet);
            }
            self.sealed.append(&mut publisher.outgoing);
        }
        self.sealed.drain(..BATCH).collect()
    }

    /// What is timed.
    fn forward(&mut self, batch: &mut [Datagram]) -> usize {
        self.world.now += TICK;
        let (now, sfu) = (self.world.now, &mut self.world.sfu);
        for datagram in batch {
            sfu.handle_packet(now, server_address(), datagram.from, &mut datagram.bytes);
        }
        if sfu.next_timeout().is_some_and(|at| at <= now) {
            sfu.handle_timeout(now);
        }
        let runs = sfu.outbox().runs();
        let sent = runs.map(|run| black_box(run).datagrams().count()).sum();
        sfu.outbox().clear();
        sent
    }
}

fn one_to(criterion: &mut Criterion, receivers: usize) {
    let mut call = Call::new(receivers);
    let mut probe = call.produce();
    let forwarded = call.forward(&mut probe);
    assert!(forwarded >= receivers * BATCH, "only {forwarded} forwarded");
    let mut group = criterion.benchmark_group("forward");
    group.throughput(Throughput::Elements((receivers * BATCH) as u64));
    group.bench_function(format!("1 to {receivers}"), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                let mut batch = call.produce();
                let begun = clock();
                black_box(call.forward(&mut batch));
                spent += begun.elapsed();
            }
            spent
        });
    });
    group.finish();
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn clock() -> Instant {
    Instant::now()
}

fn forward(criterion: &mut Criterion) {
    one_to(criterion, 1);
    one_to(criterion, 50);
}

criterion_group!(benches, forward);
criterion_main!(benches);
