//! A client's own UDP socket, connected to the server: hundreds of real 5-tuples, as
//! hundreds of people have.

use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, Socket, Type};

/// Asked for. A burst of keyframes of a full grid is some 500 kB, and the kernel
/// counts the pages that hold it, not the bytes.
const RECEIVE_BUFFER: libc::c_int = 2 << 20;
const SEND_BUFFER: libc::c_int = 1 << 20;

/// Index of the drop counter in SO_MEMINFO (linux/sock_diag.h, SK_MEMINFO_DROPS).
const MEMINFO_DROPS: usize = 8;
const MEMINFO_VARS: usize = 9;

#[derive(Debug)]
pub(crate) struct ClientSocket {
    socket: Socket,
    local: SocketAddr,
}

impl ClientSocket {
    /// Binds a free port of an address of this machine, or of any. With `segments`, what
    /// the kernel has as one run is received as one.
    pub(crate) fn bind(address: std::net::IpAddr, segments: bool) -> io::Result<Self> {
        let address = SocketAddr::new(address, 0);
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM,
            Some(Protocol::UDP),
        )?;
        socket.set_nonblocking(true)?;
        let fd = socket.as_raw_fd();
        buffer(fd, libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, RECEIVE_BUFFER);
        buffer(fd, libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, SEND_BUFFER);
        // Both only make receiving cheaper or more exact: without them it works.
        let _ = set_option(fd, libc::SOL_UDP, libc::UDP_GRO, segments.into());
        let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
        socket.bind(&address.into())?;
        let local = local(&socket)?;
        Ok(Self { socket, local })
    }

    /// Also binds the address that leads there, if none was named before.
    pub(crate) fn connect(&mut self, server: SocketAddr) -> io::Result<()> {
        self.socket.connect(&server.into())?;
        self.local = local(&self.socket)?;
        Ok(())
    }

    pub(crate) const fn local(&self) -> SocketAddr {
        self.local
    }

    /// Datagrams that did not fit into the receive buffer.
    pub(crate) fn drops(&self) -> u32 {
        let mut values = [0_u32; MEMINFO_VARS];
        let mut len = size_of::<[u32; MEMINFO_VARS]>() as libc::socklen_t;
        // SAFETY: the array outlives the call, and its size is what is passed.
        let result = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_MEMINFO,
                values.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        if result == 0 {
            values[MEMINFO_DROPS]
        } else {
            0
        }
    }
}

impl AsRawFd for ClientSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn local(socket: &Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?.as_socket();
    address.ok_or_else(|| io::Error::other("not an internet address"))
}

/// Beyond the system's maximum where we may; what it grants otherwise.
fn buffer(fd: RawFd, force: libc::c_int, ask: libc::c_int, size: libc::c_int) {
    if set_option(fd, libc::SOL_SOCKET, force, size).is_err() {
        let _ = set_option(fd, libc::SOL_SOCKET, ask, size);
    }
}

fn set_option(
    fd: RawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: `value` outlives the call and its size is what is passed.
    let result = unsafe {
        libc::setsockopt(
            fd,
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
