//! UDP sockets with the batching system calls: recvmmsg in, sendmmsg with
//! UDP_SEGMENT out. The crate's `unsafe` is here, in
//! `message.rs`, and in `cpu.rs`.
//!
//! A socket is bound to the wildcard address, so the address a datagram came to is
//! read from IP_PKTINFO and replies leave from it: on a host with several addresses
//! a reply from another one would fail the remote's ICE check (RFC 8445 §7.2.5.2.1).

use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use libc::{c_int, c_void};
use socket2::{Domain, Protocol, Socket, Type};

use super::message::{RecvBatch, SendBatch};
use crate::error::MediaError;
use crate::outbox::Transmit;
use crate::transport::Path;

/// Asked of the kernel, which grants at most net.core.{r,w}mem_max. A room of 50
/// with 720p layers receives 15 MB/s: 4 MB bridge a quarter of a second.
const SOCKET_BUFFER: usize = 4 << 20;

/// What sending has met. Counted, for a log line would be one per packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendCounters {
    pub datagrams: u64,
    /// Each one or a run of them.
    pub messages: u64,
    pub calls: u64,
    /// Dropped because the socket's send buffer was full.
    pub would_block: u64,
    /// Dropped because the kernel refused the address or the datagram.
    pub refused: u64,
    /// Runs that were sent one by one after the kernel refused them whole.
    pub unsegmented: u64,
}

/// Whether the port is one socket's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    Alone,
    /// SO_REUSEPORT. It would let a second server take half of our datagrams
    /// unnoticed, so only several workers use it, after trying the port alone.
    BetweenWorkers,
}

/// One family's socket of the media port.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Socket,
    port: u16,
    /// Cleared when the kernel or the network card turns out not to do it.
    segmentation: bool,
    pub sent: SendCounters,
}

impl UdpSocket {
    /// Binds the wildcard address of a family.
    pub fn bind(address: SocketAddr, sharing: Sharing) -> Result<Self, MediaError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => MediaError::PortInUse { address },
            io::ErrorKind::PermissionDenied => MediaError::PortNotPermitted { address },
            _ => MediaError::Socket { address, source },
        };
        let socket = open(address, sharing).map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        Ok(Self {
            socket,
            port: bound.as_socket().map_or(address.port(), |a| a.port()),
            segmentation: true,
            sent: SendCounters::default(),
        })
    }

    /// A socket for what comes by `path` alone, beside those that share its port.
    pub(super) fn connect(path: Path) -> io::Result<Self> {
        let socket = open(path.local, Sharing::BetweenWorkers)?;
        socket.connect(&path.remote.into())?;
        Ok(Self {
            socket,
            port: path.local.port(),
            segmentation: true,
            sent: SendCounters::default(),
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Receives what waits, at most one batch; 0 when nothing does.
    pub fn receive(&self, batch: &mut RecvBatch) -> usize {
        batch.receive(self.socket.as_raw_fd(), self.port)
    }

    /// Sends runs, as many to a system call as the batch holds. Never blocks: what
    /// the socket does not take is dropped and counted.
    pub fn send<'a>(&mut self, batch: &mut SendBatch, runs: impl Iterator<Item = Transmit<'a>>) {
        let fd = self.socket.as_raw_fd();
        batch.clear();
        for run in runs {
            self.queue(batch, fd, run);
        }
        self.flush(batch, fd);
    }

    fn queue<'a>(&mut self, batch: &mut SendBatch, fd: RawFd, run: Transmit<'a>) {
        if self.segmentation {
            self.push(batch, fd, run);
            return;
        }
        for datagram in run.datagrams() {
            let single = Transmit {
                segment_size: datagram.len(),
                bytes: datagram,
                ..run
            };
            self.push(batch, fd, single);
        }
    }

    fn push(&mut self, batch: &mut SendBatch, fd: RawFd, run: Transmit<'_>) {
        if batch.is_full() {
            self.flush(batch, fd);
        }
        batch.push(run);
    }

    fn flush(&mut self, batch: &mut SendBatch, fd: RawFd) {
        let mut from = 0;
        while from < batch.len() {
            self.sent.calls += 1;
            match batch.send(fd, from) {
                Ok(count) => {
                    self.sent.datagrams += batch.datagrams(from, count);
                    self.sent.messages += count as u64;
                    from += count.max(1);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => {
                        self.sent.would_block += batch.datagrams(from, batch.len() - from);
                        break;
                    }
                    _ => {
                        self.refused(batch, fd, from, &error);
                        from += 1;
                    }
                },
            }
        }
        batch.clear();
    }

    /// The first message of a batch was refused: unroutable, or a run that this
    /// path cannot segment (EIO: no checksum offload on the device; EINVAL: no
    /// UDP_SEGMENT in this kernel; EMSGSIZE: segments larger than this path's MTU,
    /// which fragmentation of single datagrams still delivers).
    fn refused(&mut self, batch: &mut SendBatch, fd: RawFd, index: usize, error: &io::Error) {
        let segmented = batch.datagrams(index, 1) > 1;
        let code = error.raw_os_error();
        if !segmented || !matches!(code, Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE)) {
            self.sent.refused += batch.datagrams(index, 1);
            return;
        }
        self.sent.unsegmented += 1;
        if code == Some(libc::EIO) && self.segmentation {
            tracing::info!(
                port = self.port,
                "the network device does not segment UDP; sending datagrams singly"
            );
            self.segmentation = false;
        }
        let (sent, failed) = batch.send_singly(fd, index);
        self.sent.datagrams += sent;
        self.sent.messages += sent;
        self.sent.refused += failed;
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn open(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    if sharing == Sharing::BetweenWorkers {
        socket.set_reuse_port(true)?;
    }
    // A smaller buffer than asked for still works; it only drops sooner.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    let fd = socket.as_raw_fd();
    // Publishers judge the path by when their packets arrived, not by when a busy
    // worker came to read them.
    set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        set_option(
            fd,
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_DONT,
        )?;
    } else {
        set_option(fd, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        // Media packets already fit common paths; on a smaller one (VPN, PPPoE)
        // a fragment beats an ICMP error that nobody acts upon.
        set_option(
            fd,
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_DONT,
        )?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

fn set_option(fd: RawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: `value` outlives the call and its size is what is passed.
    let result = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            (&raw const value).cast::<c_void>(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn pair(ip: &str) -> (UdpSocket, UdpSocket, Path) {
        let wildcard: std::net::IpAddr = if ip.contains(':') {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        let bind = || UdpSocket::bind(SocketAddr::new(wildcard, 0), Sharing::Alone).unwrap();
        let (from, to) = (bind(), bind());
        let address = |port| SocketAddr::new(ip.parse().unwrap(), port);
        let path = Path {
            local: address(from.port()),
            remote: address(to.port()),
        };
        (from, to, path)
    }

    /// Loopback delivers within the sending call, so nothing needs to wait.
    fn received(socket: &UdpSocket) -> Vec<(Path, Vec<u8>)> {
        let mut batch = RecvBatch::default();
        let mut all = Vec::new();
        while socket.receive(&mut batch) > 0 {
            all.extend(
                batch
                    .datagrams()
                    .map(|(path, _, bytes)| (path, bytes.to_vec())),
            );
        }
        all
    }

    #[test]
    fn a_run_arrives_as_its_datagrams_with_both_addresses() {
        for ip in ["127.0.0.1", "127.0.0.2", "::1"] {
            let (mut from, to, path) = pair(ip);
            let bytes: Vec<u8> = (0..1000_u32).map(|i| (i / 300) as u8).collect();
            let run = Transmit {
                path,
                segment_size: 300,
                bytes: &bytes,
            };
            let short = Transmit {
                path,
                segment_size: 3,
                bytes: b"end",
            };
            from.send(&mut SendBatch::default(), [run, short].into_iter());
            let seen_there = Path {
                local: path.remote,
                remote: path.local,
            };
            let mut want: Vec<_> = bytes
                .chunks(300)
                .map(|c| (seen_there, c.to_vec()))
                .collect();
            want.push((seen_there, b"end".to_vec()));
            assert_eq!(received(&to), want, "{ip}");
            assert_eq!((from.sent.datagrams, from.sent.calls), (5, 1));
        }
    }

    #[test]
    fn a_datagram_says_how_long_it_waited() {
        for ip in ["127.0.0.1", "::1"] {
            let (mut from, to, path) = pair(ip);
            let run = |bytes| Transmit {
                path,
                segment_size: 1,
                bytes,
            };
            from.send(&mut SendBatch::default(), std::iter::once(run(b"1")));
            from.send(&mut SendBatch::default(), std::iter::once(run(b"2")));
            let mut batch = RecvBatch::default();
            to.receive(&mut batch);
            let waits: Vec<_> = batch.datagrams().map(|(_, wait, _)| wait).collect();
            // Received by one call, and yet told apart: the first waited longer.
            assert!(waits[0] > waits[1], "{ip} {waits:?}");
        }
    }

    #[test]
    fn without_segmentation_the_same_datagrams_arrive() {
        let (mut from, to, path) = pair("127.0.0.1");
        from.segmentation = false;
        let bytes = [7; 100 * 70];
        let run = Transmit {
            path,
            segment_size: 100,
            bytes: &bytes,
        };
        from.send(&mut SendBatch::default(), std::iter::once(run));
        assert_eq!(received(&to).len(), 70);
        assert_eq!(from.sent.calls, 2);
    }

    #[test]
    fn a_refused_run_is_sent_singly_and_a_refused_address_stops_nobody() {
        let (mut from, to, path) = pair("127.0.0.1");
        // 65 segments are one more than the oldest kernels take; 129 more than any.
        let bytes = [1; 129 * 10];
        let run = Transmit {
            path,
            segment_size: 10,
            bytes: &bytes,
        };
        // The socket may not broadcast: EACCES.
        let broadcast = Path {
            remote: ([255, 255, 255, 255], 9).into(),
            ..path
        };
        let refused = Transmit {
            path: broadcast,
            segment_size: 1,
            bytes: b"x",
        };
        let last = Transmit {
            path,
            segment_size: 4,
            bytes: b"last",
        };
        from.send(&mut SendBatch::default(), [run, refused, last].into_iter());
        let seen = received(&to);
        assert_eq!(seen.len(), 130);
        assert_eq!(seen.last().map(|(_, b)| b.as_slice()), Some(&b"last"[..]));
        assert_eq!(
            (
                from.sent.refused,
                from.sent.unsegmented,
                from.sent.datagrams
            ),
            (1, 1, 130)
        );
    }

    #[test]
    fn datagrams_beyond_the_limit_are_left_out() {
        let (mut from, to, path) = pair("127.0.0.1");
        let large = vec![0; 60_000];
        let run = Transmit {
            path,
            segment_size: large.len(),
            bytes: &large,
        };
        let small = Transmit {
            path,
            segment_size: 2,
            bytes: b"ok",
        };
        from.send(&mut SendBatch::default(), [run, small].into_iter());
        assert_eq!(
            received(&to)
                .into_iter()
                .map(|(_, b)| b)
                .collect::<Vec<_>>(),
            [b"ok"]
        );
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0).into(), Sharing::Alone).unwrap();
        let second = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, first.port()).into(), Sharing::Alone);
        let error = second.unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "UDP port {} on 0.0.0.0 is in use by another program",
                first.port()
            )
        );
    }
}
