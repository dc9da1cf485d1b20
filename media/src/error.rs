//! Why the media core did not start. Once it runs, what a remote does wrong is a
//! counter, and what a command may be refused for is a
//! [`CommandError`](crate::control::CommandError).

use std::io;
use std::net::SocketAddr;

#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("UDP port {} on {} is in use by another program", address.port(), address.ip())]
    PortInUse { address: SocketAddr },
    #[error("no permission to use UDP port {}; ports below 1024 need CAP_NET_BIND_SERVICE", address.port())]
    PortNotPermitted { address: SocketAddr },
    #[error("cannot open the UDP socket {address}: {source}")]
    Socket {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot read this machine's network addresses: {0}")]
    Interfaces(#[source] io::Error),
    #[error("{workers} media workers were asked for; 1 to 64 are possible")]
    Workers { workers: usize },
    #[error("cannot start the media worker: {0}")]
    Worker(#[source] io::Error),
    #[error("cannot create the DTLS certificate: {0}")]
    Certificate(String),
}
