//! The sockets of one worker: the media port in both families, shared with the other
//! workers, and one connected socket for each remote address that the kernel would
//! give to another worker.
//!
//! The kernel spreads addresses over the sockets of a shared port by a hash that knows
//! nothing of Calls. A socket that is connected to a remote address takes precedence
//! over the hash, and needs no privilege; so whoever owns a path that a neighbour
//! received connects one, and from then on its datagrams come here. All of them are
//! only received from: sending is the shared socket's, in one call for everybody.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;

use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use rustc_hash::FxHashMap;

use crate::error::MediaError;
use crate::transport::Path;

use super::pace::Sent;
use super::udp::{Sharing, UdpSocket};

/// Connected sockets of one worker. Each is a file and some kernel memory; paths beyond
/// go through the neighbour that receives them.
const MAX_CONNECTED: usize = 1024;

/// Tokens of the registry that are no sockets', before those of connected ones.
const FIRST_CONNECTED: usize = 3;

/// Where datagrams come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inlet {
    V4,
    V6,
    Connected(usize),
}

impl Inlet {
    pub(super) const WAKE: Token = Token(2);

    /// `None` for the token of the waker.
    pub(super) fn of(token: Token) -> Option<Self> {
        match token.0 {
            0 => Some(Self::V4),
            1 => Some(Self::V6),
            2 => None,
            at => Some(Self::Connected(at - FIRST_CONNECTED)),
        }
    }

    fn token(self) -> Token {
        Token(match self {
            Self::V4 => 0,
            Self::V6 => 1,
            Self::Connected(at) => at + FIRST_CONNECTED,
        })
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) v4: UdpSocket,
    pub(super) v6: Option<UdpSocket>,
    connected: Vec<Option<(Path, UdpSocket)>>,
    by_path: FxHashMap<Path, usize>,
}

impl Sockets {
    /// A host without IPv6 has one socket.
    pub(super) fn bind(port: u16, sharing: Sharing) -> Result<Self, MediaError> {
        let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port).into(), sharing)?;
        let v6 = match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, v4.port()).into(), sharing) {
            Ok(socket) => Some(socket),
            Err(MediaError::Socket { source, .. }) => {
                tracing::info!(%source, "no IPv6 media socket");
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            v4,
            v6,
            connected: Vec::new(),
            by_path: FxHashMap::default(),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.v4.port()
    }

    pub(super) fn has_v6(&self) -> bool {
        self.v6.is_some()
    }

    pub(super) fn sent(&self) -> Sent {
        let counters = [Some(self.v4.sent), self.v6.as_ref().map(|v6| v6.sent)];
        let each = counters.iter().flatten();
        each.fold(Sent::default(), |sum, sent| Sent {
            datagrams: sum.datagrams + sent.datagrams,
            messages: sum.messages + sent.messages,
        })
    }

    /// Datagrams sent, and datagrams that sending dropped.
    pub(super) fn totals(&self) -> (u64, u64) {
        let counters = [Some(self.v4.sent), self.v6.as_ref().map(|v6| v6.sent)];
        let each = counters.iter().flatten();
        each.fold((0, 0), |(sent, dropped), of| {
            (sent + of.datagrams, dropped + of.would_block + of.refused)
        })
    }

    pub(super) fn register(&self, poll: &Poll) -> io::Result<()> {
        register(poll, &self.v4, Inlet::V4)?;
        match &self.v6 {
            Some(v6) => register(poll, v6, Inlet::V6),
            None => Ok(()),
        }
    }

    pub(super) fn get(&self, inlet: Inlet) -> Option<&UdpSocket> {
        match inlet {
            Inlet::V4 => Some(&self.v4),
            Inlet::V6 => self.v6.as_ref(),
            Inlet::Connected(at) => self.connected.get(at)?.as_ref().map(|(_, socket)| socket),
        }
    }

    /// Has the datagrams of a path come to this worker. Between its binding and its
    /// connecting the new socket may be given a stranger's datagrams: they tell their
    /// path as all do, and are handled or passed on by it.
    pub(super) fn connect(&mut self, poll: &Poll, path: Path) {
        if self.by_path.contains_key(&path) || self.by_path.len() >= MAX_CONNECTED {
            return;
        }
        let at = self.connected.iter().position(Option::is_none);
        let at = at.unwrap_or(self.connected.len());
        let socket = UdpSocket::connect(path)
            .and_then(|socket| register(poll, &socket, Inlet::Connected(at)).map(|()| socket));
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(%error, "a path stays with the worker that receives it");
                return;
            }
        };
        if at == self.connected.len() {
            self.connected.push(None);
        }
        self.connected[at] = Some((path, socket));
        self.by_path.insert(path, at);
    }

    /// Closes the connected sockets of paths that are not `owned` any more.
    pub(super) fn sweep(&mut self, owned: impl Fn(&Path) -> bool) {
        let Self {
            connected, by_path, ..
        } = self;
        by_path.retain(|path, at| {
            let keep = owned(path);
            if !keep {
                connected[*at] = None;
            }
            keep
        });
    }

    #[cfg(test)]
    pub(super) fn connected(&self) -> usize {
        self.by_path.len()
    }
}

fn register(poll: &Poll, socket: &UdpSocket, inlet: Inlet) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let registry = poll.registry();
    registry.register(&mut SourceFd(&fd), inlet.token(), Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::message::{RecvBatch, SendBatch};
    use super::*;
    use crate::outbox::Transmit;

    /// Datagrams on one inlet, by their first byte.
    fn received(sockets: &Sockets, inlet: Inlet) -> Vec<u8> {
        let mut batch = RecvBatch::default();
        let socket = sockets.get(inlet).unwrap();
        let mut all = Vec::new();
        while socket.receive(&mut batch) > 0 {
            all.extend(batch.datagrams().map(|(_, _, bytes)| bytes[0]));
        }
        all
    }

    /// Two workers' sockets on one port, and clients of both families: whatever worker
    /// the hash chose for a client, the one that connects gets its datagrams.
    #[test]
    fn a_connected_path_comes_to_who_connected_it_and_no_other_path_does() {
        for ip in ["127.0.0.1", "::1"] {
            let first = Sockets::bind(0, Sharing::BetweenWorkers).unwrap();
            let second = Sockets::bind(first.port(), Sharing::BetweenWorkers).unwrap();
            let (mut workers, poll) = ([first, second], Poll::new().unwrap());
            let shared = if ip == "::1" { Inlet::V6 } else { Inlet::V4 };
            let server = SocketAddr::new(ip.parse().unwrap(), workers[0].port());
            let mut clients = Vec::new();
            for _ in 0..8 {
                let any = SocketAddr::new(ip.parse().unwrap(), 0);
                clients.push(UdpSocket::bind(any, Sharing::Alone).unwrap());
            }
            let mut send = |client: usize, mark: u8| {
                let own = SocketAddr::new(ip.parse().unwrap(), clients[client].port());
                let run = Transmit {
                    path: Path {
                        local: own,
                        remote: server,
                    },
                    segment_size: 1,
                    bytes: &[mark],
                };
                clients[client].send(&mut SendBatch::default(), std::iter::once(run));
                Path {
                    local: server,
                    remote: own,
                }
            };
            for client in 0..8 {
                let path = send(client, 1);
                let by = usize::from(received(&workers[0], shared).is_empty());
                received(&workers[1], shared);
                let other = 1 - by;
                workers[other].connect(&poll, path);
                workers[other].connect(&poll, path);
                send(client, 2);
                let at = Inlet::Connected(workers[other].by_path[&path]);
                assert_eq!(received(&workers[other], at), [2], "{ip} {client}");
                assert_eq!(received(&workers[by], shared), [0; 0]);
                // Those who are not connected go where they went.
                if client < 7 {
                    send(client + 1, 3);
                    let shared: Vec<u8> =
                        workers.iter().flat_map(|w| received(w, shared)).collect();
                    assert_eq!(shared, [3]);
                }
            }
            workers[0].sweep(|_| false);
            workers[1].sweep(|_| false);
            send(0, 4);
            let shared: Vec<u8> = workers.iter().flat_map(|w| received(w, shared)).collect();
            assert_eq!((shared, workers[0].connected()), (vec![4], 0));
        }
    }
}
