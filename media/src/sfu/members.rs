//! Tables of Participants and Routers: by id for commands, by index for packets.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::ids::{ParticipantId, ParticipantKey, RouterId};
use crate::negotiation::Negotiator;
use crate::router::Router;
use crate::transport::Transport;

use super::policer::Policer;

pub(super) struct Member {
    pub(super) id: ParticipantId,
    /// Index of its Router.
    pub(super) router: u32,
    /// Whether it holds one of the places for handshakes.
    pub(super) handshaking: bool,
    pub(super) transport: Transport,
    pub(super) policer: Policer,
    pub(super) negotiator: Negotiator,
    /// Username fragments that the demux knows as this Participant's.
    pub(super) fragments: SmallVec<[Box<str>; 2]>,
}

/// Participants of all Routers. A freed index is the next to be reused, so that
/// the packet path stays in few cache lines.
#[derive(Default)]
pub(super) struct Members {
    slots: Vec<Option<Member>>,
    free: Vec<u32>,
    by_id: FxHashMap<ParticipantId, ParticipantKey>,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn key(&self, id: ParticipantId) -> Option<ParticipantKey> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get(&self, key: ParticipantKey) -> Option<&Member> {
        self.slots.get(key.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, key: ParticipantKey) -> Option<&mut Member> {
        self.slots.get_mut(key.0 as usize)?.as_mut()
    }

    pub(super) fn insert(&mut self, member: Member) -> ParticipantKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        let key = ParticipantKey(index);
        self.by_id.insert(member.id, key);
        self.slots[index as usize] = Some(member);
        key
    }

    pub(super) fn remove(&mut self, key: ParticipantKey) -> Option<Member> {
        let member = self.slots.get_mut(key.0 as usize)?.take()?;
        self.by_id.remove(&member.id);
        self.free.push(key.0);
        Some(member)
    }

    /// Participants of one Router.
    pub(super) fn of_router(&self, router: u32) -> impl Iterator<Item = ParticipantKey> + '_ {
        let keys = self.slots.iter().enumerate();
        keys.filter(move |(_, slot)| slot.as_ref().is_some_and(|m| m.router == router))
            .map(|(index, _)| ParticipantKey(index as u32))
    }
}

/// A Router and how many Participants it has.
struct Opened {
    router: Router,
    participants: usize,
}

#[derive(Default)]
pub(super) struct Routers {
    slots: Vec<Option<Opened>>,
    free: Vec<u32>,
    by_id: FxHashMap<RouterId, u32>,
}

impl Routers {
    pub(super) fn ids(&self) -> impl Iterator<Item = RouterId> + '_ {
        self.by_id.keys().copied()
    }

    pub(super) fn indices(&self) -> Vec<u32> {
        self.by_id.values().copied().collect()
    }

    pub(super) fn index(&self, id: RouterId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get(&self, index: u32) -> Option<&Router> {
        self.slots
            .get(index as usize)?
            .as_ref()
            .map(|opened| &opened.router)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Router> {
        self.slots
            .get_mut(index as usize)?
            .as_mut()
            .map(|opened| &mut opened.router)
    }

    pub(super) fn participants(&self, index: u32) -> usize {
        let opened = self.slots.get(index as usize).and_then(Option::as_ref);
        opened.map_or(0, |opened| opened.participants)
    }

    pub(super) fn insert(&mut self, router: Router) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.by_id.insert(router.id(), index);
        self.slots[index as usize] = Some(Opened {
            router,
            participants: 0,
        });
        index
    }

    pub(super) fn joined(&mut self, index: u32) {
        if let Some(Some(opened)) = self.slots.get_mut(index as usize) {
            opened.participants += 1;
        }
    }

    /// Closes the Router with its last Participant; whether it did.
    pub(super) fn left(&mut self, index: u32) -> bool {
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return false;
        };
        let Some(opened) = slot else { return false };
        opened.participants -= 1;
        if opened.participants > 0 {
            return false;
        }
        self.by_id.remove(&opened.router.id());
        *slot = None;
        self.free.push(index);
        true
    }
}
