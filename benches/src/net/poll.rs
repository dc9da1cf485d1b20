//! epoll with a nanosecond timeout: frames are due to the fraction of a millisecond,
//! and rounding up would bunch the publishers together.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

const BATCH: usize = 256;

/// Token of the waker.
pub(crate) const WAKE: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Poll {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    events: Vec<libc::epoll_event>,
}

/// Interrupts a [`Poll`] from another thread.
#[derive(Debug, Clone)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(crate) fn wake(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight bytes from a live array; a full counter is awake already.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the calls take no pointers, and a non-negative result is a new
        // descriptor that nobody else owns.
        let (epoll, wake) = unsafe {
            (
                owned(libc::epoll_create1(libc::EPOLL_CLOEXEC))?,
                owned(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?,
            )
        };
        let poll = Self {
            epoll,
            wake: Arc::new(wake),
            events: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH],
        };
        poll.add(poll.wake.as_raw_fd(), WAKE)?;
        Ok(poll)
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Watches a descriptor until it is closed.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN as u32,
            u64: token,
        };
        // SAFETY: both descriptors are open, and the call copies the event.
        let result = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd,
                &raw mut event,
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Tokens that are readable, after at most `timeout`. A wake is consumed.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<u64>) {
        let timeout = libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // SAFETY: the event array outlives the call and its true length is passed; a
        // null signal mask leaves the thread's as it is.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                BATCH as libc::c_int,
                &raw const timeout,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        ready.clear();
        let count = usize::try_from(count).unwrap_or(0);
        ready.extend(self.events[..count].iter().map(|event| event.u64));
        if ready.contains(&WAKE) {
            self.drain();
        }
    }

    fn drain(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: eight bytes into a live array of a descriptor that does not block.
        unsafe { libc::read(self.wake.as_raw_fd(), count.as_mut_ptr().cast(), 8) };
    }
}

/// # Safety
/// `fd` is a descriptor that nobody else owns, or negative.
unsafe fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: promised by the caller.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
