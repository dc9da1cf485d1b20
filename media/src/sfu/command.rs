//! Commands of signaling. Each is judged in full before anything changes.

use std::time::Instant;

use rand::RngCore as _;

use crate::control::{Answer, Command, CommandError, Offer, Response};
use crate::ids::{ParticipantId, ParticipantKey, RouterId};
use crate::negotiation::{LocalDescription, Negotiator, is_candidate};
use crate::router::Router;
use crate::stats::{ParticipantStats, TransportStats};
use crate::timer::Timer;
use crate::transport::Transport;

use super::Sfu;
use super::members::Member;
use super::policer::Policer;

impl Sfu {
    /// A refused command changes nothing.
    pub fn handle_command(
        &mut self,
        now: Instant,
        command: Command,
    ) -> Result<Response, CommandError> {
        match command {
            Command::AddParticipant {
                router,
                participant,
            } => self.add_participant(now, router, participant)?,
            Command::Offer { participant, offer } => {
                return self.offer(now, participant, &offer).map(Response::Answer);
            }
            Command::AddCandidate {
                participant,
                candidate,
            } => self.add_candidate(participant, &candidate)?,
            Command::SetSlots { participant, slots } => {
                self.ask_router(participant, |router, key| {
                    router.set_slots(now, key, &slots)
                })?;
            }
            Command::SetMuted {
                participant,
                source,
                muted,
            } => self.ask_router(participant, |router, key| {
                router.set_muted(now, key, source, muted)
            })?,
            Command::RemoveParticipant { participant } => {
                let key = self.key(participant)?;
                self.remove(now, key);
            }
            Command::CloseRouter { router } => self.close_router(now, router)?,
            Command::GetStats { participant } => {
                return self
                    .stats(participant)
                    .map(|stats| Response::Stats(Box::new(stats)));
            }
        }
        Ok(Response::Done)
    }

    fn key(&self, id: ParticipantId) -> Result<ParticipantKey, CommandError> {
        self.members.key(id).ok_or(CommandError::UnknownParticipant)
    }

    fn add_participant(
        &mut self,
        now: Instant,
        router: RouterId,
        id: ParticipantId,
    ) -> Result<(), CommandError> {
        if self.members.key(id).is_some() {
            return Err(CommandError::DuplicateParticipant);
        }
        let limits = &self.config.limits;
        let open = self.routers.index(router);
        let present = open.map_or(0, |index| self.routers.participants(index));
        if present >= limits.participants_per_router {
            let limit = "participants of a call";
            return Err(CommandError::LimitReached { limit });
        }
        if self.members.len() >= limits.participants {
            let limit = "participants";
            return Err(CommandError::LimitReached { limit });
        }
        let index = open.unwrap_or_else(|| self.open_router(router));
        let transport = Transport::new(
            self.config.identity.clone(),
            self.config.worker,
            self.seed(),
        );
        let negotiator = Negotiator::new(self.seed());
        let key = self.members.insert(Member {
            id,
            router: index,
            handshaking: false,
            policer: Policer::new(now, self.config.limits.send_rate),
            transport,
            negotiator,
            fragments: Default::default(),
        });
        self.routers.joined(index);
        if let Some(router) = self.routers.get_mut(index) {
            router.add_participant(now, key, id);
        }
        self.settle_fragments(key);
        self.settle_transport(now, key);
        self.settle_router(index);
        Ok(())
    }

    fn open_router(&mut self, id: RouterId) -> u32 {
        let forwarding = self.config.forwarding.clone();
        let mut router = Router::new(id, forwarding, self.clock, self.rng.next_u64());
        router.open(self.relief);
        self.routers.insert(router)
    }

    fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        seed
    }

    fn offer(
        &mut self,
        now: Instant,
        participant: ParticipantId,
        offer: &Offer,
    ) -> Result<Answer, CommandError> {
        let key = self.key(participant)?;
        let member = self
            .members
            .get_mut(key)
            .ok_or(CommandError::UnknownParticipant)?;
        if member.transport.is_over() {
            member.negotiator.transport_is_over();
        }
        let negotiated = member.negotiator.accept(offer)?;
        let renewed = member.transport.set_remote(now, &negotiated.transport);
        let answer = member.negotiator.answer(&LocalDescription {
            ufrag: member.transport.local_ufrag(),
            pwd: member.transport.local_pwd(),
            fingerprint: self.config.identity.fingerprint(),
            candidates: &self.config.candidates,
        });
        let index = member.router;
        if renewed.client {
            self.demux.evict(key);
        }
        if let Some(router) = self.routers.get_mut(index) {
            if renewed.handshake {
                router.set_connected(now, key, false);
            }
            router.apply(now, key, &negotiated);
            if renewed.handshake {
                router.renew(key);
            }
        }
        self.settle_fragments(key);
        self.settle_transport(now, key);
        self.settle_router(index);
        // There is always an answer to the offer accepted last.
        answer.ok_or(CommandError::Unavailable)
    }

    fn add_candidate(&self, id: ParticipantId, candidate: &str) -> Result<(), CommandError> {
        self.key(id)?;
        // The empty string is the end of candidates (RFC 8838 §8.2).
        if candidate.is_empty() || is_candidate(candidate) {
            Ok(())
        } else {
            Err(CommandError::InvalidCandidate)
        }
    }

    fn ask_router(
        &mut self,
        id: ParticipantId,
        ask: impl FnOnce(&mut Router, ParticipantKey) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        let key = self.key(id)?;
        let member = self
            .members
            .get(key)
            .ok_or(CommandError::UnknownParticipant)?;
        let index = member.router;
        let router = self
            .routers
            .get_mut(index)
            .ok_or(CommandError::UnknownRouter)?;
        let outcome = ask(router, key);
        self.settle_router(index);
        outcome
    }

    fn remove(&mut self, now: Instant, key: ParticipantKey) {
        let Some(mut member) = self.members.remove(key) else {
            return;
        };
        member.transport.close(now);
        while let Some(datagram) = member.transport.poll_control() {
            self.outbox.push_control(datagram.path, &datagram.bytes);
        }
        if member.handshaking {
            self.handshakes -= 1;
        }
        for ufrag in &member.fragments {
            self.demux.remove_fragment(ufrag);
        }
        self.demux.evict(key);
        self.outbox.forget(key);
        self.timers.set(Timer::Transport(key.0), None);
        if let Some(router) = self.routers.get_mut(member.router) {
            router.remove_participant(now, key);
        }
        self.settle_router(member.router);
        if self.routers.left(member.router) {
            self.timers.set(Timer::Router(member.router), None);
        }
    }

    fn close_router(&mut self, now: Instant, id: RouterId) -> Result<(), CommandError> {
        let index = self.routers.index(id).ok_or(CommandError::UnknownRouter)?;
        let keys: Vec<ParticipantKey> = self.members.of_router(index).collect();
        for key in keys {
            self.remove(now, key);
        }
        Ok(())
    }

    fn stats(&self, id: ParticipantId) -> Result<ParticipantStats, CommandError> {
        let key = self.key(id)?;
        let member = self
            .members
            .get(key)
            .ok_or(CommandError::UnknownParticipant)?;
        let router = self
            .routers
            .get(member.router)
            .ok_or(CommandError::UnknownRouter)?;
        let (tracks, slots) = router.stats(key);
        Ok(ParticipantStats {
            transport: TransportStats {
                over_rate: member.policer.dropped,
                ..member.transport.stats()
            },
            tracks,
            slots,
        })
    }
}
