//! One thread: batches in, [`Sfu`], batches out.
//!
//! A turn reads the clock once and works off bounded amounts of datagrams and
//! commands, so that a flood delays nobody's timers. It sends all that came of it
//! before it ends; what makes batches of it is that `pace` lets datagrams gather
//! in the sockets between two turns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{io, mem, thread};

use mio::{Events, Poll, Token, Waker};
use tokio::sync::mpsc;

use crate::control::{Command, Event};
use crate::demux::{DatagramKind, classify};
use crate::ids::RouterId;
use crate::sfu::Sfu;
use crate::transport::Path;

use super::event_queue::EventQueue;
use super::handle::Envelope;
use super::load::{Gauges, LoadMeter};
use super::message::{RECEIVE_BATCH, RecvBatch, SendBatch};
use super::pace::Pace;
use super::placement::{Movement, Placement};
use super::sockets::{Inlet, Sockets};
use super::steering::{Crossing, Steering};

/// Longest sleep; nothing depends on it but the end of a stalled event queue.
const IDLE: Duration = Duration::from_secs(1);

/// Retry for events that signaling did not take.
const EVENT_RETRY: Duration = Duration::from_millis(20);

/// Batches from each socket in one turn: 256 datagrams are about a millisecond
/// of work in a room of fifty.
const BATCHES_PER_TURN: usize = 4;

/// Sockets and wakers told ready by one look; the others wait for the next.
const EVENTS_PER_TURN: usize = 256;

/// Pace of closing the sockets of paths that are gone.
const SWEEP: Duration = Duration::from_secs(1);

/// Commands in one turn; an offer takes up to a millisecond.
const COMMANDS_PER_TURN: usize = 8;

/// Outgoing bytes that do not wait for the turn's end. A bound on memory: sent earlier,
/// each destination's packets would be several messages instead of one.
const FLUSH_BYTES: usize = 4 << 20;

/// Readiness is edge-triggered: a source stays ready until it was seen empty.
#[derive(Debug, Default)]
struct Ready {
    inlets: Vec<Inlet>,
    commands: bool,
    crossings: bool,
}

impl Ready {
    fn media(&self) -> bool {
        !self.inlets.is_empty() || self.crossings
    }

    fn any(&self) -> bool {
        self.media() || self.commands
    }

    fn set(&mut self, token: Token) {
        match Inlet::of(token) {
            Some(inlet) if self.inlets.contains(&inlet) => {}
            Some(inlet) => self.inlets.push(inlet),
            None => (self.commands, self.crossings) = (true, true),
        }
    }
}

/// What a worker is connected to.
pub(super) struct Wiring {
    pub(super) commands: mpsc::Receiver<Envelope>,
    pub(super) crossings: mpsc::Receiver<Crossing>,
    pub(super) events: EventQueue,
    pub(super) placement: Arc<Placement>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) gauges: Arc<Gauges>,
    /// See [`super::MediaConfig::gather`].
    pub(super) gather: Duration,
}

pub(super) type MakeSfu = Box<dyn Fn() -> Sfu + Send>;

pub(super) struct Worker {
    make_sfu: MakeSfu,
    sfu: Sfu,
    sockets: Sockets,
    poll: Poll,
    ready: Ready,
    wiring: Wiring,
    steering: Steering,
    received: RecvBatch,
    sending: SendBatch,
    pace: Pace,
    load: LoadMeter,
    /// Datagrams of this turn.
    taken: usize,
    swept: Instant,
    /// When the turn before began: what is read now arrived after it.
    turned: Instant,
}

/// What a worker sleeps in, made before it so that others can wake it.
pub(super) fn bed() -> io::Result<(Poll, Arc<Waker>)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), Inlet::WAKE)?;
    Ok((poll, Arc::new(waker)))
}

impl Worker {
    pub(super) fn new(
        make_sfu: MakeSfu,
        sockets: Sockets,
        poll: Poll,
        steering: Steering,
        wiring: Wiring,
    ) -> io::Result<Self> {
        sockets.register(&poll)?;
        Ok(Self {
            sfu: make_sfu(),
            make_sfu,
            sockets,
            poll,
            ready: Ready::default(),
            steering,
            received: RecvBatch::default(),
            sending: SendBatch::default(),
            pace: Pace::new(wiring.gather),
            wiring,
            load: LoadMeter::new(read_clock()),
            taken: 0,
            swept: read_clock(),
            turned: read_clock(),
        })
    }

    /// Runs until it is stopped. A panic costs the Routers, not the process.
    pub(super) fn run_to_end(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            self.start_over();
        }
        self.close();
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(EVENTS_PER_TURN);
        let mut now = read_clock();
        while !self.wiring.stop.load(Ordering::Acquire) {
            let slept = self.wait(now, &mut events);
            let begun = read_clock();
            let gathered = self.turn(begun, slept.then_some(&mut events));
            now = read_clock();
            self.take_stock(begun + gathered, now);
        }
    }

    /// Waits until the next turn is due; whether it slept until something came.
    fn wait(&mut self, now: Instant, events: &mut Events) -> bool {
        let rest = self.pace.rest(self.turned, now);
        let rest = rest.filter(|_| !self.ready.any());
        let timeout = match rest {
            Some(rest) => {
                gather(rest);
                Duration::ZERO
            }
            None => self.sleep(now),
        };
        self.look(events, timeout);
        timeout > Duration::ZERO
    }

    fn look(&mut self, events: &mut Events, timeout: Duration) {
        // An interrupted wait is a short one.
        let _ = self.poll.poll(events, Some(timeout));
        for event in &*events {
            self.ready.set(event.token());
        }
    }

    /// How long there is nothing to do.
    fn sleep(&self, now: Instant) -> Duration {
        if self.ready.any() {
            return Duration::ZERO;
        }
        let mut at = now + IDLE;
        if let Some(timeout) = self.sfu.next_timeout() {
            at = at.min(timeout);
        }
        if self.wiring.events.is_waiting() {
            at = at.min(now + EVENT_RETRY);
        }
        at.saturating_duration_since(now)
    }

    /// `after_pause`, if this turn ends one, is what to look for more with: a frame that has
    /// begun waits for its rest. A whole one, a voice and what nobody is sent need no waiting.
    /// Answers how long it waited.
    fn turn(&mut self, begun: Instant, after_pause: Option<&mut Events>) -> Duration {
        let mut now = begun;
        let mut gathered = Duration::ZERO;
        if after_pause.is_some() && self.ready.media() {
            self.pace.woken(begun);
        }
        self.take_in(now);
        if let Some(events) = after_pause.filter(|_| self.sfu.outbox().expects_more()) {
            let before = read_clock();
            gather(self.pace.quiet());
            now = read_clock();
            gathered = now - before;
            self.look(events, Duration::ZERO);
            self.take_in(now);
        }
        if self.sfu.next_timeout().is_some_and(|at| at <= now) {
            self.sfu.handle_timeout(now);
        }
        if now >= self.swept + SWEEP {
            self.swept = now;
            self.sockets.sweep(|path| self.sfu.owns(path));
        }
        self.wiring.events.flush();
        while let Some(event) = self.sfu.poll_event() {
            self.wiring.events.push(event);
        }
        let media = self.sfu.outbox().has_media();
        flush(&mut self.sfu, &mut self.sockets, &mut self.sending);
        let taken = mem::take(&mut self.taken);
        self.pace
            .turned(begun, taken > 0 && media, self.sockets.sent());
        self.wiring
            .gauges
            .received
            .fetch_add(taken as u64, Ordering::Relaxed);
        gathered
    }

    /// Works off commands and datagrams that wait.
    fn take_in(&mut self, now: Instant) {
        self.ready.commands = self.ready.commands && self.take_commands(now);
        // Before the sockets: what says whose a path is was sent before the answer
        // that lets its first packets come.
        self.ready.crossings = self.ready.crossings && self.take_crossings(now);
        let mut inlets = mem::take(&mut self.ready.inlets);
        inlets.retain(|inlet| self.take_datagrams(now, *inlet));
        self.ready.inlets = inlets;
        self.steering.wake();
        self.turned = now;
    }

    /// Follows up on how long turns take.
    fn take_stock(&mut self, begun: Instant, ended: Instant) {
        let Some((_, relief)) = self.load.turn(begun, ended) else {
            return;
        };
        let busy = self.load.busy();
        self.wiring.gauges.write(&self.load);
        let frugal = self.load.is_frugal();
        if self.pace.save(frugal) {
            tracing::info!(busy = busy / 10, frugal, "the media worker's turns change");
        }
        let (sent, dropped) = self.sockets.totals();
        self.wiring.gauges.sent.store(sent, Ordering::Relaxed);
        self.wiring.gauges.dropped.store(dropped, Ordering::Relaxed);
        if relief != self.sfu.relief() {
            tracing::warn!(
                busy = busy / 10,
                level = relief.level(),
                "the media worker's load changes what it leaves out"
            );
            self.sfu.set_relief(begun, relief);
        }
    }

    /// Whether more may wait.
    fn take_commands(&mut self, now: Instant) -> bool {
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(Envelope { command, reply }) = self.wiring.commands.try_recv() else {
                return false;
            };
            #[cfg(test)]
            tests::fail_if_asked(&command);
            let movement = Movement::of(&command);
            let result = self.sfu.handle_command(now, command);
            self.wiring.placement.handled(movement, result.is_ok());
            // An asker that gave up is no reason to undo.
            let _ = reply.send(result);
        }
        true
    }

    /// Whether more may wait.
    fn take_datagrams(&mut self, now: Instant, inlet: Inlet) -> bool {
        for _ in 0..BATCHES_PER_TURN {
            let Some(socket) = self.sockets.get(inlet) else {
                return false;
            };
            let count = socket.receive(&mut self.received);
            self.taken += count;
            for (path, wait, datagram) in self.received.datagrams() {
                // The Sfu's time never runs backwards over turns.
                let arrived = now.checked_sub(wait).unwrap_or(now).max(self.turned);
                match self.steering.elsewhere(path, datagram) {
                    Some(worker) => self.steering.forward(worker, arrived, path, datagram),
                    None => self
                        .sfu
                        .handle_packet(arrived, path.local, path.remote, datagram),
                }
                if self.sfu.outbox().len() >= FLUSH_BYTES {
                    flush(&mut self.sfu, &mut self.sockets, &mut self.sending);
                }
            }
            // A short batch has emptied the socket; the next arrival is a new edge.
            if count < RECEIVE_BATCH {
                return false;
            }
        }
        true
    }

    /// Whether more may wait.
    fn take_crossings(&mut self, now: Instant) -> bool {
        for _ in 0..BATCHES_PER_TURN * RECEIVE_BATCH {
            match self.wiring.crossings.try_recv() {
                Ok(Crossing::Datagram {
                    by,
                    at,
                    path,
                    bytes,
                }) => {
                    self.taken += 1;
                    self.cross(at.clamp(self.turned, now), by, path, bytes);
                }
                Ok(Crossing::Owned { path, owner }) => self.steering.learn(path, owner),
                Err(_) => return false,
            }
        }
        true
    }

    /// A datagram that another worker received.
    fn cross(&mut self, at: Instant, by: usize, path: Path, mut bytes: Vec<u8>) {
        let is_check = classify(&bytes) == Some(DatagramKind::Stun);
        self.sfu
            .handle_packet(at, path.local, path.remote, &mut bytes);
        if is_check && self.sfu.owns(&path) {
            self.steering.confirm(by, path);
            self.sockets.connect(&self.poll, path);
        }
    }

    /// After a panic nothing that the [`Sfu`] holds can be trusted.
    fn start_over(&mut self) {
        let lost: Vec<RouterId> =
            catch_unwind(AssertUnwindSafe(|| self.sfu.routers().collect())).unwrap_or_default();
        tracing::error!(
            routers = lost.len(),
            "the media worker failed and starts over"
        );
        // Its destructor may fail as well; then its memory is what is lost.
        let old = mem::replace(&mut self.sfu, (self.make_sfu)());
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        self.ready = Ready {
            inlets: vec![Inlet::V4, Inlet::V6],
            commands: true,
            crossings: true,
        };
        self.sockets.sweep(|_| false);
        for router in lost {
            self.wiring.placement.lost(router);
            self.wiring.events.push(Event::RouterLost { router });
        }
    }

    /// Tells the clients before going.
    fn close(mut self) {
        let now = read_clock();
        let routers: Vec<RouterId> = self.sfu.routers().collect();
        for router in routers {
            let _ = self
                .sfu
                .handle_command(now, Command::CloseRouter { router });
        }
        flush(&mut self.sfu, &mut self.sockets, &mut self.sending);
    }
}

/// Sends all that waits.
fn flush(sfu: &mut Sfu, sockets: &mut Sockets, sending: &mut SendBatch) {
    let Sockets { v4, v6, .. } = sockets;
    while let Some(burst) = sfu.next_burst() {
        let runs = burst.runs().filter(|run| run.path.remote.is_ipv4());
        v4.send(sending, runs);
        if let Some(v6) = v6 {
            let runs = burst.runs().filter(|run| run.path.remote.is_ipv6());
            v6.send(sending, runs);
        }
    }
}

/// Leaves the sockets alone, so that datagrams gather in them.
#[expect(clippy::disallowed_methods, reason = "it is time that is waited for")]
fn gather(time: Duration) {
    if time > Duration::ZERO {
        thread::sleep(time);
    }
}

#[expect(clippy::disallowed_methods, reason = "the worker's only clock")]
fn read_clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{CommandError, Response};
    use crate::ids::ParticipantId;
    use crate::runtime::{MediaConfig, start};

    /// Closing this Router panics.
    const FAILING: RouterId = RouterId(u128::MAX);

    pub(super) fn fail_if_asked(command: &Command) {
        if matches!(command, Command::CloseRouter { router } if *router == FAILING) {
            panic!("asked for by a test");
        }
    }

    #[tokio::test]
    async fn a_panic_is_reported_and_the_worker_starts_over() {
        let config = MediaConfig {
            port: 0,
            ..MediaConfig::default()
        };
        let (handle, mut events, runtime) = start(config).unwrap();
        let add = Command::AddParticipant {
            router: RouterId(7),
            participant: ParticipantId(1),
        };
        assert!(matches!(
            handle.request(add.clone()).await,
            Ok(Response::Done)
        ));
        let asked = handle
            .request(Command::CloseRouter { router: FAILING })
            .await;
        assert_eq!(asked.unwrap_err(), CommandError::Unavailable);
        // What the Router said when it was opened is told only if the failure did not
        // come in the same turn.
        let lost = loop {
            match events.recv().await {
                Some(Event::Strained { .. }) => {}
                event => break event,
            }
        };
        let router = RouterId(7);
        assert_eq!(lost, Some(Event::RouterLost { router }));
        assert!(matches!(handle.request(add).await, Ok(Response::Done)));
        runtime.stop().await;
    }
}
