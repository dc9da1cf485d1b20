//! Forwarding allocates nothing once it runs: counted by the allocator itself, in a
//! binary of its own, since an allocator is one per process.

#[path = "simulation/sim/mod.rs"]
mod sim;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use sim::broadcast::Broadcast;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; it came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Feedback, reports and events every so often may allocate; packets may not.
#[test]
fn forwarding_allocates_nothing_per_packet() {
    let mut broadcast = Broadcast::new(50);
    // Rings and runs grow to their size.
    for _ in 0..200 {
        let mut batch = broadcast.produce();
        broadcast.forward(&mut batch);
    }
    let (mut forwarded, mut allocations) = (0, 0);
    for _ in 0..500 {
        let mut batch = broadcast.produce();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        forwarded += broadcast.forward(&mut batch) as u64;
        allocations += ALLOCATIONS.load(Ordering::Relaxed) - before;
    }
    assert!(forwarded > 500 * 50 * 30, "{forwarded}");
    assert!(
        allocations * 1000 < forwarded,
        "{allocations} allocations for {forwarded} packets"
    );
}
