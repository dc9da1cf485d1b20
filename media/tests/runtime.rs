//! The worker with real sockets: virtual participants of the simulation, on real
//! time and loopback, IPv4 and IPv6. What forwards is tested in virtual time; here
//! it is threads, system calls and both ends of the handle.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of it is test code")]

#[path = "simulation/sim/mod.rs"]
mod sim;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use convoke_media::control::{Command, Event, MediaKind, Response, TransportState};
use convoke_media::ids::{ParticipantId, RouterId};
use convoke_media::runtime::{EventReceiver, MediaConfig, MediaHandle, MediaRuntime, start};
use convoke_media::transport::dtls::DtlsIdentity;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use sim::netem::Datagram;
use sim::participant::{Equipment, VirtualParticipant};

/// Far more than needed, so that only a hang is a failure on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Device {
    socket: UdpSocket,
    participant: VirtualParticipant,
}

impl Device {
    async fn join(handle: &MediaHandle, origin: Instant, place: (u128, usize), ip: IpAddr) -> Self {
        let (router, index) = place;
        let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).await.unwrap();
        let identity = Arc::new(DtlsIdentity::generate().unwrap());
        let equipment = Equipment::FULL.slots(1, 2);
        let mut participant =
            VirtualParticipant::new(index, origin, identity, [index as u8; 32], equipment);
        participant.address = socket.local_addr().unwrap();
        let id = ParticipantId(router * 100 + index as u128);
        participant.id = id;
        let add = Command::AddParticipant {
            router: RouterId(router),
            participant: id,
        };
        handle.request(add).await.unwrap();
        let offer = Command::Offer {
            participant: id,
            offer: participant.offer(),
        };
        let Ok(Response::Answer(answer)) = handle.request(offer).await else {
            panic!("no answer");
        };
        participant.handle_answer(clock(), answer);
        Self {
            socket,
            participant,
        }
    }

    /// Sends and receives until `done` says so.
    async fn run(&mut self, done: impl Fn(&VirtualParticipant) -> bool) {
        let mut buffer = [0; 2048];
        while !done(&self.participant) {
            self.participant.handle_timeout(clock());
            for datagram in std::mem::take(&mut self.participant.outgoing) {
                self.socket
                    .send_to(&datagram.bytes, datagram.to)
                    .await
                    .unwrap();
            }
            let next = self.participant.next_timeout();
            let wait = next.map_or(PATIENCE, |at| at.saturating_duration_since(clock()));
            let received = timeout(wait, self.socket.recv_from(&mut buffer)).await;
            if let Ok(received) = received {
                let (len, from) = received.unwrap();
                let datagram = Datagram {
                    from,
                    to: self.participant.address,
                    bytes: buffer[..len].to_vec(),
                };
                self.participant.handle_packet(clock(), datagram);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the point of this test")]
fn clock() -> Instant {
    Instant::now()
}

fn served(participant: &VirtualParticipant) -> bool {
    participant
        .slots
        .iter()
        .all(|slot| slot.arrived.len() >= 60)
}

async fn connected(events: &mut EventReceiver, count: usize) {
    let mut seen = 0;
    while seen < count {
        match events.recv().await {
            Some(Event::Transport {
                state: TransportState::Connected,
                ..
            }) => seen += 1,
            Some(_) => {}
            None => panic!("the worker ended"),
        }
    }
}

fn loopback(workers: usize) -> (MediaHandle, EventReceiver, MediaRuntime) {
    let config = MediaConfig {
        port: 0,
        advertised: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        workers,
        ..MediaConfig::default()
    };
    start(config).unwrap()
}

#[tokio::test]
async fn three_participants_over_real_sockets() {
    let (handle, mut events, runtime) = loopback(1);
    let origin = clock();
    let v4 = Ipv4Addr::LOCALHOST.into();
    let v6 = Ipv6Addr::LOCALHOST.into();
    let mut a = Device::join(&handle, origin, (1, 0), v4).await;
    let mut b = Device::join(&handle, origin, (1, 1), v6).await;
    let mut c = Device::join(&handle, origin, (1, 2), v4).await;
    // Everybody goes on publishing until all are served.
    let done = AtomicU8::new(0);
    let served = |p: &VirtualParticipant| {
        let own = u8::from(served(p)) << p.index;
        done.fetch_or(own, Ordering::Relaxed) | own == 0b111
    };
    let everybody = async {
        tokio::join!(a.run(served), b.run(served), c.run(served));
        connected(&mut events, 3).await;
    };
    timeout(PATIENCE, everybody).await.expect("a call");
    for device in [&a, &b, &c] {
        let all = device.participant.slots.iter();
        for report in all.map(|slot| slot.report(origin, clock())) {
            assert_eq!(report.violations, [""; 0]);
        }
        let pictures = device.participant.slots_of(MediaKind::Video);
        assert!(pictures.into_iter().all(|slot| slot.foreign == 0));
    }
    let asked = handle.request(Command::GetStats {
        participant: b.participant.id,
    });
    let Ok(Response::Stats(stats)) = asked.await else {
        panic!("no stats");
    };
    assert_eq!(stats.transport.srtp_profile, Some("AEAD_AES_128_GCM"));
    // A graceful stop says goodbye to everyone.
    runtime.stop().await;
    let told = |p: &VirtualParticipant| p.states.contains(&TransportState::Failed);
    let everybody = async { tokio::join!(a.run(told), b.run(told), c.run(told)) };
    timeout(PATIENCE, everybody).await.expect("a goodbye");
}

/// Four calls on three workers: most datagrams reach a worker that is not theirs.
#[tokio::test]
async fn calls_on_several_workers_share_the_port() {
    let (handle, mut events, runtime) = loopback(3);
    let origin = clock();
    let mut devices = Vec::new();
    for router in 0..4 {
        for index in 0..2 {
            let v4 = Ipv4Addr::LOCALHOST.into();
            devices.push(Device::join(&handle, origin, (router, index), v4).await);
        }
    }
    let served = AtomicU8::new(0);
    let heard = |p: &VirtualParticipant| {
        let audio = p.slots_of(MediaKind::Audio).all(|s| s.arrived.len() >= 60);
        let video = p.slots_of(MediaKind::Video).any(|s| s.arrived.len() >= 60);
        audio && video
    };
    let all = devices.iter_mut().enumerate().map(|(at, device)| {
        let served = &served;
        device.run(move |p| {
            let own = u8::from(heard(p)) << at;
            served.fetch_or(own, Ordering::Relaxed) | own == 0xff
        })
    });
    let everybody = async {
        futures_of(all.collect()).await;
        connected(&mut events, 8).await;
    };
    timeout(PATIENCE, everybody).await.expect("four calls");
    for device in &devices {
        for slot in &device.participant.slots {
            let report = slot.report(origin, clock());
            assert_eq!(report.violations, [""; 0]);
        }
    }
    runtime.stop().await;
}

/// Polls all until all are done.
async fn futures_of<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut pending: Vec<_> = futures.into_iter().map(|f| Some(Box::pin(f))).collect();
    std::future::poll_fn(|context| {
        for slot in &mut pending {
            if slot
                .as_mut()
                .is_some_and(|f| f.as_mut().poll(context).is_ready())
            {
                *slot = None;
            }
        }
        if pending.iter().all(Option::is_none) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
