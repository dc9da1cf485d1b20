//! Processor time of this thread: what other programs do meanwhile does not count,
//! so that figures of a busy machine can be compared as well.

use std::time::Duration;

pub(crate) fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a timespec, which is all that the call writes to.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "a clock that Linux always has");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What `work` takes.
#[allow(dead_code, reason = "a benchmark uses this or the clock itself")]
pub(crate) fn cpu_time_of<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = cpu_time();
    std::hint::black_box(work());
    cpu_time() - begun
}
