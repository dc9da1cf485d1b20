//! What `/api/video-calls` reads and writes, in the document's names.

use std::time::Duration;

use serde::de::{DeserializeOwned, IntoDeserializer as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::call::{Backend, CallStatus, EndReason, Origin};
use crate::domain::directory::User;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::http::body::HostId;
use crate::http::problem::{Problem, RequestRefused};
use crate::ids::{AppointmentId, UserId};
use crate::jitsi::{Audience, Flags, Placement, TokenShape, Visitor};
use crate::links::{JoinLinks, LinkStyle, TokenNeed};
use crate::service::{AppointmentCall, CallFilter, CallRecord};

const STYLE: LinkStyle = LinkStyle {
    token: TokenShape {
        audience: Audience::AppId,
        flags: Flags::Boolean,
        lobby_bypass: true,
        features: false,
        lifetime: Duration::from_secs(3 * 3600),
    },
    placement: Placement::Query,
    need: TokenNeed::Always,
};

/// The document's VideoCallStatus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = video_calls::VideoCallStatus)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum VideoCallStatus {
    Scheduled,
    InProgress,
    Completed,
    Cancelled,
    Failed,
    NoShow,
}

impl VideoCallStatus {
    fn of(record: &CallRecord) -> Self {
        match (record.call.status, record.call.end_reason) {
            (CallStatus::Scheduled | CallStatus::Pending, _) => Self::Scheduled,
            (CallStatus::Ongoing, _) => Self::InProgress,
            (CallStatus::Ended, reason) => match reason {
                Some(EndReason::Cancelled | EndReason::Rejected) => Self::Cancelled,
                Some(EndReason::Failed) => Self::Failed,
                Some(EndReason::NoShow | EndReason::Missed) => Self::NoShow,
                Some(EndReason::Completed) | None => Self::Completed,
            },
        }
    }

    fn stored(self) -> &'static [CallStatus] {
        match self {
            Self::Scheduled => &[CallStatus::Scheduled, CallStatus::Pending],
            Self::InProgress => &[CallStatus::Ongoing],
            Self::Completed | Self::Cancelled | Self::Failed | Self::NoShow => &[CallStatus::Ended],
        }
    }

    fn reasons(self) -> &'static [EndReason] {
        match self {
            Self::Scheduled | Self::InProgress => &[],
            Self::Completed => &[EndReason::Completed],
            Self::Cancelled => &[EndReason::Cancelled, EndReason::Rejected],
            Self::Failed => &[EndReason::Failed],
            Self::NoShow => &[EndReason::NoShow, EndReason::Missed],
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = video_calls::BackendWord)]
#[serde(rename_all = "lowercase")]
enum BackendWord {
    Sfu,
    Jitsi,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = video_calls::InitiateBody)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitiateBody {
    /// Required; without it the answer is 400.
    appointment_id: Option<HostId>,
    backend: Option<BackendWord>,
}

impl InitiateBody {
    pub(super) fn parse(self, backend: Backend) -> Result<(AppointmentId, Backend), Problem> {
        let id = self.appointment_id;
        let id = id.ok_or(RequestRefused::Malformed("appointmentId is missing"))?;
        let backend = match self.backend {
            None => backend,
            Some(BackendWord::Sfu) => Backend::Sfu,
            Some(BackendWord::Jitsi) => Backend::Jitsi,
        };
        Ok((id.parse("appointmentId")?, backend))
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = video_calls::StatusBody)]
pub(super) struct StatusBody {
    /// Required; without it, or with another, the answer is 400.
    #[schema(value_type = Action)]
    action: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = video_calls::Action)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Join,
    Start,
    End,
    Cancel,
    Failed,
}

impl StatusBody {
    pub(super) fn action(&self) -> Result<Action, RequestRefused> {
        match self.action.as_deref() {
            Some("join") => Ok(Action::Join),
            Some("start") => Ok(Action::Start),
            Some("end") => Ok(Action::End),
            Some("cancel") => Ok(Action::Cancel),
            Some("failed") => Ok(Action::Failed),
            _ => Err(RequestRefused::Malformed(
                "action must be join, start, end, cancel or failed",
            )),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Of this status alone; an empty one is none.
    #[serde(default, deserialize_with = "empty_is_none")]
    status: Option<VideoCallStatus>,
    /// How many, at most 100.
    #[param(minimum = 1, maximum = 100, default = 100)]
    limit: Option<u32>,
    offset: Option<u32>,
}

/// What a form sends whose filter is not set.
fn empty_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let word = String::deserialize(deserializer)?;
    if word.is_empty() {
        return Ok(None);
    }
    T::deserialize(word.into_deserializer()).map(Some)
}

impl ListQuery {
    pub(super) fn filter(&self) -> Result<CallFilter, RequestRefused> {
        let status = self.status;
        let limit = self.limit.unwrap_or(CallFilter::MAX_LIMIT);
        if !(1..=CallFilter::MAX_LIMIT).contains(&limit) {
            return Err(RequestRefused::Malformed("limit must be 1 to 100"));
        }
        Ok(CallFilter {
            origins: vec![Origin::Appointment],
            statuses: status.map_or(Vec::new(), |status| status.stored().to_vec()),
            end_reasons: status.map_or(Vec::new(), |status| status.reasons().to_vec()),
            limit,
            offset: self.offset.unwrap_or(0).min(100_000),
        })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::Entry)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    message: &'static str,
    video_call: Identity,
    jitsi_token: String,
    meeting_link: String,
    #[schema(example = "doctor")]
    user_role: &'static str,
    is_moderator: bool,
    expires_in: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::Identity)]
#[serde(rename_all = "camelCase")]
struct Identity {
    id: String,
    appointment_id: String,
    room_name: String,
    status: VideoCallStatus,
}

impl Entry {
    pub(super) fn issue(
        message: &'static str,
        who: &Principal,
        call: &AppointmentCall,
        links: &JoinLinks,
        now: UnixMillis,
    ) -> Result<Self, Problem> {
        if call.over() {
            return Err(CallError::Over.into());
        }
        // A backend oversees an appointment, but is nobody in it.
        if !call.appointment.is_of(&who.user) {
            return Err(CallError::NotMember.into());
        }
        let is_doctor = call.appointment.doctor == who.user;
        let known = if is_doctor {
            &call.doctor
        } else {
            &call.patient
        };
        let own = Visitor::of(who, is_doctor);
        let visitor = Visitor {
            email: own.email.or_else(|| known.email.clone()),
            avatar_url: own.avatar_url.or_else(|| known.avatar_url.clone()),
            ..own
        };
        let (room, backend) = (&call.record.call.room, call.record.call.nature.backend);
        let issued = links.issue(backend, &STYLE, room, &visitor, now)?;
        Ok(Self {
            message,
            video_call: Identity::of(call, &call.record),
            jitsi_token: issued.token.unwrap_or_default(),
            meeting_link: issued.url,
            user_role: if is_doctor { "doctor" } else { "patient" },
            is_moderator: is_doctor,
            expires_in: "3 hours",
        })
    }
}

impl Identity {
    fn of(call: &AppointmentCall, record: &CallRecord) -> Self {
        Self {
            id: record.call.id.to_string(),
            appointment_id: call.appointment.id.to_string(),
            room_name: record.call.room.to_string(),
            status: VideoCallStatus::of(record),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::Progress)]
#[serde(rename_all = "camelCase")]
struct Progress {
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
}

impl Progress {
    fn of(record: &CallRecord) -> Self {
        Self {
            started_at: record.call.times.started.map(UnixMillis::rfc3339),
            ended_at: record.call.times.ended.map(UnixMillis::rfc3339),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::Joins)]
#[serde(rename_all = "camelCase")]
struct Joins {
    #[serde(skip_serializing_if = "Option::is_none")]
    doctor_joined_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_joined_at: Option<String>,
}

impl Joins {
    fn of(call: &AppointmentCall, record: &CallRecord) -> Self {
        let people = record.people();
        let joined = |user: &UserId| {
            let person = people.iter().find(|person| person.user == *user);
            person.and_then(|p| p.joined_at).map(UnixMillis::rfc3339)
        };
        Self {
            doctor_joined_at: joined(&call.appointment.doctor),
            patient_joined_at: joined(&call.appointment.patient),
        }
    }
}

/// Seconds of a call that is over.
fn duration(record: &CallRecord) -> Option<u64> {
    record.call.duration().map(|duration| duration.as_secs())
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::Updated)]
#[serde(rename_all = "camelCase")]
pub(super) struct Updated {
    message: &'static str,
    video_call: UpdatedCall,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::UpdatedCall)]
#[serde(rename_all = "camelCase")]
struct UpdatedCall {
    #[serde(flatten)]
    identity: Identity,
    #[serde(flatten)]
    progress: Progress,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<u64>,
    #[serde(flatten)]
    joins: Joins,
    created_at: String,
    updated_at: String,
}

impl Updated {
    /// `record` is the Call of `call` as it has become.
    pub(super) fn of(call: &AppointmentCall, record: &CallRecord) -> Self {
        Self {
            message: "Video call status updated successfully",
            video_call: UpdatedCall {
                identity: Identity::of(call, record),
                progress: Progress::of(record),
                duration: duration(record),
                joins: Joins::of(call, record),
                created_at: record.call.times.created.rfc3339(),
                updated_at: record.call.times.updated.rfc3339(),
            },
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::Details)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    message: &'static str,
    appointment: AppointmentView,
    video_call: DetailedCall,
    doctor: PersonView,
    patient: PersonView,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::AppointmentView)]
#[serde(rename_all = "camelCase")]
struct AppointmentView {
    id: String,
    appointment_date: String,
    start_time: String,
    end_time: String,
    status: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::DetailedCall)]
#[serde(rename_all = "camelCase")]
struct DetailedCall {
    #[serde(flatten)]
    identity: Identity,
    #[serde(flatten)]
    progress: Progress,
    /// Seconds; null until it is over.
    duration: Option<u64>,
    #[serde(flatten)]
    joins: Joins,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::PersonView)]
#[serde(rename_all = "camelCase")]
struct PersonView {
    uid: String,
    first_name: String,
    last_name: String,
    email: Option<String>,
    profile_image_url: Option<String>,
}

impl Details {
    pub(super) fn of(call: &AppointmentCall) -> Self {
        Self {
            message: "Video call details retrieved successfully",
            appointment: AppointmentView::of(call),
            video_call: DetailedCall {
                identity: Identity::of(call, &call.record),
                progress: Progress::of(&call.record),
                duration: duration(&call.record),
                joins: Joins::of(call, &call.record),
            },
            doctor: PersonView::from(&call.doctor),
            patient: PersonView::from(&call.patient),
        }
    }
}

impl AppointmentView {
    fn of(call: &AppointmentCall) -> Self {
        let appointment = &call.appointment;
        Self {
            id: appointment.id.to_string(),
            appointment_date: appointment.date.clone(),
            start_time: appointment.start_time.clone(),
            end_time: appointment.end_time.clone(),
            status: appointment.status.clone(),
        }
    }
}

impl From<&User> for PersonView {
    fn from(user: &User) -> Self {
        let name = user.name.trim();
        let (first, last) = name.rsplit_once(char::is_whitespace).unwrap_or((name, ""));
        Self {
            uid: user.id.to_string(),
            first_name: first.trim_end().to_owned(),
            last_name: last.to_owned(),
            email: user.email.clone(),
            profile_image_url: user.avatar_url.clone(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::VideoCallList)]
#[serde(rename_all = "camelCase")]
pub(super) struct VideoCallList {
    message: &'static str,
    count: usize,
    video_calls: Vec<ListedCall>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::ListedCall)]
#[serde(rename_all = "camelCase")]
struct ListedCall {
    #[serde(flatten)]
    identity: Identity,
    #[serde(flatten)]
    progress: Progress,
    /// Seconds; null until it is over.
    duration: Option<u64>,
    appointment: ListedAppointment,
}

#[derive(Serialize, ToSchema)]
#[schema(as = video_calls::ListedAppointment)]
struct ListedAppointment {
    #[serde(flatten)]
    appointment: AppointmentView,
    doctor: PersonView,
    patient: PersonView,
}

impl VideoCallList {
    pub(super) fn of(calls: &[AppointmentCall]) -> Self {
        Self {
            message: "Video calls retrieved successfully",
            count: calls.len(),
            video_calls: calls.iter().map(ListedCall::of).collect(),
        }
    }
}

impl ListedCall {
    fn of(call: &AppointmentCall) -> Self {
        Self {
            identity: Identity::of(call, &call.record),
            progress: Progress::of(&call.record),
            duration: duration(&call.record),
            appointment: ListedAppointment {
                appointment: AppointmentView::of(call),
                doctor: PersonView::from(&call.doctor),
                patient: PersonView::from(&call.patient),
            },
        }
    }
}
