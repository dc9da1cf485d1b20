//! A seeded network: loss, duplication, reordering, delay and jitter, per virtual
//! participant and direction, in virtual time.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// One direction of one participant's access.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// Probability that a datagram is lost, independently of others.
    pub loss: f64,
    pub duplicate: f64,
    /// Probability that a datagram is overtaken: it takes `REORDERED_BY` longer.
    pub reorder: f64,
    pub delay: Duration,
    /// Uniform addition to the delay. It keeps the order, as queues do.
    pub jitter: Duration,
}

const REORDERED_BY: Duration = Duration::from_millis(12);

impl Conditions {
    pub const GOOD: Self = Self {
        loss: 0.0,
        duplicate: 0.0,
        reorder: 0.0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };

    pub const fn with_loss(loss: f64) -> Self {
        Self { loss, ..Self::GOOD }
    }

    /// Nothing passes.
    pub const DEAD: Self = Self::with_loss(1.0);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    Up,
    Down,
}

#[derive(Debug)]
struct InFlight {
    at: Instant,
    order: u64,
    datagram: Datagram,
}

impl PartialEq for InFlight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for InFlight {}

impl PartialOrd for InFlight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InFlight {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

pub struct Network {
    rng: ChaCha8Rng,
    queue: BinaryHeap<Reverse<InFlight>>,
    order: u64,
    conditions: BTreeMap<(usize, Direction), Conditions>,
    /// Latest arrival of each link, which later datagrams do not overtake.
    latest: BTreeMap<(usize, Direction), Instant>,
    pub lost: u64,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            queue: BinaryHeap::new(),
            order: 0,
            conditions: BTreeMap::new(),
            latest: BTreeMap::new(),
            lost: 0,
        }
    }

    pub fn set(&mut self, participant: usize, direction: Direction, conditions: Conditions) {
        self.conditions.insert((participant, direction), conditions);
    }

    pub fn set_both(&mut self, participant: usize, conditions: Conditions) {
        self.set(participant, Direction::Up, conditions);
        self.set(participant, Direction::Down, conditions);
    }

    pub fn send(
        &mut self,
        now: Instant,
        participant: usize,
        direction: Direction,
        datagram: Datagram,
    ) {
        let link = (participant, direction);
        let conditions = *self.conditions.get(&link).unwrap_or(&Conditions::GOOD);
        if self.rng.random_bool(conditions.loss) {
            self.lost += 1;
            return;
        }
        if self.rng.random_bool(conditions.duplicate) {
            let at = self.arrival(now, link, conditions);
            self.deliver_at(at, datagram.clone());
        }
        let at = self.arrival(now, link, conditions);
        self.deliver_at(at, datagram);
    }

    /// Puts a datagram on the wire that no participant sent.
    pub fn inject(&mut self, at: Instant, datagram: Datagram) {
        self.deliver_at(at, datagram);
    }

    pub fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(first)| first.at)
    }

    pub fn pop_due(&mut self, now: Instant) -> Option<Datagram> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(first)| first.datagram)
    }

    fn arrival(
        &mut self,
        now: Instant,
        link: (usize, Direction),
        conditions: Conditions,
    ) -> Instant {
        let jitter = conditions.jitter.mul_f64(self.rng.random());
        let at = now + conditions.delay + jitter;
        if self.rng.random_bool(conditions.reorder) {
            return at + REORDERED_BY;
        }
        let latest = self.latest.entry(link).or_insert(at);
        *latest = at.max(*latest);
        *latest
    }

    fn deliver_at(&mut self, at: Instant, datagram: Datagram) {
        self.order += 1;
        let order = self.order;
        self.queue.push(Reverse(InFlight {
            at,
            order,
            datagram,
        }));
    }
}
