//! What requests of `/api/meeting` say, and what its answers show.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::calendar;
use crate::domain::call::{
    Backend, Call, CallKind, CallMode, CallStatus, EndReason, Nature, Origin,
};
use crate::domain::participant::{MediaFlag, Role};
use crate::domain::principal::Principal;
use crate::domain::recording::{NewRecording, Recording};
use crate::domain::text;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::http::body::HostId;
use crate::http::extract::PathSegment;
use crate::http::problem::{Problem, RequestRefused};
use crate::http::values::{CountedId, id_schema};
use crate::ids::{ChatId, RoomName, UserId};
use crate::jitsi::{Audience, Flags, Placement, TokenShape, Visitor};
use crate::links::{JoinLinks, LinkStyle, TokenNeed};
use crate::service::{CallRecord, CallRef, ChatLink, NewCall, Person, Silenced};

const MAX_TITLE_CHARS: usize = 200;
const MAX_PASSWORD_CHARS: usize = 128;
const MAX_URL_CHARS: usize = 2048;
const MAX_FORMAT_CHARS: usize = 32;
/// What JavaScript still counts exactly.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The document shows no token but says what it does: it names the user, opens one
/// room and expires. It is looked at when one enters.
const STYLE: LinkStyle = LinkStyle {
    token: TokenShape {
        audience: Audience::Jitsi,
        flags: Flags::Boolean,
        lobby_bypass: false,
        features: false,
        lifetime: Duration::from_secs(2 * 3600),
    },
    placement: Placement::Apart,
    need: TokenNeed::Always,
};

/// A meeting's id.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeetingNumber(pub(super) i64);

impl PathSegment for MeetingNumber {
    /// What is no number names no meeting.
    fn parse(text: &str) -> Result<Self, Problem> {
        let number = text.parse().map(Self);
        number.map_err(|_| CallError::UnknownCall.into())
    }
}

impl From<MeetingNumber> for CallRef {
    fn from(meeting: MeetingNumber) -> Self {
        Self::NumberOf(Origin::Meeting, meeting.0)
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Create)]
pub(super) struct CreateBody {
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    #[schema(schema_with = members_schema)]
    participant_user_ids: Option<Vec<HostId>>,
    #[schema(schema_with = members_schema)]
    moderator_user_ids: Option<Vec<HostId>>,
    /// RFC 3339; in UTC if it names no offset.
    #[serde(alias = "scheduledTime")]
    scheduled_at: Option<String>,
    #[schema(max_length = 128)]
    password: Option<String>,
    #[serde(alias = "recordingEnabled")]
    is_recording_enabled: Option<bool>,
    #[serde(alias = "conversationId")]
    #[schema(schema_with = id_schema)]
    chat_id: Option<HostId>,
    /// `sfu` or `jitsi`; the server's default unless given.
    backend: Option<String>,
}

fn members_schema() -> utoipa::openapi::schema::Array {
    let ids = utoipa::openapi::schema::ArrayBuilder::new().items(id_schema());
    ids.max_items(Some(NewCall::MAX_MEMBERS)).build()
}

impl CreateBody {
    pub(super) fn into_new_call(
        self,
        links: &JoinLinks,
        now: UnixMillis,
    ) -> Result<NewCall, Problem> {
        let backend = match self.backend.as_deref() {
            None => links.default_backend(),
            Some(word) => word
                .parse()
                .map_err(|_| invalid("backend is sfu or jitsi"))?,
        };
        let scheduled = self.scheduled_at.as_deref().map(calendar::point_in_time);
        let scheduled = scheduled
            .transpose()
            .map_err(|error| invalid(format!("scheduledAt is {error}")))?;
        // What should have begun already begins now.
        let scheduled = scheduled.filter(|at| *at > now);
        let chat: Option<ChatId> = self.chat_id.map(|id| id.parse("chatId")).transpose()?;
        let mut members = members("moderatorUserIds", self.moderator_user_ids, Role::Moderator)?;
        members.extend(self::members(
            "participantUserIds",
            self.participant_user_ids,
            Role::Participant,
        )?);
        let recordable = backend == Backend::Sfu || links.jitsi().config().recording_enabled;
        Ok(NewCall {
            title: Some(bounded("title", &self.title, MAX_TITLE_CHARS)?),
            chat: chat.map(ChatLink::Claimed),
            password: password(self.password)?,
            recording_allowed: recordable && self.is_recording_enabled.unwrap_or(true),
            members,
            ring: scheduled.is_none(),
            scheduled,
            ..NewCall::new(room_name(links)?, nature(backend))
        })
    }
}

const fn nature(backend: Backend) -> Nature {
    Nature {
        kind: CallKind::Video,
        mode: CallMode::Group,
        backend,
        origin: Origin::Meeting,
    }
}

/// With the operator's prefix; the rest nobody guesses.
fn room_name(links: &JoinLinks) -> Result<RoomName, Problem> {
    let prefix = &links.jitsi().config().room_prefix;
    let name = format!("{prefix}{}", Uuid::new_v4().simple());
    RoomName::try_from(name.as_str()).map_err(|error| CallError::from(error).into())
}

fn members(
    what: &str,
    ids: Option<Vec<HostId>>,
    role: Role,
) -> Result<Vec<(UserId, Role)>, RequestRefused> {
    let ids = ids.unwrap_or_default();
    ids.iter().map(|id| Ok((id.parse(what)?, role))).collect()
}

/// An empty one is none.
fn password(given: Option<String>) -> Result<Option<String>, RequestRefused> {
    let given = given.filter(|given| !given.is_empty());
    match given.as_ref().map(|given| given.chars().count()) {
        Some(count) if count > MAX_PASSWORD_CHARS => {
            Err(invalid("password has at most 128 characters"))
        }
        _ => Ok(given),
    }
}

fn bounded(what: &str, given: &str, max: usize) -> Result<String, RequestRefused> {
    text::bounded(given.trim(), max)
        .ok_or_else(|| invalid(format!("{what} must have 1 to {max} printable characters")))
}

fn invalid(what: impl Into<String>) -> RequestRefused {
    RequestRefused::Invalid(what.into())
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = meeting::Join)]
pub(super) struct JoinBody {
    #[schema(max_length = 128)]
    password: Option<String>,
}

impl JoinBody {
    pub(super) fn password(self) -> Result<Option<String>, RequestRefused> {
        password(self.password)
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Joined)]
pub(super) struct JoinAnswer {
    jitsi_token: Option<String>,
    room_name: String,
    role: &'static str,
    domain: String,
    meeting_url: String,
}

impl JoinAnswer {
    pub(super) fn issue(
        links: &JoinLinks,
        who: &Principal,
        record: &CallRecord,
        now: UnixMillis,
    ) -> Result<Self, Problem> {
        let role = record.role_of(&who.user).unwrap_or(Role::Participant);
        let backend = record.call.nature.backend;
        // A Jitsi asks the token who moderates. We ask the meeting; and to us a token
        // that says so would let a moderator end it, which is the host's alone.
        let moderates = match backend {
            Backend::Jitsi => role.leads(),
            Backend::Sfu => role == Role::Host,
        };
        let visitor = Visitor::of(who, moderates);
        let issued = links.issue(backend, &STYLE, &record.call.room, &visitor, now)?;
        Ok(Self {
            jitsi_token: issued.token,
            room_name: record.call.room.to_string(),
            role: role_word(role),
            domain: links.domain(backend).to_owned(),
            meeting_url: issued.url,
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::MutedAll)]
pub(super) struct MuteAllAnswer {
    success: bool,
    /// Whose microphones were live until then, in order of joining.
    muted_user_ids: Vec<CountedId>,
}

impl From<Vec<Silenced>> for MuteAllAnswer {
    fn from(silenced: Vec<Silenced>) -> Self {
        let mut users: Vec<UserId> = Vec::new();
        for Silenced { user, .. } in silenced {
            // With two devices it is muted twice.
            if !users.contains(&user) {
                users.push(user);
            }
        }
        Self {
            success: true,
            muted_user_ids: users.iter().map(CountedId::of).collect(),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::NewRecording)]
pub(super) struct RecordingBody {
    #[serde(alias = "url")]
    file_url: String,
    #[serde(alias = "size")]
    file_size: Option<f64>,
    duration: Option<f64>,
    format: Option<String>,
}

impl RecordingBody {
    /// `path` is where the Jitsi's recorder puts its files.
    pub(super) fn into_recording(self, path: &str) -> Result<NewRecording, RequestRefused> {
        let url = match self.file_url.contains('/') {
            false if !self.file_url.is_empty() => {
                format!("{}/{}", path.trim_end_matches('/'), self.file_url)
            }
            _ => self.file_url,
        };
        let format = self.format.filter(|format| !format.is_empty());
        let format = format.map(|format| bounded("format", &format, MAX_FORMAT_CHARS));
        Ok(NewRecording {
            url: bounded("fileUrl", &url, MAX_URL_CHARS)?,
            size: whole("fileSize", self.file_size)?,
            duration_secs: whole("duration", self.duration)?,
            format: format.transpose()?,
        })
    }
}

/// Players say how long they are to the fraction of a second.
fn whole(what: &str, given: Option<f64>) -> Result<Option<i64>, RequestRefused> {
    let Some(given) = given else {
        return Ok(None);
    };
    if !(0.0..=MAX_SAFE_INTEGER).contains(&given) {
        return Err(invalid(format!(
            "{what} must be 0 or more, and no more than 2^53"
        )));
    }
    Ok(Some(given.round() as i64))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Recording)]
pub(super) struct RecordingView {
    id: i64,
    meeting_id: i64,
    file_url: String,
    file_size: Option<i64>,
    duration: Option<i64>,
    format: Option<String>,
    added_by: Option<CountedId>,
    created_at: String,
}

impl RecordingView {
    pub(super) fn of(meeting: MeetingNumber, recording: Recording) -> Self {
        Self {
            id: recording.number,
            meeting_id: meeting.0,
            file_url: recording.what.url,
            file_size: recording.what.size,
            duration: recording.what.duration_secs,
            format: recording.what.format,
            added_by: recording.added_by.map(|user| CountedId::of(&user)),
            created_at: recording.created_at.rfc3339(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = meeting::Meetings)]
pub(super) struct MeetingList {
    meetings: Vec<MeetingView>,
}

impl From<Vec<CallRecord>> for MeetingList {
    fn from(records: Vec<CallRecord>) -> Self {
        Self {
            meetings: records.into_iter().map(MeetingView::from).collect(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Meeting)]
pub(super) struct MeetingView {
    id: i64,
    title: Option<String>,
    room_name: String,
    status: &'static str,
    backend: &'static str,
    #[serde(flatten)]
    host: HostView,
    #[serde(flatten)]
    options: OptionsView,
    #[serde(flatten)]
    times: TimesView,
    participants: Vec<ParticipantView>,
    recordings: Vec<RecordingView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Host)]
struct HostView {
    host_id: Option<CountedId>,
    host_name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Options)]
struct OptionsView {
    chat_id: Option<CountedId>,
    is_password_protected: bool,
    is_recording_enabled: bool,
    is_recording: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Times)]
struct TimesView {
    scheduled_at: Option<String>,
    started_at: Option<String>,
    ended_at: Option<String>,
    /// Whole seconds, up to now while it goes on.
    duration: Option<u64>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meeting::Participant)]
struct ParticipantView {
    user_id: CountedId,
    user_name: String,
    role: &'static str,
    status: &'static str,
    joined_at: Option<String>,
    left_at: Option<String>,
    /// Whole seconds.
    duration: Option<u64>,
    is_muted: bool,
    is_video_on: bool,
    is_screen_sharing: bool,
    is_hand_raised: bool,
}

impl From<CallRecord> for MeetingView {
    fn from(record: CallRecord) -> Self {
        let meeting = MeetingNumber(record.call.number);
        let people = record.people().into_iter();
        let participants = people.map(ParticipantView::from).collect();
        let host = record.call.initiated_by.as_ref();
        let host = HostView {
            host_name: host.and_then(|host| Some(record.users.get(host)?.name.clone())),
            host_id: host.map(|host| CountedId::of(&host)),
        };
        let duration = record.duration;
        let recordings = record.recordings.into_iter();
        let recordings = recordings
            .map(|one| RecordingView::of(meeting, one))
            .collect();
        let call = record.call;
        Self {
            id: call.number,
            status: status_word(&call),
            backend: call.nature.backend.as_str(),
            host,
            times: TimesView {
                scheduled_at: call.times.scheduled.map(UnixMillis::rfc3339),
                started_at: call.times.started.map(UnixMillis::rfc3339),
                ended_at: call.times.ended.map(UnixMillis::rfc3339),
                duration: duration.as_ref().map(Duration::as_secs),
                created_at: call.times.created.rfc3339(),
                updated_at: call.times.updated.rfc3339(),
            },
            options: OptionsView {
                chat_id: call.about.chat.map(|chat| CountedId::of(&chat)),
                is_password_protected: call.about.password_hash.is_some(),
                is_recording_enabled: call.about.recording_allowed,
                is_recording: call.recording,
            },
            room_name: call.room.to_string(),
            title: call.about.title,
            participants,
            recordings,
        }
    }
}

impl From<Person> for ParticipantView {
    fn from(person: Person) -> Self {
        Self {
            user_id: CountedId::of(&person.user),
            user_name: person.name,
            role: role_word(person.role),
            status: person.status.as_str(),
            joined_at: person.joined_at.map(UnixMillis::rfc3339),
            left_at: person.left_at.map(UnixMillis::rfc3339),
            duration: person.duration.as_ref().map(Duration::as_secs),
            is_muted: person.media.has(MediaFlag::MicMuted),
            is_video_on: !person.media.has(MediaFlag::CameraOff),
            is_screen_sharing: person.media.has(MediaFlag::ScreenSharing),
            is_hand_raised: person.media.has(MediaFlag::HandRaised),
        }
    }
}

fn status_word(call: &Call) -> &'static str {
    match (call.status, call.end_reason) {
        (CallStatus::Scheduled, _) => "Scheduled",
        (CallStatus::Pending | CallStatus::Ongoing, _) => "InProgress",
        (CallStatus::Ended, Some(EndReason::Cancelled)) => "Cancelled",
        (CallStatus::Ended, _) => "Completed",
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Host => "Host",
        Role::Moderator => "Moderator",
        Role::Participant => "Participant",
        Role::Viewer => "Viewer",
    }
}
