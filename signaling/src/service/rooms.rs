//! The Rooms in which something is going on, and whose turn it is in each.
//!
//! Two locks, so that nobody waits for a database behind another Room: a *turn* is
//! held over a whole transition, transaction included, and makes the order of a
//! Room's notices the order of its commits; `live` is held for moments, never over
//! an await, and is all that media events and reads need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use convoke_media::control::Strain;

use super::live::LiveCall;
use crate::ids::{CallId, ParticipantId, RoomName};

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: RoomName,
    turn: Arc<tokio::sync::Mutex<()>>,
    live: Mutex<Option<LiveCall>>,
    /// What the Router of a Call said before the Call was live. Touched under `live` alone.
    early: Mutex<Option<(CallId, Strain)>>,
}

impl Room {
    /// Keeps what a Router says whose first Participant is not told of yet.
    pub(super) fn keep_early(&self, call: CallId, strain: Strain) {
        *lock(&self.early) = Some((call, strain));
    }

    /// What was kept for this Call, once.
    pub(super) fn early(&self, call: CallId) -> Strain {
        let kept = lock(&self.early).take().filter(|(of, _)| *of == call);
        kept.map_or(Strain::None, |(_, strain)| strain)
    }

    /// What is going on, as of the last commit.
    pub(super) fn live(&self) -> MutexGuard<'_, Option<LiveCall>> {
        lock(&self.live)
    }
}

#[derive(Debug, Default)]
pub(super) struct Rooms {
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    rooms: HashMap<RoomName, Arc<Room>>,
    participants: HashMap<ParticipantId, RoomName>,
    calls: HashMap<CallId, RoomName>,
}

/// The right to change what goes on in a Room.
#[derive(Debug)]
pub(super) struct Turn {
    room: Arc<Room>,
    _held: OwnedMutexGuard<()>,
}

impl Turn {
    pub(super) fn room(&self) -> &Room {
        &self.room
    }
}

impl Rooms {
    /// Waits for its turn in the Room.
    pub(super) async fn turn(&self, name: &RoomName) -> Turn {
        let room = self.get_or_insert(name);
        let held = Arc::clone(&room.turn).lock_owned().await;
        Turn { room, _held: held }
    }

    pub(super) fn of_participant(&self, id: ParticipantId) -> Option<Arc<Room>> {
        let name = lock(&self.index).participants.get(&id)?.clone();
        Some(self.get_or_insert(&name))
    }

    pub(super) fn of_call(&self, id: CallId) -> Option<Arc<Room>> {
        let name = lock(&self.index).calls.get(&id)?.clone();
        Some(self.get_or_insert(&name))
    }

    /// Remembers where a Participant is, from before it joins until after it left.
    pub(super) fn enter(&self, id: ParticipantId, room: &RoomName) {
        lock(&self.index).participants.insert(id, room.clone());
    }

    pub(super) fn exit(&self, id: ParticipantId) {
        lock(&self.index).participants.remove(&id);
    }

    pub(super) fn open(&self, id: CallId, room: &RoomName) {
        lock(&self.index).calls.insert(id, room.clone());
    }

    pub(super) fn close(&self, id: CallId) {
        lock(&self.index).calls.remove(&id);
    }

    /// The Call did not become live after all, unless it was already.
    pub(super) fn close_unless_live(&self, room: &Room, id: CallId) {
        let is_live = {
            let live = room.live();
            room.early(id);
            live.as_ref().is_some_and(|call| call.call().id == id)
        };
        if !is_live {
            self.close(id);
        }
    }

    /// Whether a Call goes on there, without waiting for its turn.
    pub(super) fn is_live(&self, name: &RoomName) -> bool {
        let index = lock(&self.index);
        index
            .rooms
            .get(name)
            .is_some_and(|room| room.live().is_some())
    }

    /// Calls that go on, and everybody in them.
    pub(super) fn counts(&self) -> (usize, usize) {
        let rooms: Vec<_> = lock(&self.index).rooms.values().cloned().collect();
        let present = rooms
            .iter()
            .filter_map(|room| room.live().as_ref().map(LiveCall::participants));
        present.fold((0, 0), |(calls, all), here| (calls + 1, all + here))
    }

    /// Participants whose Room is remembered.
    pub(super) fn remembered(&self) -> usize {
        lock(&self.index).participants.len()
    }

    fn get_or_insert(&self, name: &RoomName) -> Arc<Room> {
        let mut index = lock(&self.index);
        let room = index.rooms.entry(name.clone()).or_insert_with(|| {
            Arc::new(Room {
                name: name.clone(),
                turn: Arc::default(),
                live: Mutex::default(),
                early: Mutex::default(),
            })
        });
        Arc::clone(room)
    }

    /// Forgets the Rooms in which nothing goes on and for which nobody waits: who
    /// does has cloned the Arc under the lock that is held here.
    pub(super) fn forget_idle(&self) {
        let mut index = lock(&self.index);
        index
            .rooms
            .retain(|_, room| Arc::strong_count(room) > 1 || room.live().is_some());
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        lock(&self.index).rooms.is_empty()
    }
}

/// A panic under one of these locks left nothing half-written that the next commit
/// does not overwrite.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_found_no_place_leaves_nothing_behind() {
        let rooms = Rooms::default();
        let name = RoomName::try_from("r").unwrap();
        let id = CallId::from_uuid(uuid::Uuid::from_u128(1));
        rooms.open(id, &name);
        let room = rooms.of_call(id).unwrap();
        room.keep_early(id, Strain::FewerPictures);
        rooms.close_unless_live(&room, id);
        assert_eq!(room.early(id), Strain::None);
        assert!(rooms.of_call(id).is_none());
    }

    #[tokio::test]
    async fn an_idle_room_is_forgotten_but_not_under_a_turn() {
        let rooms = Rooms::default();
        let name = RoomName::try_from("r").unwrap();
        let turn = rooms.turn(&name).await;
        rooms.forget_idle();
        assert!(!rooms.is_empty());
        drop(turn);
        rooms.forget_idle();
        assert!(rooms.is_empty());
    }
}
