//! The selective forwarding unit: transports, Routers and what joins them.
//!
//! An `Sfu` belongs to one worker and owns everything of its calls, so that nothing
//! here is shared and the whole runs in virtual time. Its methods are of three
//! kinds: `handle_*` changes it and carries `now`; `poll_event` and
//! `next_burst` are to be drained after any number of those; `next_timeout` says when
//! [`Sfu::handle_timeout`] is due. It logs nothing per packet and never fails for
//! what a remote sends.
//!
//! Out of scope: addresses and sockets, users and rooms, wall-clock time (which
//! comes in once, as [`ClockAnchor`]).

mod command;
pub mod fuzzing;
mod members;
mod policer;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::control::{Event, TransportState};
use crate::demux::{DatagramKind, Demux, DroppedDatagrams, classify};
use crate::ids::{ParticipantKey, RouterId};
use crate::limits::{Limits, MAX_EVENTS};
use crate::outbox::{Burst, Outbox, Seal};
use crate::router::{ClockAnchor, ForwardingConfig, Relief};
use crate::timer::{Timer, TimerTable};
use crate::transport::dtls::DtlsIdentity;
use crate::transport::{Path, StunOutcome, stun};

use members::{Members, Routers};

/// What an [`Sfu`] is told once.
#[derive(Clone)]
pub struct SfuConfig {
    pub identity: Arc<DtlsIdentity>,
    /// Addresses that the answers name.
    pub candidates: Vec<SocketAddr>,
    pub limits: Limits,
    pub forwarding: ForwardingConfig,
    /// Written into the username fragments, where a sibling worker finds it.
    pub worker: u8,
}

/// See the module.
pub struct Sfu {
    config: SfuConfig,
    clock: ClockAnchor,
    /// Source of every credential, SSRC and initial number.
    rng: ChaCha8Rng,
    demux: Demux,
    members: Members,
    routers: Routers,
    timers: TimerTable,
    due: Vec<Timer>,
    handshakes: usize,
    outbox: Outbox,
    events: VecDeque<Event>,
    relief: Relief,
}

impl Sfu {
    pub fn new(config: SfuConfig, clock: ClockAnchor, seed: [u8; 32]) -> Self {
        Self {
            config,
            clock,
            rng: ChaCha8Rng::from_seed(seed),
            demux: Demux::default(),
            members: Members::default(),
            routers: Routers::default(),
            timers: TimerTable::default(),
            due: Vec::new(),
            handshakes: 0,
            outbox: Outbox::default(),
            events: VecDeque::new(),
            relief: Relief::NONE,
        }
    }

    /// Has every Router leave out as much as `relief` says.
    pub fn set_relief(&mut self, now: Instant, relief: Relief) {
        self.relief = relief;
        for index in self.routers.indices() {
            if let Some(router) = self.routers.get_mut(index) {
                router.set_relief(now, relief);
                self.settle_router(index);
            }
        }
    }

    pub const fn relief(&self) -> Relief {
        self.relief
    }

    /// A datagram as it came from the wire; it is decrypted in place.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        local: SocketAddr,
        source: SocketAddr,
        payload: &mut [u8],
    ) {
        let path = Path {
            local,
            remote: source,
        };
        let Some(kind) = classify(payload) else {
            self.demux.dropped.unknown_kind += 1;
            return;
        };
        if kind == DatagramKind::Stun {
            self.handle_stun(now, path, payload);
            return;
        }
        let Some(key) = self.demux.by_path(&path) else {
            self.demux.dropped.unvalidated += 1;
            return;
        };
        match kind {
            DatagramKind::Rtp => self.handle_rtp(now, key, payload),
            DatagramKind::Rtcp => self.handle_rtcp(now, key, payload),
            _ => self.handle_dtls(now, key, path, payload),
        }
    }

    /// Everything that is due; each timer at most once a call.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.due);
        while let Some(timer) = self.timers.pop_due(now) {
            due.push(timer);
        }
        for timer in due.drain(..) {
            match timer {
                Timer::Transport(index) => self.transport_timeout(now, ParticipantKey(index)),
                Timer::Router(index) => self.router_timeout(now, index),
            }
        }
        self.due = due;
    }

    /// When to call [`Self::handle_timeout`]; now and then earlier than needed.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What waits to be sent.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Seals the next of what waits; `None` when nothing does any more.
    pub fn next_burst(&mut self) -> Option<&Burst> {
        for to in self.outbox.approaching() {
            if let Some(member) = self.members.get(to) {
                member.transport.prefetch_sealer();
            }
        }
        let members = &mut self.members;
        self.outbox.next_burst(|to, seal, room, len| {
            let transport = &mut members.get_mut(to)?.transport;
            let sealed = match seal {
                Seal::Rtp(seq) => transport.seal_rtp(seq, room, len),
                Seal::Rtcp => transport.seal_rtcp(room, len),
            };
            sealed.ok()
        })
    }

    /// The open Routers, in no order.
    pub fn routers(&self) -> impl Iterator<Item = RouterId> + '_ {
        self.routers.ids()
    }

    pub fn participants(&self) -> usize {
        self.members.len()
    }

    /// Whether a path is validated for a Participant of ours.
    pub fn owns(&self, path: &Path) -> bool {
        self.demux.by_path(path).is_some()
    }

    /// DTLS handshakes in flight, as [`Limits::handshakes`] counts them.
    pub const fn handshakes(&self) -> usize {
        self.handshakes
    }

    /// Whether nothing is left of any Participant: tables, fragments, addresses.
    pub fn is_idle(&self) -> bool {
        self.members.len() == 0
            && self.routers().next().is_none()
            && self.demux.is_empty()
            && self.handshakes == 0
    }

    /// What was dropped at the door.
    pub fn dropped(&self) -> DroppedDatagrams {
        self.demux.dropped
    }

    fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let known = self.demux.by_path(&path);
        let named = stun::local_ufrag_of(datagram).and_then(|ufrag| self.demux.by_fragment(ufrag));
        // A check names its Participant; what else arrives on a validated path (an
        // indication, a response) concerns the path's owner.
        let Some(key) = named.or(known) else {
            self.demux.dropped.stun += 1;
            return;
        };
        let crowded =
            self.demux.paths_from(path.remote.ip()) >= self.config.limits.paths_per_address;
        if known.is_none() && crowded {
            self.demux.dropped.stun += 1;
            return;
        }
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        match member.transport.handle_stun(now, path, datagram) {
            StunOutcome::Ignored | StunOutcome::Refused => {}
            StunOutcome::Refreshed => self.demux.validate(path, key),
            StunOutcome::NewPath { replaced } => {
                if let Some(replaced) = replaced {
                    self.demux.forget(replaced, key);
                }
                self.demux.validate(path, key);
            }
        }
        self.settle_fragments(key);
        self.settle_transport(now, key);
    }

    fn handle_dtls(&mut self, now: Instant, key: ParticipantKey, path: Path, datagram: &[u8]) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        // Only who is to handshake takes a place: what comes after a failure leads
        // nowhere, and nothing would give its place back.
        if member.transport.awaits_handshake() && !member.handshaking {
            if self.handshakes >= self.config.limits.handshakes {
                // The client's retransmission (RFC 6347 §4.2.4) tries again.
                return;
            }
            member.handshaking = true;
            self.handshakes += 1;
        }
        member.transport.handle_dtls(now, path, datagram);
        self.settle_transport(now, key);
    }

    fn handle_rtp(&mut self, now: Instant, key: ParticipantKey, packet: &mut [u8]) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        // What fails is counted by the transport.
        let Ok(len) = member.transport.open_rtp(packet) else {
            return;
        };
        if !member.policer.admit(now, len) {
            return;
        }
        let index = member.router;
        let Some(router) = self.routers.get_mut(index) else {
            return;
        };
        router.handle_rtp(now, key, &mut packet[..len], &mut self.outbox);
        self.settle_router(index);
    }

    fn handle_rtcp(&mut self, now: Instant, key: ParticipantKey, packet: &mut [u8]) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let Ok(len) = member.transport.open_rtcp(packet) else {
            return;
        };
        if !member.policer.admit(now, len) {
            return;
        }
        let index = member.router;
        let Some(router) = self.routers.get_mut(index) else {
            return;
        };
        router.handle_rtcp(now, key, &packet[..len], &mut self.outbox);
        self.settle_router(index);
    }

    fn transport_timeout(&mut self, now: Instant, key: ParticipantKey) {
        if let Some(member) = self.members.get_mut(key) {
            member.transport.handle_timeout(now);
            self.settle_transport(now, key);
        }
    }

    fn router_timeout(&mut self, now: Instant, index: u32) {
        if let Some(router) = self.routers.get_mut(index) {
            router.handle_timeout(now, &mut self.outbox);
            self.settle_router(index);
        }
    }

    /// Follows up on whatever a transport was just told.
    fn settle_transport(&mut self, now: Instant, key: ParticipantKey) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        while let Some(datagram) = member.transport.poll_control() {
            self.outbox.push_control(datagram.path, &datagram.bytes);
        }
        self.outbox.set_path(key, member.transport.path());
        // However it ended: keys, an alert, the time limit, an offer that starts over.
        if member.handshaking && !member.transport.awaits_handshake() {
            member.handshaking = false;
            self.handshakes -= 1;
        }
        let deadline = member.transport.next_timeout();
        self.timers.set(Timer::Transport(key.0), deadline);
        while let Some(state) = self.poll_transport_state(key) {
            self.transport_changed(now, key, state);
        }
    }

    fn poll_transport_state(&mut self, key: ParticipantKey) -> Option<TransportState> {
        self.members.get_mut(key)?.transport.poll_event()
    }

    fn transport_changed(&mut self, now: Instant, key: ParticipantKey, state: TransportState) {
        let Some(member) = self.members.get(key) else {
            return;
        };
        let (participant, index) = (member.id, member.router);
        if let Some(router) = self.routers.get_mut(index) {
            router.set_connected(now, key, state == TransportState::Connected);
            self.settle_router(index);
        }
        self.emit(Event::Transport { participant, state });
    }

    /// Follows up on whatever a Router was just told.
    fn settle_router(&mut self, index: u32) {
        let Some(router) = self.routers.get_mut(index) else {
            return;
        };
        self.timers.set(Timer::Router(index), router.next_timeout());
        while let Some(event) = router.poll_event() {
            if self.events.len() < MAX_EVENTS {
                self.events.push_back(event);
            }
        }
    }

    /// Which username fragments lead here changes with an ICE restart and again
    /// when its first check arrives.
    fn settle_fragments(&mut self, key: ParticipantKey) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        if member
            .transport
            .local_ufrags()
            .eq(member.fragments.iter().map(|f| &**f))
        {
            return;
        }
        for old in member.fragments.drain(..) {
            self.demux.remove_fragment(&old);
        }
        for ufrag in member.transport.local_ufrags() {
            self.demux.add_fragment(ufrag, key);
            member.fragments.push(ufrag.into());
        }
    }

    fn emit(&mut self, event: Event) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }
}
