//! The only clock, sockets and threads of the crate; clippy denies them elsewhere.
//!
//! A worker is one pinned thread that owns its sockets and its
//! [`Sfu`] outright, so the packet path has no lock and nothing
//! shared. The async world reaches it through [`handle::MediaHandle`].
//!
//! Calls are spread over the workers whole (`placement`). Datagrams that the kernel
//! gave to the wrong one are passed on (`steering`), until the right one has connected
//! a socket to where they come from (`sockets`).

pub mod addresses;
mod cpu;
mod event_queue;
pub mod handle;
mod load;
pub mod message;
mod pace;
mod placement;
mod sockets;
mod steering;
pub mod udp;
mod worker;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::RngCore as _;
use tokio::sync::{mpsc, oneshot};

use crate::error::MediaError;
use crate::limits::Limits;
use crate::router::{ClockAnchor, ForwardingConfig};
use crate::sfu::{Sfu, SfuConfig};
use crate::transport::dtls::DtlsIdentity;

use event_queue::EventQueue;
use handle::Counter;
pub use handle::{EventReceiver, MediaHandle};
use load::Gauges;
pub use load::WorkerLoad;
use placement::Placement;
use sockets::Sockets;
use steering::{Neighbour, Steering};
use udp::Sharing;
use worker::{Wiring, Worker};

/// Commands that may wait for a worker. A join is about four; fifty at once fit
/// several times over, and beyond that a refusal is better than a queue.
const COMMAND_QUEUE: usize = 1024;

/// Events that may wait for signaling; see `event_queue` for what happens beyond.
const EVENT_QUEUE: usize = 4096;

/// Datagrams on their way between two workers: a few milliseconds of a busy one.
const CROSSING_QUEUE: usize = 4096;

/// The username fragment names a worker in one byte; beyond this many a machine
/// needs several ports, for each worker's share of the misdelivered grows.
pub const MAX_WORKERS: usize = 64;

/// Beyond this a jitter buffer grows, and sockets fill between two turns.
pub const MAX_GATHER: Duration = Duration::from_millis(20);

#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// UDP port of all media, both families; 0 takes a free one.
    pub port: u16,
    /// Addresses that clients are told, for a host behind 1:1 NAT. Found on the
    /// machine when empty.
    pub advertised: Vec<IpAddr>,
    /// Pages are served on loopback only, so loopback is advertised as well.
    pub local_only: bool,
    pub workers: usize,
    /// Longest time for which a packet waits to leave with others, which is what makes
    /// them cheap: up to [`MAX_GATHER`]. It is a bound on the distance between turns, not a
    /// promise: a worker that has much to do is later, and one that saves waits for 5 ms.
    pub gather: Duration,
    pub limits: Limits,
    pub forwarding: ForwardingConfig,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            port: 3478,
            advertised: Vec::new(),
            local_only: false,
            workers: 1,
            gather: pace::FAR,
            limits: Limits::default(),
            forwarding: ForwardingConfig::default(),
        }
    }
}

/// A worker's thread and how to end it.
#[derive(Debug)]
struct Running {
    waker: Arc<mio::Waker>,
    /// Ends when the worker drops its sender, which it does last.
    stopped: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

/// The running workers. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct MediaRuntime {
    stop: Arc<AtomicBool>,
    workers: Vec<Running>,
    candidates: Vec<SocketAddr>,
}

impl MediaRuntime {
    /// What the answers name.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.candidates
    }

    /// Closes every Router, which tells the clients, and ends the workers.
    pub async fn stop(mut self) {
        self.ask_to_stop();
        for worker in self.workers.drain(..) {
            let _ = worker.stopped.await;
            let _ = worker.thread.join();
        }
    }

    fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
        for worker in &self.workers {
            // Fails only when the worker is gone.
            let _ = worker.waker.wake();
        }
    }
}

impl Drop for MediaRuntime {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Opens the media port and starts the workers.
pub fn start(
    config: MediaConfig,
) -> Result<(MediaHandle, EventReceiver, MediaRuntime), MediaError> {
    let sockets = bind(config.port, config.workers)?;
    let candidates = candidates(&config, &sockets[0])?;
    let identity = DtlsIdentity::generate().map_err(|e| MediaError::Certificate(e.to_string()))?;
    let sfu = SfuConfig {
        identity: Arc::new(identity),
        candidates: candidates.clone(),
        limits: config.limits,
        forwarding: config.forwarding,
        worker: 0,
    };
    let (handle, events, workers, stop) =
        furnish(sfu, sockets, config.gather).map_err(MediaError::Worker)?;
    let mut runtime = MediaRuntime {
        stop,
        workers: Vec::new(),
        candidates,
    };
    let count = workers.len();
    for (index, (worker, waker)) in workers.into_iter().enumerate() {
        let running = run(worker, waker, index, count).map_err(MediaError::Worker)?;
        runtime.workers.push(running);
    }
    Ok((handle, events, runtime))
}

/// Several sockets may share a port only with SO_REUSEPORT, which hides that
/// another program has it, so the port is tried without first.
fn bind(port: u16, workers: usize) -> Result<Vec<Sockets>, MediaError> {
    if !(1..=MAX_WORKERS).contains(&workers) {
        return Err(MediaError::Workers { workers });
    }
    let alone = Sockets::bind(port, Sharing::Alone)?;
    if workers == 1 {
        return Ok(vec![alone]);
    }
    let port = alone.port();
    drop(alone);
    let shared = |_| Sockets::bind(port, Sharing::BetweenWorkers);
    (0..workers).map(shared).collect()
}

type Furnished = (
    MediaHandle,
    EventReceiver,
    Vec<(Worker, Arc<mio::Waker>)>,
    Arc<AtomicBool>,
);

/// Makes the workers and everything that connects them.
fn furnish(sfu: SfuConfig, sockets: Vec<Sockets>, gather: Duration) -> io::Result<Furnished> {
    let gather = gather.min(MAX_GATHER);
    let gauges: Vec<Arc<Gauges>> = sockets.iter().map(|_| Arc::default()).collect();
    let placement = Arc::new(Placement::new(gauges.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let (events, event_receiver) = mpsc::channel(EVENT_QUEUE);
    let (mut counters, mut neighbours, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for gauges in gauges {
        let (poll, waker) = worker::bed()?;
        let (commands, command_receiver) = mpsc::channel(COMMAND_QUEUE);
        let (crossings, crossing_receiver) = mpsc::channel(CROSSING_QUEUE);
        counters.push(Counter {
            commands,
            waker: waker.clone(),
        });
        neighbours.push(Neighbour {
            crossings,
            waker: waker.clone(),
        });
        let wiring = Wiring {
            commands: command_receiver,
            crossings: crossing_receiver,
            events: EventQueue::new(events.clone()),
            placement: placement.clone(),
            stop: stop.clone(),
            gauges,
            gather,
        };
        ends.push((poll, waker, wiring));
    }
    let mut workers = Vec::new();
    for (index, (sockets, (poll, waker, wiring))) in sockets.into_iter().zip(ends).enumerate() {
        let config = SfuConfig {
            worker: index as u8,
            ..sfu.clone()
        };
        let make_sfu = Box::new(move || new_sfu(config.clone()));
        let steering = Steering::new(index, neighbours.clone());
        let worker = Worker::new(make_sfu, sockets, poll, steering, wiring)?;
        workers.push((worker, waker));
    }
    let handle = MediaHandle::new(counters.into(), placement);
    Ok((handle, event_receiver, workers, stop))
}

fn run(worker: Worker, waker: Arc<mio::Waker>, index: usize, count: usize) -> io::Result<Running> {
    let (ended, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("convoke-media-{index}"));
    let thread = thread.spawn(move || {
        cpu::pin(index, count);
        cpu::wake_on_time();
        worker.run_to_end();
        drop(ended);
    })?;
    Ok(Running {
        waker,
        stopped,
        thread,
    })
}

fn candidates(config: &MediaConfig, sockets: &Sockets) -> Result<Vec<SocketAddr>, MediaError> {
    let found = addresses::advertised(&config.advertised, config.local_only)?;
    let reachable = found
        .into_iter()
        .filter(|ip| ip.is_ipv4() || sockets.has_v6());
    Ok(reachable
        .map(|ip| SocketAddr::new(ip, sockets.port()))
        .collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "where the clock and the system's randomness enter"
)]
fn new_sfu(config: SfuConfig) -> Sfu {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    let clock = ClockAnchor {
        instant: Instant::now(),
        ntp: ntp(SystemTime::now()),
    };
    Sfu::new(config, clock, seed)
}

/// 64-bit NTP format (RFC 5905 §6): seconds since 1900 and their fraction.
fn ntp(time: SystemTime) -> u64 {
    const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
    let unix = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    ((unix.as_secs() + SECONDS_1900_TO_1970) << 32) | fraction
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::{Command, CommandError, Event, Response, Strain};
    use crate::ids::{ParticipantId, RouterId};

    fn on_loopback() -> MediaConfig {
        MediaConfig {
            port: 0,
            local_only: true,
            ..MediaConfig::default()
        }
    }

    #[tokio::test]
    async fn commands_are_answered_until_the_runtime_stops() {
        let (handle, mut events, runtime) = start(on_loopback()).unwrap();
        assert!(runtime.candidates().iter().all(|c| c.port() != 0));
        let add = Command::AddParticipant {
            router: RouterId(1),
            participant: ParticipantId(1),
        };
        assert!(matches!(
            handle.request(add.clone()).await,
            Ok(Response::Done)
        ));
        let again = handle.request(add.clone()).await;
        assert_eq!(again.unwrap_err(), CommandError::DuplicateParticipant);
        runtime.stop().await;
        assert_eq!(
            handle.request(add).await.unwrap_err(),
            CommandError::Unavailable
        );
        let (router, strain) = (RouterId(1), Strain::None);
        assert_eq!(
            events.recv().await,
            Some(Event::Strained { router, strain })
        );
        assert_eq!(events.recv().await, None);
    }

    #[test]
    fn startup_errors_say_what_is_wrong() {
        for workers in [0, 65] {
            let config = MediaConfig {
                workers,
                ..on_loopback()
            };
            assert!(matches!(start(config), Err(MediaError::Workers { .. })));
        }
        let (_handle, _events, runtime) = start(on_loopback()).unwrap();
        for workers in [1, 2] {
            let taken = MediaConfig {
                port: runtime.candidates()[0].port(),
                workers,
                ..on_loopback()
            };
            assert!(matches!(start(taken), Err(MediaError::PortInUse { .. })));
        }
    }

    #[test]
    fn ntp_time_counts_from_1900() {
        let time = UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(ntp(time), (2_208_988_801 << 32) | (1 << 31));
    }
}
