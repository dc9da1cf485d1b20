//! Keeps a worker's thread on one processor, and its sleeps short.

use std::mem::{size_of_val, zeroed};

/// Lets the thread's timers fire when they are due; by default the kernel may delay
/// them by 50 µs to save wake-ups, which is a tenth of the pace of turns.
pub(super) fn wake_on_time() {
    // SAFETY: this option takes one integer and concerns the calling thread alone.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_000_u64, 0, 0, 0) };
}

/// Pins worker number `worker` of `workers`, counted from the last processor that
/// the process may use: the first tend to take the interrupts. On a small machine,
/// where the rest of the server would share that processor, the scheduler does
/// better alone. A refusal costs only speed.
pub(super) fn pin(worker: usize, workers: usize) {
    // SAFETY: cpu_set_t is a plain bit set for which all zeroes is empty, the CPU_*
    // functions stay within it, and both calls get its true size.
    unsafe {
        let mut allowed: libc::cpu_set_t = zeroed();
        if libc::sched_getaffinity(0, size_of_val(&allowed), &raw mut allowed) != 0 {
            return;
        }
        let cores = (0..libc::CPU_SETSIZE as usize).filter(|&core| libc::CPU_ISSET(core, &allowed));
        let cores: Vec<usize> = cores.collect();
        if cores.len() < workers + 2 {
            return;
        }
        let mut chosen: libc::cpu_set_t = zeroed();
        libc::CPU_SET(cores[cores.len() - 1 - worker], &mut chosen);
        let _ = libc::sched_setaffinity(0, size_of_val(&chosen), &raw const chosen);
    }
}
