//! The threads that play the clients: each owns its clients outright, waits for their
//! sockets and timers, and counts for itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use convoke_media::control::Source;
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc as events, oneshot};

use crate::client::{Client, ClientId, Env, Happening, Heard, Tally, Times};
use crate::clock::Nanos;
use crate::net::{Poll, RecvBatch, SendBatch, Waker, pin_current_thread};

use super::options::{LatencyAt, Options};
use super::policy::{NAP, NapShare, Policy};

/// Longest wait: what is counted per second must not be late.
const MAX_WAIT: Duration = Duration::from_millis(50);

pub(crate) enum Command {
    /// Begins to connect.
    Add(Box<Client>),
    /// Says goodbye and forgets it, keeping what it counted.
    Remove(ClientId),
    /// Which layers of a source to send.
    SetLayers {
        client: ClientId,
        source: Source,
        wanted: Vec<String>,
    },
    /// Of publishers in the steady mode.
    SetRate(f64),
    /// Counts from now on.
    Begin,
    /// Counts no new packets.
    End,
    /// Since `Begin`, or since the last of these.
    Interval(oneshot::Sender<Report>),
    /// All since `Begin`.
    Collect(oneshot::Sender<Report>),
    Stop,
}

/// What a thread counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    pub(crate) tally: Tally,
    /// Whether it did not open all packets.
    pub(crate) sampled: bool,
    /// What the Slots of each client got, once all is collected.
    pub(crate) heard: FxHashMap<ClientId, Heard>,
    /// Of each thread.
    pub(crate) naps: Vec<NapShare>,
}

/// What a client had to tell, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) client: ClientId,
    pub(crate) happening: Happening,
    pub(crate) at: Nanos,
}

/// The running threads.
pub(crate) struct Threads {
    all: Vec<Thread>,
}

struct Thread {
    commands: mpsc::Sender<Command>,
    waker: Waker,
    handle: Option<JoinHandle<()>>,
}

impl Threads {
    pub(crate) fn start(
        options: &Options,
        told: &events::UnboundedSender<Told>,
    ) -> io::Result<Self> {
        let all = (0..options.threads.max(1)).map(|index| {
            let (commands, receiver) = mpsc::channel();
            let poll = Poll::new()?;
            let waker = poll.waker();
            let cores = &options.generator_cores;
            let core = (!cores.is_empty()).then(|| cores[index % cores.len()]);
            let mut player = Player::new(poll, receiver, told.clone(), options);
            let handle = std::thread::Builder::new()
                .name(format!("clients-{index}"))
                .spawn(move || {
                    if let Some(core) = core {
                        // A core that is not there leaves the thread where it is.
                        let _ = pin_current_thread(core);
                    }
                    player.run();
                })?;
            Ok(Thread {
                commands,
                waker,
                handle: Some(handle),
            })
        });
        Ok(Self {
            all: all.collect::<io::Result<_>>()?,
        })
    }

    /// To the thread of a client.
    pub(crate) fn send(&self, client: ClientId, command: Command) {
        self.all[client.0 as usize % self.all.len()].send(command);
    }

    pub(crate) fn send_all(&self, command: impl Fn() -> Command) {
        for thread in &self.all {
            thread.send(command());
        }
    }

    /// Everybody's answers, merged.
    pub(crate) async fn ask(&self, command: impl Fn(oneshot::Sender<Report>) -> Command) -> Report {
        let mut merged = Report::default();
        let mut answers = Vec::new();
        for thread in &self.all {
            let (sender, answer) = oneshot::channel();
            thread.send(command(sender));
            answers.push(answer);
        }
        for answer in answers {
            if let Ok(report) = answer.await {
                merged.tally.merge(&report.tally);
                merged.sampled |= report.sampled;
                merged.heard.extend(report.heard);
                merged.naps.extend(report.naps);
            }
        }
        merged
    }
}

impl Thread {
    fn send(&self, command: Command) {
        // A thread that has ended has no clients left to command.
        if self.commands.send(command).is_ok() {
            self.waker.wake();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.send_all(|| Command::Stop);
        for thread in &mut self.all {
            if let Some(handle) = thread.handle.take() {
                // Its panic has been printed.
                let _ = handle.join();
            }
        }
    }
}

/// One thread's state.
struct Player {
    poll: Poll,
    commands: mpsc::Receiver<Command>,
    told: events::UnboundedSender<Told>,
    clients: FxHashMap<u32, Box<Client>>,
    /// Times at which clients want to be called; those that changed their mind are
    /// called in vain.
    timers: BinaryHeap<Reverse<(Nanos, u32)>>,
    scheduled: FxHashMap<u32, Nanos>,
    receive: RecvBatch,
    send: SendBatch,
    happened: Vec<(ClientId, Happening)>,
    counting: Counting,
    policy: Policy,
    /// When it last looked for packets.
    listened: Nanos,
}

#[expect(clippy::disallowed_methods, reason = "it is time that is waited for")]
fn doze(time: Duration) {
    std::thread::sleep(time);
}

/// What is counted, and by which part of it was reported.
#[derive(Default)]
struct Counting {
    open: bool,
    /// Since the last interval's report.
    interval: Tally,
    /// Of intervals reported.
    before: Tally,
    /// What removed clients' Slots counted.
    gone: Tally,
    /// Drops of the clients' sockets before the window.
    drops_before: u64,
    lost_before: u64,
}

impl Player {
    fn new(
        poll: Poll,
        commands: mpsc::Receiver<Command>,
        told: events::UnboundedSender<Told>,
        options: &Options,
    ) -> Self {
        Self {
            poll,
            commands,
            told,
            clients: FxHashMap::default(),
            timers: BinaryHeap::new(),
            scheduled: FxHashMap::default(),
            receive: RecvBatch::new(options.receive_segments),
            send: SendBatch::default(),
            happened: Vec::new(),
            counting: Counting::default(),
            policy: Policy::new(options),
            listened: Nanos::now(),
        }
    }

    fn run(&mut self) {
        let mut ready = Vec::new();
        loop {
            let now = Nanos::now();
            let wait = match self.timers.peek() {
                Some(Reverse((at, _))) => at.since(now).min(MAX_WAIT),
                None => MAX_WAIT,
            };
            self.wait(now, wait, &mut ready);
            for token in &ready {
                if let Ok(id) = u32::try_from(*token) {
                    self.receive(id);
                }
            }
            self.fire();
            loop {
                match self.commands.try_recv() {
                    Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return,
                    Ok(command) => self.obey(command),
                    Err(mpsc::TryRecvError::Empty) => break,
                }
            }
            self.adapt(Nanos::now());
        }
    }

    fn adapt(&mut self, now: Nanos) {
        let mut clients = self.clients.values();
        let settled = || !clients.any(|client| client.is_connecting(now));
        self.policy.adapt(now, settled);
    }

    /// Waits for packets, or for a nap's time with its ears shut.
    fn wait(&mut self, now: Nanos, wait: Duration, ready: &mut Vec<u64>) {
        if !self.policy.naps {
            self.poll.wait(wait, ready);
            return;
        }
        let rest = NAP.saturating_sub(now.since(self.listened));
        doze(wait.min(rest));
        if wait < rest {
            ready.clear();
            return;
        }
        self.listened = Nanos::now();
        self.poll.wait(Duration::ZERO, ready);
    }

    fn receive(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let fd = client.link.fd();
        let policy = &mut self.policy;
        let mut env = Env {
            tally: &mut self.counting.interval,
            batch: &mut self.send,
            counting: self.counting.open,
            open_every: policy.open_every,
            happened: &mut self.happened,
        };
        // A bound, so that one busy socket does not starve the others.
        for _ in 0..4 {
            let more = self.receive.receive(fd, |run| {
                let at = Times {
                    now: run.read,
                    arrived: match policy.latency_at {
                        LatencyAt::Arrival => run.arrived,
                        LatencyAt::Read => run.read,
                    },
                };
                for datagram in run.bytes.chunks_mut(run.segment) {
                    policy.received += 1;
                    client.handle_datagram(at, datagram, &mut env);
                }
            });
            if !more {
                break;
            }
        }
        policy.sampled |= self.counting.open && policy.open_every > 1;
        self.finish(id);
    }

    fn fire(&mut self) {
        let now = Nanos::now();
        while let Some(Reverse((at, id))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            if self.scheduled.get(&id) != Some(&at) {
                continue;
            }
            self.scheduled.remove(&id);
            self.call(id);
        }
    }

    fn call(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let mut env = Env {
            tally: &mut self.counting.interval,
            batch: &mut self.send,
            counting: self.counting.open,
            open_every: self.policy.open_every,
            happened: &mut self.happened,
        };
        client.handle_timeout(Nanos::now(), &mut env);
        self.finish(id);
    }

    /// After anything that a client did: what it sends, tells, and waits for.
    fn finish(&mut self, id: u32) {
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        self.send.flush(client.link.fd(), self.policy.segments);
        if self.counting.open {
            self.counting.interval.unsent += std::mem::take(&mut self.send.refused);
        }
        let next = client.next();
        if next != Nanos::MAX && self.scheduled.get(&id).is_none_or(|at| next < *at) {
            self.scheduled.insert(id, next);
            self.timers.push(Reverse((next, id)));
        }
        if !self.happened.is_empty() {
            let at = Nanos::now();
            for (client, happening) in self.happened.drain(..) {
                // Nobody listens once the run is over.
                let _ = self.told.send(Told {
                    client,
                    happening,
                    at,
                });
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add(mut client) => {
                let id = client.id.0;
                if self.counting.open {
                    client.begin();
                }
                self.policy.naps = false;
                client.begin_connecting(Nanos::now());
                if self.poll.add(client.link.fd(), u64::from(id)).is_ok() {
                    self.clients.insert(id, client);
                    self.call(id);
                }
            }
            Command::Remove(id) => self.remove(id.0),
            Command::SetLayers {
                client,
                source,
                wanted,
            } => {
                let client = self.clients.get_mut(&client.0).into_iter();
                for publication in client.flat_map(|client| &mut client.publications) {
                    if publication.source == source {
                        publication.set_layers(&wanted);
                    }
                }
            }
            Command::SetRate(rate) => {
                let clients = self.clients.values_mut();
                for publication in clients.flat_map(|client| &mut client.publications) {
                    publication.set_packets_per_second(rate);
                }
            }
            Command::Begin => self.begin(),
            Command::End => {
                self.counting.open = false;
                self.policy.end(Nanos::now());
                for client in self.clients.values_mut() {
                    client.end();
                }
            }
            Command::Interval(answer) => {
                let report = self.interval();
                // Whoever asked may have given up waiting.
                let _ = answer.send(report);
            }
            Command::Collect(answer) => {
                let report = self.collect();
                let _ = answer.send(report);
            }
            Command::Stop => {}
        }
    }

    fn remove(&mut self, id: u32) {
        let Some(mut client) = self.clients.remove(&id) else {
            return;
        };
        client.close(Nanos::now(), &mut self.send);
        self.send.flush(client.link.fd(), false);
        client.end();
        client.count(&mut self.counting.gone);
        self.counting.gone.overflowed += u64::from(client.link.drops());
        self.scheduled.remove(&id);
    }

    fn begin(&mut self) {
        self.counting = Counting {
            open: true,
            drops_before: self.drops(),
            ..Counting::default()
        };
        self.policy.begin(Nanos::now());
        for client in self.clients.values_mut() {
            client.begin();
        }
    }

    fn drops(&self) -> u64 {
        let links = self.clients.values().map(|client| &client.link);
        links.map(|link| u64::from(link.drops())).sum()
    }

    /// What the Slots have counted until now, those of the gone included.
    fn slots(&self) -> Tally {
        let mut tally = self.counting.gone.clone();
        for client in self.clients.values() {
            client.count(&mut tally);
        }
        tally
    }

    fn interval(&mut self) -> Report {
        let lost = self.slots().lost;
        let mut tally = std::mem::take(&mut self.counting.interval);
        // Repairs of an earlier interval's loss make it less than nothing.
        tally.lost = lost.saturating_sub(self.counting.lost_before);
        self.counting.lost_before = lost;
        self.counting.before.merge(&tally);
        Report {
            tally,
            sampled: self.policy.sampled,
            heard: FxHashMap::default(),
            naps: Vec::new(),
        }
    }

    fn collect(&mut self) -> Report {
        self.interval();
        let slots = self.slots();
        let mut tally = std::mem::take(&mut self.counting.before);
        tally.received = slots.received;
        tally.lost = slots.lost;
        tally.duplicates = slots.duplicates;
        let drops = self.drops() + slots.overflowed;
        tally.overflowed = drops.saturating_sub(self.counting.drops_before);
        let clients = self.clients.values();
        Report {
            tally,
            sampled: self.policy.sampled,
            heard: clients
                .map(|client| (client.id, client.slots.heard()))
                .collect(),
            naps: vec![self.policy.nap_share()],
        }
    }
}
