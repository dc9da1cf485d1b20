//! Datagrams that the kernel gave to another worker than theirs.
//!
//! All workers' sockets share the port (SO_REUSEPORT), and the kernel spreads
//! addresses over them by a hash that knows nothing of Calls. A check names its
//! worker in the username fragment; the others follow a table of paths that their
//! owners have confirmed, so that no stranger can fill it. An address always
//! reaches the same socket, so each worker needs only its own table.
//!
//! What crosses costs a copy, an allocation and a wake-up per batch: the first checks
//! and the handshake of a path, until its owner has connected a socket (`sockets`),
//! and everything of a path that has none.

use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;

use crate::demux::{DatagramKind, classify};
use crate::transport::{Path, stun};

/// Paths in each of the two generations of the table. The older is dropped when
/// the newer is full; consent checks, every few seconds, renew what is alive.
const GENERATION: usize = 16_384;

/// What one worker sends another.
#[derive(Debug)]
pub(super) enum Crossing {
    Datagram {
        /// Who received it.
        by: usize,
        at: Instant,
        path: Path,
        bytes: Vec<u8>,
    },
    /// The path belongs to this worker.
    Owned { path: Path, owner: usize },
}

/// How to reach a worker.
#[derive(Debug, Clone)]
pub(super) struct Neighbour {
    pub(super) crossings: mpsc::Sender<Crossing>,
    pub(super) waker: Arc<mio::Waker>,
}

#[derive(Debug)]
pub(super) struct Steering {
    own: usize,
    neighbours: Vec<Neighbour>,
    /// Neighbours that were sent something since the last wake-up.
    touched: Vec<bool>,
    newer: FxHashMap<Path, usize>,
    older: FxHashMap<Path, usize>,
    /// Did not fit in a neighbour's mailbox.
    pub(super) dropped: u64,
}

impl Steering {
    pub(super) fn new(own: usize, neighbours: Vec<Neighbour>) -> Self {
        Self {
            own,
            touched: vec![false; neighbours.len()],
            neighbours,
            newer: FxHashMap::default(),
            older: FxHashMap::default(),
            dropped: 0,
        }
    }

    /// The other worker that a datagram belongs to; `None` for ours, and for
    /// nobody's, which we then drop ourselves.
    pub(super) fn elsewhere(&mut self, path: Path, datagram: &[u8]) -> Option<usize> {
        if self.neighbours.len() < 2 {
            return None;
        }
        let named = match classify(datagram)? {
            DatagramKind::Stun => stun::local_ufrag_of(datagram).and_then(stun::worker_of),
            _ => None,
        };
        let Some(named) = named.map(usize::from) else {
            return self.owner(path);
        };
        if named == self.own {
            // The address may have been another worker's before.
            self.newer.remove(&path);
            self.older.remove(&path);
        }
        (named != self.own && named < self.neighbours.len()).then_some(named)
    }

    /// Sends a datagram over.
    pub(super) fn forward(&mut self, to: usize, at: Instant, path: Path, datagram: &[u8]) {
        let crossing = Crossing::Datagram {
            by: self.own,
            at,
            path,
            bytes: datagram.to_vec(),
        };
        self.send(to, crossing);
    }

    /// Tells who received a datagram that its path is ours.
    pub(super) fn confirm(&mut self, to: usize, path: Path) {
        let owner = self.own;
        self.send(to, Crossing::Owned { path, owner });
    }

    /// A neighbour said that the path is its own.
    pub(super) fn learn(&mut self, path: Path, owner: usize) {
        if self.newer.len() >= GENERATION && !self.newer.contains_key(&path) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(path, owner);
    }

    /// Wakes whom something was sent to; once a turn, for it is a system call.
    pub(super) fn wake(&mut self) {
        for (neighbour, touched) in self.neighbours.iter().zip(&mut self.touched) {
            if std::mem::take(touched) {
                // Fails only when it is gone.
                let _ = neighbour.waker.wake();
            }
        }
    }

    fn owner(&self, path: Path) -> Option<usize> {
        let found = self.newer.get(&path).or_else(|| self.older.get(&path));
        found.copied()
    }

    fn send(&mut self, to: usize, crossing: Crossing) {
        match self.neighbours[to].crossings.try_send(crossing) {
            Ok(()) => self.touched[to] = true,
            Err(_) => self.dropped += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            local: ([127, 0, 0, 1], 3478).into(),
            remote: ([10, 0, 0, 1], port).into(),
        }
    }

    const MEDIA: [u8; 20] = [0x80; 20];

    fn steering() -> (Steering, Vec<mpsc::Receiver<Crossing>>) {
        let poll = mio::Poll::new().unwrap();
        let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel(4)).unzip();
        let neighbours = senders.into_iter().map(|crossings| Neighbour {
            crossings,
            waker: waker.clone(),
        });
        (Steering::new(1, neighbours.collect()), receivers)
    }

    #[test]
    fn confirmed_paths_cross_and_others_do_not() {
        let (mut steering, mut mailboxes) = steering();
        assert_eq!(steering.elsewhere(path(1), &MEDIA), None);
        steering.learn(path(1), 2);
        assert_eq!(steering.elsewhere(path(1), &MEDIA), Some(2));
        assert_eq!(steering.elsewhere(path(2), &MEDIA), None);
        #[expect(clippy::disallowed_methods, reason = "any time will do")]
        let at = Instant::now();
        for _ in 0..6 {
            steering.forward(2, at, path(1), &MEDIA);
        }
        assert_eq!(steering.dropped, 2);
        let crossed = std::iter::from_fn(|| mailboxes[2].try_recv().ok());
        assert_eq!(crossed.count(), 4);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_what_is_renewed() {
        let (mut steering, _mailboxes) = steering();
        for round in 0..5_u32 {
            for i in 0..GENERATION as u32 {
                let ip = (round << 16 | i).to_be_bytes();
                let stranger = Path {
                    remote: (ip, 9).into(),
                    ..path(0)
                };
                steering.learn(stranger, 0);
                if i % 1000 == 0 {
                    steering.learn(path(7), 2);
                }
            }
        }
        assert!(steering.newer.len() + steering.older.len() <= 2 * GENERATION);
        assert_eq!(steering.elsewhere(path(7), &MEDIA), Some(2));
    }
}
