//! What `/api/v1` shows: fields in `camelCase`, times in RFC 3339 UTC, durations in
//! whole seconds, absent instead of null.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::event::{CallEvent, Happening};
use crate::domain::time::UnixMillis;
use crate::http::problem::RequestRefused;
use crate::service::{CallRecord, CallRecords, Page, ParticipantRecord};
use crate::session::SessionContext;
use crate::session::limits::{MAX_MESSAGE_BYTES, MAX_SLOTS};
use crate::session::message::{IceServer, Limits, PROTOCOL_VERSION};

const DEFAULT_LIMIT: u32 = 20;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageConfig {
    protocol: u32,
    /// Whether a name alone is enough.
    guests: bool,
    ice_servers: Vec<IceServer>,
    limits: Limits,
}

impl PageConfig {
    pub(super) fn of(context: &SessionContext) -> Self {
        Self {
            protocol: PROTOCOL_VERSION,
            guests: context.auth.guests_admitted(),
            ice_servers: context.config.ice_servers.clone(),
            limits: Limits {
                max_participants: context.config.max_participants,
                max_message_bytes: MAX_MESSAGE_BYTES as u32,
                max_slots: MAX_SLOTS as u32,
            },
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// How many, at most 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// `next` of the page before.
    before: Option<String>,
}

impl ListQuery {
    pub(super) fn page(&self) -> Result<Page, RequestRefused> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=Page::MAX_LIMIT).contains(&limit) {
            return Err(RequestRefused::Malformed("limit must be 1 to 100"));
        }
        let before = self.before.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_| RequestRefused::Malformed("before must be a call's id"))?;
        Ok(Page { before, limit })
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallList {
    calls: Vec<CallSummary>,
    /// `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl From<CallRecords> for CallList {
    fn from(records: CallRecords) -> Self {
        Self {
            calls: records.calls.into_iter().map(CallSummary::from).collect(),
            next: records.next.map(|id| id.to_string()),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CallSummary {
    id: String,
    number: i64,
    room: String,
    kind: &'static str,
    mode: &'static str,
    backend: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initiated_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<u64>,
    participants: Vec<ParticipantSummary>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ParticipantSummary {
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
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventEntry {
    seq: i64,
    at: String,
    #[serde(rename = "type")]
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_id: Option<String>,
}

impl From<CallRecord> for CallSummary {
    fn from(record: CallRecord) -> Self {
        let CallRecord {
            call,
            duration,
            participants,
            ..
        } = record;
        Self {
            id: call.id.to_string(),
            number: call.number,
            room: call.room.to_string(),
            kind: call.nature.kind.as_str(),
            mode: call.nature.mode.as_str(),
            backend: call.nature.backend.as_str(),
            status: call.status.as_str(),
            end_reason: call.end_reason.map(|reason| reason.as_str()),
            initiated_by: call.initiated_by.map(|user| user.to_string()),
            started_at: call.times.started.map(UnixMillis::rfc3339),
            ended_at: call.times.ended.map(UnixMillis::rfc3339),
            duration_secs: duration.as_ref().map(Duration::as_secs),
            participants: participants
                .into_iter()
                .map(ParticipantSummary::from)
                .collect(),
        }
    }
}

impl From<ParticipantRecord> for ParticipantSummary {
    fn from(record: ParticipantRecord) -> Self {
        let ParticipantRecord {
            participant,
            duration,
            ..
        } = record;
        Self {
            id: participant.id.to_string(),
            user_id: participant.user.to_string(),
            name: participant.name,
            avatar_url: participant.avatar_url,
            role: participant.role.as_str(),
            status: participant.status.as_str(),
            joined_at: participant.joined_at.map(UnixMillis::rfc3339),
            left_at: participant.left_at.map(UnixMillis::rfc3339),
            leave_reason: participant.leave_reason.map(|reason| reason.as_str()),
            duration_secs: duration.as_ref().map(Duration::as_secs),
        }
    }
}

impl From<CallEvent> for EventEntry {
    fn from(event: CallEvent) -> Self {
        let reason = match event.what {
            Happening::Left(reason) => Some(reason.as_str()),
            Happening::Ended(reason) => Some(reason.as_str()),
            _ => None,
        };
        Self {
            seq: event.seq,
            at: event.at.rfc3339(),
            what: event.what.word(),
            reason,
            user_id: event.user.map(|user| user.to_string()),
            participant_id: event.participant.map(|id| id.to_string()),
        }
    }
}
