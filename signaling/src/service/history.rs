//! Calls on record, for those who may see them. Who may not learns nothing, not even
//! that there is something.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::core::{Core, database};
use super::record::{CallRecord, CallRecords, Page, ParticipantRecord};
use crate::domain::call::Call;
use crate::domain::directory::User;
use crate::domain::participant::Participant;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::{CallId, RoomName, UserId};
use crate::store::Listing;

impl Core {
    pub(super) async fn get_call(
        &self,
        who: &Principal,
        id: CallId,
    ) -> Result<CallRecord, CallError> {
        let call = self.store.call(id).await.map_err(database)?;
        let call = call.ok_or(CallError::UnknownCall)?;
        let record = self.record_of(call.number).await?;
        let sees = permission::oversees(who, &call.room)
            || (record.concerns(&who.user) && permission::reaches(who, &call.room));
        sees.then_some(record).ok_or(CallError::UnknownCall)
    }

    /// Everything on record of a Call that is known to exist.
    pub(super) async fn record_of(&self, number: i64) -> Result<CallRecord, CallError> {
        let call = self.store.call_by_number(number).await.map_err(database)?;
        let call = call.ok_or(CallError::UnknownCall)?;
        let events = self.store.events(number, 0, CallRecord::MAX_EVENTS).await;
        let recordings = self.store.recordings(number).await.map_err(database)?;
        let mut records = self.records(vec![call]).await?;
        let record = records.pop().ok_or(CallError::UnknownCall)?;
        Ok(CallRecord {
            events: events.map_err(database)?,
            recordings,
            ..record
        })
    }

    pub(super) async fn list_calls(
        &self,
        who: &Principal,
        room: &RoomName,
        page: Page,
    ) -> Result<CallRecords, CallError> {
        if !permission::reaches(who, room) {
            return Err(CallError::Forbidden);
        }
        let before = match page.before {
            None => i64::MAX,
            Some(id) => {
                let call = self.store.call(id).await.map_err(database)?;
                let same_room = call.filter(|call| call.room == *room);
                same_room.ok_or(CallError::UnknownCall)?.number
            }
        };
        let limit = page.limit.clamp(1, Page::MAX_LIMIT);
        let everything = permission::oversees(who, room);
        let listing = Listing {
            seen_by: (!everything).then_some(&who.user),
            before,
            // One more tells whether there is a next page.
            limit: i64::from(limit) + 1,
        };
        let calls = self.store.calls_of_room(room, listing).await;
        let mut calls = calls.map_err(database)?;
        let limit = limit as usize;
        let more = calls.len() > limit;
        calls.truncate(limit);
        let next = calls.last().filter(|_| more).map(|call| call.id);
        let calls = self.records(calls).await?;
        Ok(CallRecords { calls, next })
    }

    /// With everybody concerned, in the order given.
    pub(super) async fn records(&self, calls: Vec<Call>) -> Result<Vec<CallRecord>, CallError> {
        let numbers: Vec<_> = calls.iter().map(|call| call.number).collect();
        let rows = self
            .store
            .participants_of(&numbers)
            .await
            .map_err(database)?;
        let named = rows.iter().map(|(_, _, p)| &p.user);
        let named = named.chain(calls.iter().filter_map(|call| call.initiated_by.as_ref()));
        let named: BTreeSet<_> = named.collect();
        let users = self.store.users(named).await.map_err(database)?;
        let mut of_call: HashMap<i64, Vec<(i64, Participant)>> = HashMap::new();
        for (call, number, participant) in rows {
            let rows = of_call.entry(call).or_default();
            rows.push((number, participant));
        }
        let now = self.clock.now();
        let records = calls.into_iter().map(|call| {
            let participants = of_call.remove(&call.number).unwrap_or_default();
            record(call, participants, &users, now)
        });
        Ok(records.collect())
    }
}

fn record(
    call: Call,
    participants: Vec<(i64, Participant)>,
    users: &BTreeMap<UserId, User>,
    now: UnixMillis,
) -> CallRecord {
    let named = participants
        .iter()
        .map(|(_, p)| &p.user)
        .chain(&call.initiated_by);
    let users = named.filter_map(|id| Some((id.clone(), users.get(id)?.clone())));
    let users = users.collect();
    let so_far = |since: Option<UnixMillis>| since.map(|since| now.since(since));
    let participants = participants.into_iter().map(|(number, participant)| {
        let duration = match participant.left_at {
            Some(_) => participant.duration(),
            None => so_far(participant.joined_at),
        };
        ParticipantRecord {
            number,
            participant,
            duration,
        }
    });
    CallRecord {
        duration: match call.times.ended {
            Some(_) => call.duration(),
            None => so_far(call.times.started),
        },
        participants: participants.collect(),
        events: Vec::new(),
        recordings: Vec::new(),
        users,
        call,
    }
}
