//! What forwarding one packet to one receiver costs in the whole Sfu, without
//! sockets: decrypt once, account, select, rewrite, seal fifty times, collect in
//! runs. One publisher with a 1200-byte VP8 stream, fifty receivers.
//!
//! `cargo bench -p convoke-media --bench forward`; criterion prints the forwarded
//! packets per second as throughput.

mod clock;
#[path = "../tests/simulation/sim/mod.rs"]
mod sim;

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use clock::cpu_time;
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
                let begun = cpu_time();
                black_box(call.forward(&mut batch));
                spent += cpu_time() - begun;
            }
            spent
        });
    });
    group.finish();
}

/// What a stranger's datagram costs, of each kind that gets furthest.
fn garbage(criterion: &mut Criterion) {
    let mut broadcast = Broadcast::new(50);
    let stranger = SocketAddr::from(([198, 51, 100, 1], 9));
    let mut stun = vec![0, 1, 0, 24, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    stun.extend([0, 6, 0, 17]);
    stun.extend(b"AAAAAAAAAA:BBBBBB\0\0\0");
    let kinds = [
        ("stun", stun),
        ("dtls", vec![22; 200]),
        ("rtp", vec![0x90; 1200]),
        ("other", vec![0xff; 1200]),
    ];
    let mut group = criterion.benchmark_group("garbage");
    for (name, bytes) in kinds {
        group.bench_function(name, |bencher| {
            bencher.iter(|| broadcast.receive(stranger, black_box(&bytes)));
        });
    }
    group.finish();
}

fn forward(criterion: &mut Criterion) {
    one_to(criterion, 1);
    one_to(criterion, 50);
}

criterion_group!(benches, forward, garbage);
criterion_main!(benches);
