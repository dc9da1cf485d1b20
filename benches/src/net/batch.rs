//! recvmmsg with UDP_GRO in, sendmmsg with UDP_SEGMENT out, on connected sockets.
//! Raw pointers into buffers that the same struct owns, rebuilt before each call.

use std::mem::{size_of, zeroed};
use std::os::fd::RawFd;
use std::ptr::null_mut;

use libc::{c_int, iovec, mmsghdr, msghdr, timespec};

use crate::clock::{Nanos, wall_nanos};

/// Messages of one recvmmsg that may each be a run of 64 datagrams.
const RUNS: usize = 16;
/// A run has at most an IPv4 datagram's 64 kB.
const RUN_SPACE: usize = 1 << 16;
/// Messages of one recvmmsg where each is one datagram: a run's worth.
const SINGLES: usize = 64;
/// What a server sends fits the network's 1,500 bytes.
const SINGLE_SPACE: usize = 2048;
const CONTROL_SPACE: usize = 96;

/// Messages of one sendmmsg.
const SEND_BATCH: usize = 128;
/// Oldest kernels' UDP_MAX_SEGMENTS.
const MAX_SEGMENTS: usize = 64;
const MAX_RUN_BYTES: usize = 65_000;

/// cmsghdr wants the alignment of a size_t.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control {
    #[expect(dead_code, reason = "only the kernel and the CMSG macros look inside")]
    bytes: [u8; CONTROL_SPACE],
}

impl Control {
    const EMPTY: Self = Self {
        bytes: [0; CONTROL_SPACE],
    };
}

/// What one recvmmsg brought.
pub(crate) struct RecvBatch {
    /// Of one message.
    space: usize,
    slab: Vec<u8>,
    controls: Vec<Control>,
    vectors: Vec<iovec>,
    headers: Vec<mmsghdr>,
}

/// One message: datagrams of `segment` bytes, the last may be shorter.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) segment: usize,
    /// When the kernel had it, and when it was read.
    pub(crate) arrived: Nanos,
    pub(crate) read: Nanos,
    pub(crate) bytes: &'a mut [u8],
}

// SAFETY: the pointers of a batch are set and used within one call on one thread.
unsafe impl Send for RecvBatch {}
// SAFETY: as above.
unsafe impl Send for SendBatch {}

impl std::fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecvBatch").finish_non_exhaustive()
    }
}

const EMPTY: iovec = iovec {
    iov_base: null_mut(),
    iov_len: 0,
};

impl RecvBatch {
    /// For sockets that take whole runs, or each datagram alone.
    pub(crate) fn new(segments: bool) -> Self {
        let (messages, space) = if segments {
            (RUNS, RUN_SPACE)
        } else {
            (SINGLES, SINGLE_SPACE)
        };
        // SAFETY: an mmsghdr is plain integers and null pointers at zero.
        let header = unsafe { zeroed::<mmsghdr>() };
        Self {
            space,
            slab: vec![0; messages * space],
            controls: vec![Control::EMPTY; messages],
            vectors: vec![EMPTY; messages],
            headers: vec![header; messages],
        }
    }

    /// Receives what waits, at most a batch; whether there may be more.
    pub(crate) fn receive(&mut self, fd: RawFd, mut each: impl FnMut(Received<'_>)) -> bool {
        self.aim();
        // SAFETY: `aim` has just pointed every header at buffers of `self`, with
        // their true sizes; the call does not block.
        let received = unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                self.headers.len() as u32,
                libc::MSG_DONTWAIT as _,
                null_mut(),
            )
        };
        // An error is EAGAIN, or an ICMP report that concerns no datagram.
        let count = usize::try_from(received).unwrap_or(0);
        let clocks = (Nanos::now(), wall_nanos());
        for (index, chunk) in self.slab.chunks_mut(self.space).take(count).enumerate() {
            let header = &self.headers[index];
            let len = (header.msg_len as usize).min(self.space);
            if len == 0 || header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
                continue;
            }
            let (segment, stamp) = facts(&header.msg_hdr);
            each(Received {
                segment: segment.unwrap_or(len).max(1),
                arrived: arrival(clocks, stamp),
                read: clocks.0,
                bytes: &mut chunk[..len],
            });
        }
        count == self.headers.len()
    }

    fn aim(&mut self) {
        for index in 0..self.headers.len() {
            self.vectors[index] = iovec {
                iov_base: self.slab[index * self.space..].as_mut_ptr().cast(),
                iov_len: self.space,
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[index]).cast();
            header.msg_controllen = CONTROL_SPACE as _;
            header.msg_flags = 0;
        }
    }
}

/// The kernel stamps by the wall clock; its wait until now is the same by any.
fn arrival((now, wall): (Nanos, u64), stamp: Option<u64>) -> Nanos {
    let waited = stamp.map_or(0, |stamp| wall.saturating_sub(stamp));
    Nanos(now.0.saturating_sub(waited))
}

/// Segment size of a run, and when it came.
fn facts(header: &msghdr) -> (Option<usize>, Option<u64>) {
    let (mut segment, mut stamp) = (None, None);
    // SAFETY: the kernel filled the control buffer and its length; the CMSG macros
    // walk within that length, and a message's data is the type of its kind, read
    // unaligned.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(cmsg) = message.as_ref() {
            let data = libc::CMSG_DATA(message);
            match (cmsg.cmsg_level, cmsg.cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    segment = usize::try_from(data.cast::<c_int>().read_unaligned()).ok();
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let time = data.cast::<timespec>().read_unaligned();
                    stamp = Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64);
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    (segment, stamp)
}

/// Datagrams that leave together.
pub(crate) struct SendBatch {
    bytes: Vec<u8>,
    /// Where each datagram ends.
    ends: Vec<usize>,
    /// Datagrams of each message.
    counts: [usize; SEND_BATCH],
    controls: Vec<Control>,
    vectors: Vec<iovec>,
    headers: Vec<mmsghdr>,
    /// Datagrams that the socket did not take.
    pub(crate) refused: u64,
}

impl std::fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendBatch").finish_non_exhaustive()
    }
}

impl Default for SendBatch {
    fn default() -> Self {
        // SAFETY: an mmsghdr is plain integers and null pointers at zero.
        let header = unsafe { zeroed::<mmsghdr>() };
        Self {
            bytes: Vec::with_capacity(1 << 16),
            ends: Vec::new(),
            counts: [0; SEND_BATCH],
            controls: vec![Control::EMPTY; SEND_BATCH],
            vectors: vec![EMPTY; SEND_BATCH],
            headers: vec![header; SEND_BATCH],
            refused: 0,
        }
    }
}

impl SendBatch {
    /// Adds a datagram that `write` puts into the buffer of `space` bytes; it answers
    /// how many are used, or nothing to leave it out.
    pub(crate) fn push(
        &mut self,
        space: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let start = self.bytes.len();
        self.bytes.resize(start + space, 0);
        let used = write(&mut self.bytes[start..]);
        self.bytes.truncate(start + used.unwrap_or(0).min(space));
        if self.bytes.len() > start {
            self.ends.push(self.bytes.len());
        }
        used.is_some()
    }

    /// Sends all of it on a connected socket. With `segment`, neighbours of one size
    /// are one message, which only a client beside its server can do: from the
    /// network, packets come one by one.
    pub(crate) fn flush(&mut self, fd: RawFd, segment: bool) {
        let mut from = 0;
        while from < self.ends.len() {
            let (messages, datagrams) = self.prepare(from, segment);
            // SAFETY: `prepare` has pointed the first `messages` headers at buffers of
            // `self`, which stay in place until the call returns.
            let sent = unsafe {
                libc::sendmmsg(
                    fd,
                    self.headers.as_mut_ptr(),
                    messages as u32,
                    libc::MSG_DONTWAIT as _,
                )
            };
            if usize::try_from(sent).is_ok_and(|sent| sent == messages) {
                from += datagrams;
                continue;
            }
            let sent = usize::try_from(sent).unwrap_or(0);
            let taken: usize = self.counts[..sent].iter().sum();
            let lost = self.counts[sent];
            self.refused += lost as u64;
            from += taken + lost;
        }
        self.bytes.clear();
        self.ends.clear();
    }

    /// Fills headers from datagram `from` on: messages, and datagrams in them.
    fn prepare(&mut self, from: usize, segment: bool) -> (usize, usize) {
        let (mut messages, mut at) = (0, from);
        while messages < SEND_BATCH && at < self.ends.len() {
            let (count, size) = self.run(at, if segment { MAX_SEGMENTS } else { 1 });
            let start = self.start(at);
            let end = self.ends[at + count - 1];
            self.vectors[messages] = iovec {
                iov_base: self.bytes[start..].as_mut_ptr().cast(),
                iov_len: end - start,
            };
            self.counts[messages] = count;
            let header = &mut self.headers[messages].msg_hdr;
            header.msg_iov = &raw mut self.vectors[messages];
            header.msg_iovlen = 1;
            header.msg_control = null_mut();
            header.msg_controllen = 0;
            if count > 1 {
                write_segment(header, &mut self.controls[messages], size as u16);
            }
            at += count;
            messages += 1;
        }
        (messages, at - from)
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// How many datagrams from `at` on are one run, and their size.
    fn run(&self, at: usize, max: usize) -> (usize, usize) {
        let size = self.ends[at] - self.start(at);
        let mut count = 1;
        while count < max && at + count < self.ends.len() && (count + 1) * size <= MAX_RUN_BYTES {
            let next = self.ends[at + count] - self.ends[at + count - 1];
            if next > size {
                break;
            }
            count += 1;
            if next < size {
                break;
            }
        }
        (count, size)
    }
}

fn write_segment(header: &mut msghdr, control: &mut Control, size: u16) {
    header.msg_control = (&raw mut *control).cast();
    header.msg_controllen = CONTROL_SPACE as _;
    // SAFETY: the control buffer is aligned for cmsghdr and has room for one message
    // of two bytes.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = libc::SOL_UDP;
        (*message).cmsg_type = libc::UDP_SEGMENT;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as u32) as _;
        libc::CMSG_DATA(message).cast::<u16>().write_unaligned(size);
        header.msg_controllen = libc::CMSG_SPACE(size_of::<u16>() as u32) as _;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::os::fd::AsRawFd as _;

    use super::super::ClientSocket;
    use super::*;

    fn pair(segments: bool) -> (ClientSocket, ClientSocket) {
        let bind = || ClientSocket::bind(Ipv4Addr::LOCALHOST.into(), segments).unwrap();
        let (mut from, mut to) = (bind(), bind());
        from.connect(to.local()).unwrap();
        to.connect(from.local()).unwrap();
        (from, to)
    }

    fn received(to: &ClientSocket) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let mut batch = RecvBatch::new(true);
        batch.receive(to.as_raw_fd(), |run| {
            all.extend(run.bytes.chunks(run.segment).map(<[u8]>::to_vec));
        });
        all
    }

    #[test]
    fn a_run_comes_datagram_by_datagram_to_who_wants_it_so() {
        let (from, to) = pair(false);
        let mut batch = SendBatch::default();
        for n in 0..40 {
            batch.push(1_200, |room| {
                room.fill(n);
                Some(1_200)
            });
        }
        batch.flush(from.as_raw_fd(), true);
        let mut came = Vec::new();
        let more = RecvBatch::new(false).receive(to.as_raw_fd(), |run| {
            assert_eq!((run.segment, run.bytes.len()), (1_200, 1_200));
            came.push(run.bytes[0]);
        });
        assert_eq!(came, (0..40).collect::<Vec<u8>>());
        assert!(!more);
    }

    #[test]
    fn what_is_sent_arrives_in_order_with_and_without_segments() {
        for segment in [false, true] {
            let (from, to) = pair(true);
            let mut batch = SendBatch::default();
            let want: Vec<Vec<u8>> = [300, 300, 300, 100, 300, 301, 301, 5]
                .iter()
                .enumerate()
                .map(|(n, len)| vec![n as u8; *len])
                .collect();
            for bytes in &want {
                batch.push(400, |room| {
                    room[..bytes.len()].copy_from_slice(bytes);
                    Some(bytes.len())
                });
            }
            batch.flush(from.as_raw_fd(), segment);
            assert_eq!(received(&to), want, "segment {segment}");
            assert_eq!(batch.refused, 0);
        }
    }

    #[test]
    fn what_does_not_fit_the_receiver_is_counted_there() {
        let (from, to) = pair(true);
        let mut batch = SendBatch::default();
        for _ in 0..8_000 {
            batch.push(1_200, |_| Some(1_200));
        }
        batch.flush(from.as_raw_fd(), false);
        assert!(to.drops() > 0);
    }

    #[test]
    fn arrival_is_before_now() {
        let (from, to) = pair(true);
        let mut batch = SendBatch::default();
        batch.push(10, |_| Some(10));
        let before = Nanos::now();
        batch.flush(from.as_raw_fd(), false);
        let mut arrived = Nanos(0);
        RecvBatch::new(true).receive(to.as_raw_fd(), |run| arrived = run.arrived);
        let slack = 1_000_000;
        assert!(arrived.0 + slack > before.0 && arrived <= Nanos::now());
    }
}
