//! A world of virtual participants around one [`Sfu`], in virtual time.
//!
//! One seed decides everything: the network's dice, the participants' credentials,
//! the Sfu's numbers. What it cannot decide is rtc-dtls's key material, so the
//! trace hash leaves out what is encrypted and how long a handshake record is.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of it is test code, shared by a test and a bench that use parts of it"
)]

pub mod broadcast;
pub mod netem;
pub mod offer;
pub mod participant;
pub mod publisher;
pub mod receiver;
pub mod tag;
pub mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use convoke_media::control::{
    Command, CommandError, Event, FrameSize, Response, SlotRequest, SlotState, SlotTarget, Source,
    TrackId,
};
use convoke_media::ids::{Mid, ParticipantId, RouterId};
use convoke_media::limits::Limits;
use convoke_media::router::{ClockAnchor, ForwardingConfig};
use convoke_media::sfu::{Sfu, SfuConfig};
use convoke_media::stats::ParticipantStats;
use convoke_media::transport::dtls::DtlsIdentity;

use netem::{Datagram, Direction, Network};
use participant::{Equipment, VirtualParticipant, mid};

pub const ROUTER: RouterId = RouterId(0xC0);
const UNIX_1900: u64 = 2_208_988_800;
const EPOCH: u64 = UNIX_1900 + 1_700_000_000;

static IDENTITY: LazyLock<Arc<DtlsIdentity>> =
    LazyLock::new(|| Arc::new(DtlsIdentity::generate().expect("a certificate")));

pub fn server_address() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 1], 3478))
}

/// NTP time when so much virtual time has passed.
pub fn ntp_at(elapsed: Duration) -> u64 {
    let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
    (EPOCH + elapsed.as_secs()) << 32 | fraction
}

#[expect(
    clippy::disallowed_methods,
    reason = "an arbitrary origin of virtual time"
)]
fn arbitrary_instant() -> Instant {
    Instant::now()
}

pub struct World {
    pub origin: Instant,
    pub now: Instant,
    pub sfu: Sfu,
    pub network: Network,
    pub participants: Vec<VirtualParticipant>,
    pub events: Vec<(Duration, Event)>,
    /// Every datagram that reached the server, when kept.
    pub captured: Option<Vec<Datagram>>,
    intercepted: Option<(usize, Vec<Datagram>)>,
    addresses: BTreeMap<SocketAddr, usize>,
    seed: u64,
    trace: Trace,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self::with_limits(seed, Limits::default())
    }

    pub fn with_limits(seed: u64, limits: Limits) -> Self {
        let origin = arbitrary_instant();
        let config = SfuConfig {
            identity: IDENTITY.clone(),
            candidates: vec![server_address()],
            limits,
            forwarding: ForwardingConfig::default(),
            worker: 0,
        };
        let clock = ClockAnchor {
            instant: origin,
            ntp: ntp_at(Duration::ZERO),
        };
        Self {
            origin,
            now: origin,
            sfu: Sfu::new(config, clock, seed_bytes(seed, u64::MAX)),
            network: Network::new(seed),
            participants: Vec::new(),
            events: Vec::new(),
            captured: None,
            intercepted: None,
            addresses: BTreeMap::new(),
            seed,
            trace: Trace::new(),
        }
    }

    /// Adds a participant and negotiates; it connects as time goes on.
    pub fn join(&mut self, equipment: Equipment) -> usize {
        let index = self.participants.len();
        let seed = seed_bytes(self.seed, index as u64);
        let participant =
            VirtualParticipant::new(index, self.origin, IDENTITY.clone(), seed, equipment);
        let id = participant.id;
        self.addresses.insert(participant.address, index);
        self.participants.push(participant);
        self.request(Command::AddParticipant {
            router: ROUTER,
            participant: id,
        })
        .expect("room for a participant");
        self.negotiate(index);
        index
    }

    pub fn join_many(&mut self, count: usize, equipment: Equipment) {
        for _ in 0..count {
            self.join(equipment);
        }
    }

    /// One offer and its answer.
    pub fn negotiate(&mut self, index: usize) {
        let participant = self.participants[index].id;
        let offer = self.participants[index].offer();
        match self.request(Command::Offer { participant, offer }) {
            Ok(Response::Answer(answer)) => {
                self.participants[index].handle_answer(self.now, answer);
            }
            other => panic!("no answer: {other:?}"),
        }
    }

    pub fn request(&mut self, command: Command) -> Result<Response, CommandError> {
        self.sfu.handle_command(self.now, command)
    }

    pub fn leave(&mut self, index: usize) {
        let participant = self.id(index);
        self.request(Command::RemoveParticipant { participant })
            .expect("it is there");
        self.participants[index].asleep = true;
    }

    /// Points Slot number `slot` (of the video Slots) at somebody's camera.
    pub fn pin(&mut self, index: usize, slot: usize, track: TrackId, max_size: (u16, u16)) {
        let video = convoke_media::control::MediaKind::Video;
        let name = self.participants[index]
            .slots_of(video)
            .nth(slot)
            .expect("a slot")
            .mid
            .clone();
        self.set_slot(index, &name, SlotTarget::Pinned(track), max_size);
    }

    pub fn set_slot(&mut self, index: usize, name: &str, target: SlotTarget, size: (u16, u16)) {
        let request = SlotRequest {
            mid: mid(name),
            target,
            max_size: Some(FrameSize {
                width: size.0,
                height: size.1,
            }),
            priority: 0,
        };
        let participant = self.id(index);
        let slots = vec![request];
        self.request(Command::SetSlots { participant, slots })
            .expect("a slot");
    }

    pub fn id(&self, index: usize) -> ParticipantId {
        self.participants[index].id
    }

    pub fn camera_of(&self, index: usize) -> TrackId {
        TrackId {
            participant: self.id(index),
            source: Source::Camera,
        }
    }

    pub fn mute(&mut self, index: usize, source: Source, muted: bool) {
        let participant = self.id(index);
        let command = Command::SetMuted {
            participant,
            source,
            muted,
        };
        self.request(command).expect("a published source");
    }

    /// The page is loaded anew: the same participant with another RTCPeerConnection
    /// at another port.
    pub fn reload(&mut self, index: usize) {
        let identity = Arc::new(DtlsIdentity::generate().expect("a certificate"));
        self.renew(index, identity);
    }

    /// The same with the certificate that it had.
    pub fn reopen(&mut self, index: usize) {
        self.renew(index, IDENTITY.clone());
    }

    fn renew(&mut self, index: usize, identity: Arc<DtlsIdentity>) {
        let seed = seed_bytes(self.seed, 1 << 32 | index as u64);
        let equipment = Equipment::FULL.slots(1, 1);
        let mut fresh = VirtualParticipant::new(index, self.origin, identity, seed, equipment);
        fresh.address.set_port(50_000);
        self.addresses.remove(&self.participants[index].address);
        self.addresses.insert(fresh.address, index);
        self.participants[index] = fresh;
        self.negotiate(index);
    }

    /// Takes off the wire what a participant sends in this time, instead of
    /// delivering it.
    pub fn intercept(&mut self, index: usize, duration: Duration) -> Vec<Datagram> {
        self.intercepted = Some((index, Vec::new()));
        self.run(duration);
        let (_, datagrams) = self.intercepted.take().expect("set above");
        datagrams
    }

    pub fn stats(&mut self, index: usize) -> ParticipantStats {
        let participant = self.id(index);
        match self.request(Command::GetStats { participant }) {
            Ok(Response::Stats(stats)) => *stats,
            other => panic!("no stats: {other:?}"),
        }
    }

    pub fn move_to(&mut self, index: usize, address: SocketAddr) {
        let participant = &mut self.participants[index];
        self.addresses.remove(&participant.address);
        self.addresses.insert(address, index);
        participant.move_to(self.now, address);
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.origin
    }

    /// State of a participant's Slots as its events tell.
    pub fn assignments(&self, index: usize) -> BTreeMap<Mid, SlotState> {
        let id = self.id(index);
        let mut states = BTreeMap::new();
        for (_, event) in &self.events {
            if let Event::Slots {
                participant,
                assignments,
            } = event
                && *participant == id
            {
                states.extend(assignments.iter().map(|a| (a.mid, a.state)));
            }
        }
        states
    }

    pub fn trace_hash(&self) -> u64 {
        self.trace.0
    }

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.pump();
            let clients = self
                .participants
                .iter()
                .filter_map(VirtualParticipant::next_timeout);
            let next = clients
                .chain(self.network.next())
                .chain(self.sfu.next_timeout())
                .min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            self.step();
        }
    }

    /// Runs until all are connected, which has to be soon.
    pub fn connect(&mut self) {
        for _ in 0..100 {
            if self
                .participants
                .iter()
                .all(|p| p.asleep || p.transport.is_connected())
            {
                return;
            }
            self.run(Duration::from_millis(100));
        }
        panic!("somebody does not connect");
    }

    fn step(&mut self) {
        while let Some(datagram) = self.network.pop_due(self.now) {
            self.deliver(datagram);
        }
        if self.sfu.next_timeout().is_some_and(|at| at <= self.now) {
            self.sfu.handle_timeout(self.now);
        }
        for participant in &mut self.participants {
            if participant.next_timeout().is_some_and(|at| at <= self.now) {
                participant.handle_timeout(self.now);
            }
        }
    }

    fn deliver(&mut self, mut datagram: Datagram) {
        self.trace.add(self.now - self.origin, &datagram);
        if datagram.to == server_address() {
            if let Some(captured) = &mut self.captured {
                captured.push(datagram.clone());
            }
            self.sfu
                .handle_packet(self.now, datagram.to, datagram.from, &mut datagram.bytes);
        } else if let Some(&index) = self.addresses.get(&datagram.to) {
            self.participants[index].handle_packet(self.now, datagram);
        }
    }

    /// Puts on the network what wants to be sent.
    fn pump(&mut self) {
        while let Some(event) = self.sfu.poll_event() {
            self.events.push((self.now - self.origin, event));
        }
        let (now, network, addresses) = (self.now, &mut self.network, &self.addresses);
        while let Some(burst) = self.sfu.next_burst() {
            for run in burst.runs() {
                let Some(&index) = addresses.get(&run.path.remote) else {
                    continue;
                };
                for bytes in run.datagrams() {
                    let datagram = Datagram {
                        from: run.path.local,
                        to: run.path.remote,
                        bytes: bytes.to_vec(),
                    };
                    network.send(now, index, Direction::Down, datagram);
                }
            }
        }
        for participant in &mut self.participants {
            for datagram in participant.outgoing.drain(..) {
                if let Some((index, kept)) = &mut self.intercepted
                    && *index == participant.index
                {
                    kept.push(datagram);
                    continue;
                }
                network.send(now, participant.index, Direction::Up, datagram);
            }
        }
    }
}

/// FNV-1a over what is deterministic of each datagram.
struct Trace(u64);

impl Trace {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, elapsed: Duration, datagram: &Datagram) {
        let first = datagram.bytes.first().copied().unwrap_or(0);
        let dtls = (20..64).contains(&first);
        let len = if dtls { 0 } else { datagram.bytes.len() };
        let key = (elapsed.as_nanos(), datagram.from, datagram.to, first, len);
        for byte in format!("{key:?}").bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn seed_bytes(seed: u64, stream: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..16].copy_from_slice(&stream.to_be_bytes());
    bytes
}
