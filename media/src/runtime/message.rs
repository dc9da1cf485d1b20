//! Preallocated arrays for recvmmsg and sendmmsg. With `udp.rs`, the place of the
//! crate's `unsafe`: raw pointers into buffers that the same struct owns, rebuilt
//! before each call, so that moving the struct in between is harmless.

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::time::Duration;

use libc::{
    c_int, c_void, cmsghdr, in_pktinfo, in6_pktinfo, iovec, mmsghdr, msghdr, sockaddr_storage,
    socklen_t, timespec,
};

use crate::limits::MAX_DATAGRAM;
use crate::outbox::Transmit;
use crate::transport::Path;

/// Datagrams in one recvmmsg: at 64 the call's own cost is spread thin, and the
/// slab (128 kB) still fits the second-level cache.
pub const RECEIVE_BATCH: usize = 64;

/// Runs in one sendmmsg.
pub const SEND_BATCH: usize = 64;

/// Bytes of control messages: packet info of either family, a time and UDP_SEGMENT.
const CONTROL_SPACE: usize = 128;

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
pub struct RecvBatch {
    slab: Vec<u8>,
    names: Vec<sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<iovec>,
    headers: Vec<mmsghdr>,
    paths: Vec<Option<Path>>,
    /// How long each datagram had waited when it was read.
    waits: Vec<Duration>,
}

impl std::fmt::Debug for RecvBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecvBatch").finish_non_exhaustive()
    }
}

impl Default for RecvBatch {
    fn default() -> Self {
        // SAFETY: these C structs are plain integers and null pointers at zero.
        let (name, header) = unsafe { (zeroed::<sockaddr_storage>(), zeroed::<mmsghdr>()) };
        Self {
            slab: vec![0; RECEIVE_BATCH * MAX_DATAGRAM],
            names: vec![name; RECEIVE_BATCH],
            controls: vec![Control::EMPTY; RECEIVE_BATCH],
            vectors: vec![
                iovec {
                    iov_base: null_mut(),
                    iov_len: 0
                };
                RECEIVE_BATCH
            ],
            headers: vec![header; RECEIVE_BATCH],
            paths: Vec::with_capacity(RECEIVE_BATCH),
            waits: Vec::with_capacity(RECEIVE_BATCH),
        }
    }
}

impl RecvBatch {
    pub(super) fn receive(&mut self, fd: RawFd, port: u16) -> usize {
        self.aim();
        // SAFETY: `aim` has just pointed every header at buffers of `self`, with
        // their true sizes; the socket does not block.
        let received = unsafe {
            libc::recvmmsg(
                fd,
                self.headers.as_mut_ptr(),
                RECEIVE_BATCH as u32,
                libc::MSG_DONTWAIT as _,
                null_mut(),
            )
        };
        // An error is EAGAIN, or a stray ICMP report that concerns no datagram.
        let count = usize::try_from(received).unwrap_or(0);
        self.paths.clear();
        self.waits.clear();
        let clock = wall_clock();
        for index in 0..count {
            let facts = Facts::read(&self.headers[index].msg_hdr);
            self.paths.push(self.path(index, &facts, port));
            let wait = facts.received.and_then(|at| clock.checked_sub(at));
            self.waits.push(wait.unwrap_or_default());
        }
        count
    }

    /// The datagrams of the last receive. A truncated one (longer than any that is
    /// handled) and one without addresses are left out. Each comes with the time
    /// that it had waited when it was read.
    pub fn datagrams(&mut self) -> impl Iterator<Item = (Path, Duration, &mut [u8])> {
        let chunks = self.slab.chunks_exact_mut(MAX_DATAGRAM);
        let parts = self.paths.iter().zip(&self.waits).zip(&self.headers);
        chunks
            .zip(parts)
            .filter_map(|(chunk, ((path, wait), header))| {
                let whole = header.msg_hdr.msg_flags & libc::MSG_TRUNC == 0;
                let len = (header.msg_len as usize).min(MAX_DATAGRAM);
                path.filter(|_| whole)
                    .map(|path| (path, *wait, &mut chunk[..len]))
            })
    }

    fn aim(&mut self) {
        for index in 0..RECEIVE_BATCH {
            self.vectors[index] = iovec {
                iov_base: self.slab[index * MAX_DATAGRAM..].as_mut_ptr().cast(),
                iov_len: MAX_DATAGRAM,
            };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[index]).cast();
            header.msg_controllen = CONTROL_SPACE as _;
            header.msg_flags = 0;
        }
    }

    fn path(&self, index: usize, facts: &Facts, port: u16) -> Option<Path> {
        let remote = socket_address(&self.names[index])?;
        Some(Path {
            local: SocketAddr::new(facts.destination?, port),
            remote,
        })
    }
}

/// What the kernel tells of a datagram besides its bytes.
#[derive(Debug, Default)]
struct Facts {
    /// The address that it was sent to.
    destination: Option<IpAddr>,
    /// When the machine received it, by the wall clock.
    received: Option<Duration>,
}

impl Facts {
    fn read(header: &msghdr) -> Self {
        let mut facts = Self::default();
        // SAFETY: the kernel filled the control buffer and its length; the CMSG
        // macros walk within that length, and the data of a message is the struct of
        // its type, read unaligned.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while let Some(cmsg) = message.as_ref() {
                let data = libc::CMSG_DATA(message);
                match (cmsg.cmsg_level, cmsg.cmsg_type) {
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info = data.cast::<in_pktinfo>().read_unaligned();
                        let address = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                        facts.destination = Some(address.into());
                    }
                    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                        let info = data.cast::<in6_pktinfo>().read_unaligned();
                        let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                        facts.destination = Some(address.into());
                    }
                    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                        facts.received = Some(duration(data.cast::<timespec>().read_unaligned()));
                    }
                    _ => {}
                }
                message = libc::CMSG_NXTHDR(header, message);
            }
        }
        facts
    }
}

/// The clock that the kernel stamps datagrams by.
fn wall_clock() -> Duration {
    // SAFETY: a timespec is plain integers, zero is one, and the call fills it.
    unsafe {
        let mut now = zeroed::<timespec>();
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        duration(now)
    }
}

fn duration(time: timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Messages for one sendmmsg. The bytes stay where the outbox has them.
pub struct SendBatch {
    names: Vec<sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<iovec>,
    headers: Vec<mmsghdr>,
    sizes: Vec<usize>,
}

impl std::fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SendBatch")
            .field("messages", &self.len())
            .finish_non_exhaustive()
    }
}

// SAFETY: the pointers of a batch are set and used within one `UdpSocket::send`
// on one thread; between calls they are never read.
unsafe impl Send for SendBatch {}
// SAFETY: as above; and every use of the pointers needs `&mut self`.
unsafe impl Send for RecvBatch {}

impl Default for SendBatch {
    fn default() -> Self {
        // SAFETY: these C structs are plain integers and null pointers at zero.
        let (name, header) = unsafe { (zeroed::<sockaddr_storage>(), zeroed::<mmsghdr>()) };
        Self {
            names: vec![name; SEND_BATCH],
            controls: vec![Control::EMPTY; SEND_BATCH],
            vectors: vec![
                iovec {
                    iov_base: null_mut(),
                    iov_len: 0
                };
                SEND_BATCH
            ],
            headers: vec![header; SEND_BATCH],
            sizes: Vec::with_capacity(SEND_BATCH),
        }
    }
}

impl SendBatch {
    pub(super) fn clear(&mut self) {
        self.sizes.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == SEND_BATCH
    }

    /// Adds a message. The caller sends or clears before `run.bytes` goes away.
    pub(super) fn push(&mut self, run: Transmit<'_>) {
        let index = self.len();
        self.vectors[index] = iovec {
            // sendmmsg only reads through it.
            iov_base: run.bytes.as_ptr().cast_mut().cast::<c_void>(),
            iov_len: run.bytes.len(),
        };
        let namelen = write_address(&mut self.names[index], run.path.remote);
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = (&raw mut self.names[index]).cast();
        header.msg_namelen = namelen;
        header.msg_iov = &raw mut self.vectors[index];
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut self.controls[index]).cast();
        header.msg_controllen = CONTROL_SPACE as _;
        header.msg_flags = 0;
        let segment = (run.bytes.len() > run.segment_size).then_some(run.segment_size as u16);
        write_control(header, run.path.local.ip(), segment);
        self.sizes.push(run.segment_size);
    }

    /// Sends from message `from` on; how many messages the kernel took.
    pub(super) fn send(&mut self, fd: RawFd, from: usize) -> io::Result<usize> {
        let count = self.len() - from;
        // SAFETY: `push` filled the headers `from..len` with pointers to buffers of
        // `self` and to bytes that the caller keeps borrowed during `send`.
        let sent = unsafe {
            libc::sendmmsg(
                fd,
                self.headers[from..].as_mut_ptr(),
                count as u32,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Datagrams in `count` messages from `from` on.
    pub(super) fn datagrams(&self, from: usize, count: usize) -> u64 {
        (from..from + count)
            .map(|i| self.vectors[i].iov_len.div_ceil(self.sizes[i]) as u64)
            .sum()
    }

    /// Sends the datagrams of one message without UDP_SEGMENT: sent, failed.
    pub(super) fn send_singly(&mut self, fd: RawFd, index: usize) -> (u64, u64) {
        let (whole, size) = (self.vectors[index], self.sizes[index]);
        let (mut sent, mut failed) = (0, 0);
        let mut header = self.headers[index].msg_hdr;
        strip_segment(&mut header);
        for at in (0..whole.iov_len).step_by(size) {
            let mut vector = iovec {
                // SAFETY: `at` lies within the borrowed bytes of this message.
                iov_base: unsafe { whole.iov_base.cast::<u8>().add(at) }.cast(),
                iov_len: size.min(whole.iov_len - at),
            };
            header.msg_iov = &raw mut vector;
            // SAFETY: the header points at live buffers of `self` and at `vector`.
            match unsafe { libc::sendmsg(fd, &raw const header, libc::MSG_DONTWAIT) } {
                0.. => sent += 1,
                _ => failed += 1,
            }
        }
        (sent, failed)
    }
}

/// Packet info first, so that it alone remains when the length is cut.
fn write_control(header: &mut msghdr, local: IpAddr, segment: Option<u16>) {
    let mut used = 0;
    // SAFETY: `header` has CONTROL_SPACE bytes of control buffer aligned for
    // cmsghdr; the two messages below need 64 at most, so each CMSG pointer is
    // within it and writable.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        match local {
            IpAddr::V4(ip) => {
                let info = in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from(ip).to_be(),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                used += put(message, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
            }
            IpAddr::V6(ip) => {
                let info = in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: ip.octets(),
                    },
                    ipi6_ifindex: 0,
                };
                used += put(message, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
            }
        }
        if let Some(size) = segment {
            message = message.cast::<u8>().add(used).cast();
            used += put(message, libc::SOL_UDP, libc::UDP_SEGMENT, size);
        }
    }
    header.msg_controllen = used as _;
}

/// Writes one control message; answers the space it takes.
///
/// # Safety
/// `message` must be aligned and have `CMSG_SPACE(size_of::<T>())` writable bytes.
unsafe fn put<T>(message: *mut cmsghdr, level: c_int, kind: c_int, value: T) -> usize {
    // SAFETY: promised by the caller.
    unsafe {
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<T>() as u32) as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        libc::CMSG_SPACE(size_of::<T>() as u32) as usize
    }
}

/// Cuts the control buffer after the packet info.
fn strip_segment(header: &mut msghdr) {
    // SAFETY: `write_control` put a packet info message at the start.
    let first = unsafe { (*libc::CMSG_FIRSTHDR(header)).cmsg_len } as usize;
    let align = size_of::<usize>();
    header.msg_controllen = first.next_multiple_of(align) as _;
}

fn socket_address(name: &sockaddr_storage) -> Option<SocketAddr> {
    match c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this storage holds a sockaddr_in.
            let v4 = unsafe { (&raw const *name).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that this storage holds a sockaddr_in6.
            let v6 = unsafe { (&raw const *name).cast::<libc::sockaddr_in6>().read() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            // The scope tells interfaces apart for link-local addresses.
            Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn write_address(name: &mut sockaddr_storage, address: SocketAddr) -> socklen_t {
    let mut storage = MaybeUninit::<sockaddr_storage>::zeroed();
    let size = match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as _,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from(*v4.ip()).to_be(),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: sockaddr_storage is large and aligned enough for every family.
            unsafe { storage.as_mut_ptr().cast::<libc::sockaddr_in>().write(raw) };
            size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as _,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { storage.as_mut_ptr().cast::<libc::sockaddr_in6>().write(raw) };
            size_of::<libc::sockaddr_in6>()
        }
    };
    // SAFETY: zeroed above, then partly overwritten with initialised bytes.
    *name = unsafe { storage.assume_init() };
    size as socklen_t
}
