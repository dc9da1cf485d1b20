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
pub(super) struct CallDetails {
    #[serde(flatten)]
    call: CallSummary,
    events: Vec<EventEntry>,
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
struct EventEntry {
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

impl From<CallRecord> for CallDetails {
    fn from(mut record: CallRecord) -> Self {
        let events = std::mem::take(&mut record.events);
        Self {
            call: record.into(),
            events: events.into_iter().map(EventEntry::from).collect(),
        }
    }
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
            started_at: call.times.started.map(rfc3339),
            ended_at: call.times.ended.map(rfc3339),
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
        } = record;
        Self {
            id: participant.id.to_string(),
            user_id: participant.user.to_string(),
            name: participant.name,
            avatar_url: participant.avatar_url,
            role: participant.role.as_str(),
            status: participant.status.as_str(),
            joined_at: participant.joined_at.map(rfc3339),
            left_at: participant.left_at.map(rfc3339),
            leave_reason: participant.leave_reason.map(|reason| reason.as_str()),
            duration_secs: duration.as_ref().map(Duration::as_secs),
        }
    }
}

impl From<CallEvent> for EventEntry {
    fn from(event: CallEvent) -> Self {
        let (what, reason) = match event.what {
            Happening::Initiated => ("initiated", None),
            Happening::Joined => ("joined", None),
            Happening::Disconnected => ("disconnected", None),
            Happening::Resumed => ("resumed", None),
            Happening::Left(reason) => ("left", Some(reason.as_str())),
            Happening::Ended(reason) => ("ended", Some(reason.as_str())),
        };
        Self {
            seq: event.seq,
            at: rfc3339(event.at),
            what,
            reason,
            user_id: event.user.map(|user| user.to_string()),
            participant_id: event.participant.map(|id| id.to_string()),
        }
    }
}

/// Date and time in UTC (RFC 3339 §5.6). The days are counted in a calendar that
/// starts in March, where the leap day is a year's last and months follow one formula.
fn rfc3339(time: UnixMillis) -> String {
    let (days, millis) = (time.0.div_euclid(86_400_000), time.0.rem_euclid(86_400_000));
    let since_0000_03 = days + 719_468;
    let (era, day) = (
        since_0000_03.div_euclid(146_097),
        since_0000_03.rem_euclid(146_097),
    );
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let date = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year + i64::from(month <= 2);
    let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
    let (second, milli) = (millis / 1000 % 60, millis % 1000);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_the_calendar_has_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_251_199_000, "2024-02-29T23:59:59.000Z"),
            (1_767_225_600_001, "2026-01-01T00:00:00.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (millis, want) in cases {
            assert_eq!(rfc3339(UnixMillis(millis)), want);
        }
    }
}
