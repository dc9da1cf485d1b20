//! The only clock, sockets and threads of the crate; clippy denies them elsewhere.
//!
//! A worker is one pinned thread that owns its sockets and its
//! [`Sfu`] outright, so the packet path has no lock and nothing
//! shared. The async world reaches it through [`handle::MediaHandle`].
//!
//! Out of scope for now: more than one worker. Its seams are there (the worker's
//! number in the username fragment, commands by mailbox), the steering of
//! datagrams between workers is not, and [`start`] says so.

pub mod addresses;
mod event_queue;
pub mod handle;
pub mod message;
pub mod udp;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::RngCore as _;
use tokio::sync::{mpsc, oneshot};

use crate::error::MediaError;
use crate::limits::Limits;
use crate::router::{ClockAnchor, ForwardingConfig};
use crate::sfu::{Sfu, SfuConfig};
use crate::transport::dtls::DtlsIdentity;

pub use handle::{EventReceiver, MediaHandle};
use worker::{Sockets, Worker};

/// Commands that may wait for a worker. A join is about four; fifty at once fit
/// several times over, and beyond that a refusal is better than a queue.
const COMMAND_QUEUE: usize = 1024;

/// Events that may wait for signaling; see `event_queue` for what happens beyond.
const EVENT_QUEUE: usize = 4096;

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
            limits: Limits::default(),
            forwarding: ForwardingConfig::default(),
        }
    }
}

/// The running workers. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct MediaRuntime {
    stop: Arc<AtomicBool>,
    waker: Arc<mio::Waker>,
    stopped: oneshot::Receiver<()>,
    thread: Option<JoinHandle<()>>,
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
        // Ends when the worker drops its sender, which it does last.
        let _ = (&mut self.stopped).await;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn ask_to_stop(&self) {
        self.stop.store(true, Ordering::Release);
        // Fails only when the worker is gone.
        let _ = self.waker.wake();
    }
}

impl Drop for MediaRuntime {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Opens the media port and starts the worker.
pub fn start(
    config: MediaConfig,
) -> Result<(MediaHandle, EventReceiver, MediaRuntime), MediaError> {
    if config.workers != 1 {
        let workers = config.workers;
        return Err(MediaError::Workers { workers });
    }
    let sockets = Sockets::bind(config.port)?;
    let candidates = candidates(&config, &sockets)?;
    let identity = DtlsIdentity::generate().map_err(|e| MediaError::Certificate(e.to_string()))?;
    let sfu = SfuConfig {
        identity: Arc::new(identity),
        candidates: candidates.clone(),
        limits: config.limits,
        forwarding: config.forwarding,
        worker: 0,
    };
    let (commands, mailbox) = mpsc::channel(COMMAND_QUEUE);
    let (events, event_receiver) = mpsc::channel(EVENT_QUEUE);
    let stop = Arc::new(AtomicBool::new(false));
    let make_sfu = move || new_sfu(sfu.clone());
    let worker = Worker::new(Box::new(make_sfu), sockets, mailbox, events, stop.clone())
        .map_err(MediaError::Worker)?;
    let waker = worker.waker();
    let (ended, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("convoke-media-0".to_owned())
        .spawn(move || {
            worker::pin_to_core(0, 1);
            worker.run_to_end();
            drop(ended);
        })
        .map_err(MediaError::Worker)?;
    let runtime = MediaRuntime {
        stop,
        waker: waker.clone(),
        stopped,
        thread: Some(thread),
        candidates,
    };
    Ok((MediaHandle::new(commands, waker), event_receiver, runtime))
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
    use crate::control::{Command, CommandError, Response};
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
        assert_eq!(events.recv().await, None);
    }

    #[test]
    fn startup_errors_say_what_is_wrong() {
        let workers = MediaConfig {
            workers: 4,
            ..on_loopback()
        };
        assert!(matches!(
            start(workers),
            Err(MediaError::Workers { workers: 4 })
        ));
        let (_handle, _events, runtime) = start(on_loopback()).unwrap();
        let taken = MediaConfig {
            port: runtime.candidates()[0].port(),
            ..on_loopback()
        };
        assert!(matches!(start(taken), Err(MediaError::PortInUse { .. })));
    }

    #[test]
    fn ntp_time_counts_from_1900() {
        let time = UNIX_EPOCH + Duration::from_millis(1500);
        assert_eq!(ntp(time), (2_208_988_801 << 32) | (1 << 31));
    }
}
