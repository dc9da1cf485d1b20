//! Forwards a fixed number of packets in the whole Sfu, for a count of instructions:
//! `scripts/instructions.sh` runs it under callgrind, which counts what happens in
//! `Broadcast::forward` and repeats to the instruction, whatever else the machine does.
#![allow(clippy::print_stdout, reason = "its output is its result")]

#[path = "../tests/simulation/sim/mod.rs"]
mod sim;

use sim::broadcast::Broadcast;

const RECEIVERS: usize = 50;
const BATCHES: usize = 20;

fn main() {
    let mut call = Broadcast::new(RECEIVERS);
    let mut forwarded = 0;
    for _ in 0..BATCHES {
        let mut batch = call.produce();
        forwarded += call.forward(&mut batch);
    }
    println!("{forwarded}");
}
