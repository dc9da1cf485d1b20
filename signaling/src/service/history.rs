//! Calls on record, for those who may see them. Who may not learns nothing, not even
//! that there is something.

use std::collections::HashMap;

use super::core::{Core, database};
use super::record::{CallRecord, CallRecords, Page, ParticipantRecord};
use crate::domain::call::Call;
use crate::domain::participant::Participant;
use crate::domain::permission;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::ids::{CallId, RoomName};
use crate::store::Listing;

impl Core {
    pub(super) async fn get_call(
        &self,
        who: &Principal,
        id: CallId,
    ) -> Result<CallRecord, CallError> {
        let call = self.store.call(id).await.map_err(database)?;
        let call = call.ok_or(CallError::UnknownCall)?;
        let participants = self.store.participants(call.number).await;
        let participants = participants.map_err(database)?;
        let took_part = participants.iter().any(|p| p.user == who.user);
        let sees = permission::oversees(who, &call.room)
            || (took_part && permission::reaches(who, &call.room));
        if !sees {
            return Err(CallError::UnknownCall);
        }
        let events = self.store.events(call.number).await.map_err(database)?;
        let mut record = record(call, participants, self.clock.now());
        record.events = events;
        Ok(record)
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
        let calls = self.with_participants(room, calls).await?;
        Ok(CallRecords { calls, next })
    }

    /// Latest first in, latest first out.
    async fn with_participants(
        &self,
        room: &RoomName,
        calls: Vec<Call>,
    ) -> Result<Vec<CallRecord>, CallError> {
        let (Some(latest), Some(oldest)) = (calls.first(), calls.last()) else {
            return Ok(Vec::new());
        };
        let numbers = oldest.number..=latest.number;
        let rows = self
            .store
            .participants_between(room.as_str(), numbers)
            .await;
        let mut of_call: HashMap<i64, Vec<Participant>> = HashMap::new();
        for (number, participant) in rows.map_err(database)? {
            of_call.entry(number).or_default().push(participant);
        }
        let now = self.clock.now();
        let records = calls.into_iter().map(|call| {
            let participants = of_call.remove(&call.number).unwrap_or_default();
            record(call, participants, now)
        });
        Ok(records.collect())
    }
}

fn record(call: Call, participants: Vec<Participant>, now: UnixMillis) -> CallRecord {
    let so_far = |since: Option<UnixMillis>| since.map(|since| now.since(since));
    let participants = participants.into_iter().map(|participant| {
        let duration = match participant.left_at {
            Some(_) => participant.duration(),
            None => so_far(participant.joined_at),
        };
        ParticipantRecord {
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
        call,
    }
}
