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

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use sim::broadcast::{BATCH, Broadcast};

fn one_to(criterion: &mut Criterion, receivers: usize) {
    let mut call = Broadcast::new(receivers);
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
