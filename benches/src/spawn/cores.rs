//! Which cores are the server's and which the generator's.

use std::io;
use std::mem::size_of;

/// Numbers of processors, as the kernel counts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

impl Cores {
    /// Those that this process may run on.
    pub fn allowed() -> io::Result<Self> {
        // SAFETY: a cpu_set_t is a bit field, of which zero is a valid value, and the
        // call writes no more than the size it is given.
        let (result, set) = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            let size = size_of::<libc::cpu_set_t>();
            (libc::sched_getaffinity(0, size, &raw mut set), set)
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let most = libc::CPU_SETSIZE as usize;
        // SAFETY: each index is within the set's size.
        let among = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
        Ok(Self((0..most).filter(among).collect()))
    }

    /// The last `server` cores for the server, the others for the generator; none
    /// when that leaves nothing for one of them.
    pub fn divide(&self, server: usize) -> Option<(Self, Self)> {
        let generator = self.0.len().checked_sub(server)?;
        if generator == 0 || server == 0 {
            return None;
        }
        let (ours, servers) = self.0.split_at(generator);
        Some((Self(servers.to_vec()), Self(ours.to_vec())))
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The calling thread, and every thread and process that it starts from now on.
    /// Allocates nothing: it runs between fork and exec.
    pub fn pin(&self) -> io::Result<()> {
        // SAFETY: as above; CPU_SET checks its index.
        let result = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            for core in &self.0 {
                libc::CPU_SET(*core, &mut set);
            }
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
        };
        match result {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_has_the_last_cores() {
        let cores = Cores(vec![0, 1, 4, 5]);
        let (server, generator) = cores.divide(1).unwrap();
        assert_eq!((server.0, generator.0), (vec![5], vec![0, 1, 4]));
        assert_eq!(cores.divide(4), None);
        assert_eq!(cores.divide(5), None);
        assert_eq!(cores.divide(0), None);
    }

    #[test]
    fn a_pinned_thread_may_run_there_alone() {
        let pinned = std::thread::spawn(|| {
            let first = Cores(vec![Cores::allowed().unwrap().0[0]]);
            first.pin().unwrap();
            (first, Cores::allowed().unwrap())
        });
        let (asked, allowed) = pinned.join().unwrap();
        assert_eq!(asked, allowed);
        assert_eq!(allowed.count(), 1);
    }
}
