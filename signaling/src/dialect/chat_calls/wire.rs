//! What a call looks like: fields in `camelCase`, times in RFC 3339 UTC, durations in
//! whole seconds, absent instead of null.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::{CallType, MediaView, NewStatus, call_status};
use crate::domain::call::Backend;
use crate::domain::event::{CallEvent, Happening};
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::http::body::HostId;
use crate::http::extract::CallName;
use crate::http::problem::RequestRefused;
use crate::ids::UserId;
use crate::service::{CallFilter, CallRecord, CallRef, ParticipantRecord, Person};

/// A [`CallName`] in an event's payload.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CallIdField(HostId);

impl CallIdField {
    pub(super) fn named(&self) -> Result<CallRef, CallError> {
        match &self.0 {
            HostId::Number(number) => Ok(CallRef::Number(*number)),
            HostId::Text(text) => CallName::of(text).map(|name| name.0),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitiateCall {
    pub(super) r#type: CallType,
    pub(super) is_group_call: Option<bool>,
    /// Who is rung; everybody in the chat room when nobody is named.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(super) invite_user_ids: Vec<HostId>,
    /// Whose media: the server's default when absent.
    #[schema(value_type = Option<String>)]
    pub(super) backend: Option<BackendWord>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum BackendWord {
    Sfu,
    Jitsi,
}

impl From<BackendWord> for Backend {
    fn from(word: BackendWord) -> Self {
        match word {
            BackendWord::Sfu => Self::Sfu,
            BackendWord::Jitsi => Self::Jitsi,
        }
    }
}

impl InitiateCall {
    pub(super) fn invited(&self) -> Result<Vec<UserId>, RequestRefused> {
        let ids = self.invite_user_ids.iter();
        ids.map(|id| id.parse("inviteUserIds")).collect()
    }
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = JoinChatCall)]
pub(super) struct JoinCall {
    /// Of a call that has one and in which one was not asked.
    pub(super) password: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatCallStatus)]
pub(super) struct ChangeStatus {
    pub(super) status: NewStatus,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCallHistory)]
pub(super) struct History {
    calls: Vec<CallView>,
    limit: u32,
    offset: u32,
}

impl History {
    pub(super) fn of(records: Vec<CallRecord>, filter: &CallFilter) -> Self {
        Self {
            calls: records.into_iter().map(CallView::from).collect(),
            limit: filter.limit,
            offset: filter.offset,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCall)]
pub(super) struct CallView {
    id: String,
    number: i64,
    #[serde(flatten)]
    what: WhatView,
    /// `initiated`, `ringing`, `ongoing`, `completed`, `missed`, `rejected`,
    /// `cancelled` or `failed`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiated_by: Option<String>,
    #[serde(flatten)]
    times: TimesView,
    participants: Vec<PersonView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCallNature)]
struct WhatView {
    room: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_room_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    r#type: &'static str,
    is_group_call: bool,
    kind: &'static str,
    mode: &'static str,
    backend: &'static str,
    is_recording: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCallTimes)]
struct TimesView {
    created_at: String,
    /// Until when it rings.
    #[serde(skip_serializing_if = "Option::is_none")]
    rings_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<u64>,
}

/// A user, whatever number of devices it was there with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCallParticipant)]
pub(super) struct PersonView {
    id: String,
    user_id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    role: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leave_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<u64>,
    #[serde(flatten)]
    media: MediaView,
}

/// A call with everything that happened in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCallDetails)]
pub(super) struct CallDetails {
    #[serde(flatten)]
    call: CallView,
    devices: Vec<DeviceView>,
    events: Vec<EventView>,
}

/// One row of the record: a device of a user, each time it came, or an invitation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCallDevice)]
struct DeviceView {
    /// `participantId` of the events.
    id: String,
    user_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leave_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChatCallEvent)]
struct EventView {
    seq: i64,
    at: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_id: Option<String>,
}

impl From<CallRecord> for CallDetails {
    fn from(mut record: CallRecord) -> Self {
        let events = std::mem::take(&mut record.events);
        Self {
            devices: record.participants.iter().map(DeviceView::of).collect(),
            call: record.into(),
            events: events.into_iter().map(EventView::from).collect(),
        }
    }
}

impl DeviceView {
    fn of(record: &ParticipantRecord) -> Self {
        let participant = &record.participant;
        Self {
            id: participant.id.to_string(),
            user_id: participant.user.to_string(),
            status: participant.status.as_str(),
            joined_at: participant.joined_at.map(UnixMillis::rfc3339),
            left_at: participant.left_at.map(UnixMillis::rfc3339),
            leave_reason: participant.leave_reason.map(|reason| reason.as_str()),
            duration_secs: record.duration.as_ref().map(Duration::as_secs),
        }
    }
}

impl From<CallRecord> for CallView {
    fn from(record: CallRecord) -> Self {
        let people = record.people();
        let participants = people.into_iter().map(|person| {
            let rows = record.participants.iter();
            let last = rows.rev().find(|row| row.participant.user == person.user);
            let reason = last.and_then(|row| row.participant.leave_reason);
            PersonView::of(person, reason.map(|reason| reason.as_str()))
        });
        let participants = participants.collect();
        let CallRecord { call, duration, .. } = record;
        Self {
            status: call_status(&call),
            id: call.id.to_string(),
            number: call.number,
            end_reason: call.end_reason.map(|reason| reason.as_str()),
            initiated_by: call.initiated_by.as_ref().map(UserId::to_string),
            times: TimesView {
                created_at: call.times.created.rfc3339(),
                rings_until: call.times.rings_until.map(UnixMillis::rfc3339),
                started_at: call.times.started.map(UnixMillis::rfc3339),
                ended_at: call.times.ended.map(UnixMillis::rfc3339),
                duration_secs: duration.as_ref().map(Duration::as_secs),
            },
            what: WhatView::of(call),
            participants,
        }
    }
}

impl WhatView {
    fn of(call: crate::domain::call::Call) -> Self {
        Self {
            room: call.room.to_string(),
            chat_room_id: call.about.chat.map(|chat| chat.to_string()),
            title: call.about.title,
            r#type: call.nature.kind.as_str(),
            is_group_call: call.nature.mode == crate::domain::call::CallMode::Group,
            kind: call.nature.kind.as_str(),
            mode: call.nature.mode.as_str(),
            backend: call.nature.backend.as_str(),
            is_recording: call.recording,
        }
    }
}

impl PersonView {
    fn of(person: Person, leave_reason: Option<&'static str>) -> Self {
        Self {
            id: person.first.to_string(),
            user_id: person.user.to_string(),
            name: person.name,
            avatar_url: person.avatar_url,
            role: person.role.as_str(),
            status: person.status.as_str(),
            joined_at: person.joined_at.map(UnixMillis::rfc3339),
            left_at: person.left_at.map(UnixMillis::rfc3339),
            leave_reason,
            duration_secs: person.duration.as_ref().map(Duration::as_secs),
            media: person.media.into(),
        }
    }
}

impl From<CallEvent> for EventView {
    fn from(event: CallEvent) -> Self {
        let reason = match event.what {
            Happening::Left(reason) => Some(reason.as_str()),
            Happening::Ended(reason) => Some(reason.as_str()),
            _ => None,
        };
        Self {
            seq: event.seq,
            at: event.at.rfc3339(),
            r#type: event.what.word(),
            reason,
            user_id: event.user.map(|user| user.to_string()),
            participant_id: event.participant.map(|id| id.to_string()),
        }
    }
}
