//! Binds a thread to a core, so that the generator's load is one core's and does not
//! wander onto the server's.

use std::io;
use std::mem::size_of;

/// Pins the calling thread.
pub(crate) fn pin_current_thread(core: usize) -> io::Result<()> {
    // SAFETY: a cpu_set_t is a bit field, zero is an empty one; CPU_SET checks its
    // index, and the call reads the set for its true size.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
