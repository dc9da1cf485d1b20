//! What `/api/calls` takes and shows: `camelCase` in single calls, `snake_case` in
//! lists, times in whole seconds, null for what is not known yet.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::jitsi::JitsiBlock;
use super::projection::{call_status, participant_status};
use crate::domain::call::{Backend, Call, CallKind, Nature, Origin};
use crate::domain::participant::Role;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::http::body::HostId;
use crate::http::problem::RequestRefused;
use crate::http::values::{CountedId, id_schema};
use crate::ids::{ChatId, RoomName, UserId};
use crate::service::{CallFilter, CallRecord, ChatLink, NewCall, Person, mode_of};

const DEFAULT_LIMIT: u32 = 50;
/// A database counts its way to an offset: nobody reads as far by hand.
const MAX_OFFSET: u32 = 100_000;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::Initiate)]
pub(super) struct Initiate {
    call_type: CallType,
    /// Users to ask.
    #[schema(schema_with = participants_schema)]
    participants: Vec<HostId>,
    #[schema(schema_with = id_schema)]
    chat_id: Option<HostId>,
    /// The server's default unless given.
    backend: Option<BackendWord>,
}

fn participants_schema() -> utoipa::openapi::schema::Array {
    let ids = utoipa::openapi::schema::ArrayBuilder::new().items(id_schema());
    ids.min_items(Some(1))
        .max_items(Some(NewCall::MAX_MEMBERS))
        .build()
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = calls::CallType)]
enum CallType {
    Audio,
    Video,
    Screen,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = calls::Backend)]
enum BackendWord {
    Sfu,
    Jitsi,
}

impl Initiate {
    pub(super) fn into_call(
        self,
        who: &Principal,
        default: Backend,
        room: RoomName,
    ) -> Result<NewCall, RequestRefused> {
        if self.participants.len() > NewCall::MAX_MEMBERS {
            let limit = NewCall::MAX_MEMBERS;
            let reason = format!("participants has more than {limit} ids");
            return Err(RequestRefused::Invalid(reason));
        }
        let mut others: Vec<UserId> = Vec::new();
        for id in &self.participants {
            let user = id.parse("participants")?;
            if user != who.user && !others.contains(&user) {
                others.push(user);
            }
        }
        let chat: Option<ChatId> = self.chat_id.map(|id| id.parse("chatId")).transpose()?;
        let nature = Nature {
            kind: self.call_type.into(),
            mode: mode_of(others.len()),
            backend: self.backend.map_or(default, Backend::from),
            origin: Origin::Chat,
        };
        let members = others.into_iter().map(|user| (user, Role::Participant));
        Ok(NewCall {
            chat: chat.map(ChatLink::Claimed),
            members: members.collect(),
            ..NewCall::new(room, nature)
        })
    }
}

impl From<CallType> for CallKind {
    fn from(word: CallType) -> Self {
        match word {
            CallType::Audio => Self::Audio,
            CallType::Video => Self::Video,
            CallType::Screen => Self::Screen,
        }
    }
}

impl From<BackendWord> for Backend {
    fn from(word: BackendWord) -> Self {
        match word {
            BackendWord::Sfu => Self::Sfu,
            BackendWord::Jitsi => Self::Jitsi,
        }
    }
}

/// A call that was made, and the way into it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::Initiated)]
pub(super) struct Initiated {
    call: NewCallView,
    jitsi: JitsiBlock,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::NewCall)]
struct NewCallView {
    #[serde(flatten)]
    what: CallHead,
    created_at: String,
}

/// A call that was entered, and the way into it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::Joined)]
pub(super) struct Joined {
    call: JoinedCall,
    jitsi: JitsiBlock,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::JoinedCall)]
struct JoinedCall {
    #[serde(flatten)]
    what: CallHead,
    started_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::CallHead)]
struct CallHead {
    id: i64,
    room_name: String,
    call_type: &'static str,
    call_mode: &'static str,
    status: &'static str,
}

impl CallHead {
    fn of(call: &Call) -> Self {
        Self {
            id: call.number,
            room_name: call.room.to_string(),
            call_type: call.nature.kind.as_str(),
            call_mode: call.nature.mode.as_str(),
            status: call_status(call.status),
        }
    }
}

impl Initiated {
    pub(super) fn new(record: &CallRecord, jitsi: JitsiBlock) -> Self {
        let call = &record.call;
        Self {
            call: NewCallView {
                what: CallHead::of(call),
                created_at: call.times.created.rfc3339_seconds(),
            },
            jitsi,
        }
    }
}

impl Joined {
    pub(super) fn new(record: &CallRecord, jitsi: JitsiBlock) -> Self {
        let call = &record.call;
        Self {
            call: JoinedCall {
                what: CallHead::of(call),
                started_at: call.times.started.map(UnixMillis::rfc3339_seconds),
            },
            jitsi,
        }
    }
}

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::Done)]
pub(super) struct Done {
    success: bool,
    message: &'static str,
}

impl Done {
    pub(super) const fn saying(message: &'static str) -> Self {
        Self {
            success: true,
            message,
        }
    }
}

/// A call with everybody who was asked or came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::Details)]
pub(super) struct Details {
    call: CallView,
    participants: Vec<ParticipantView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::Call)]
struct CallView {
    #[serde(flatten)]
    what: CallHead,
    initiated_by: Option<Initiator>,
    chat_id: Option<CountedId>,
    started_at: Option<String>,
    ended_at: Option<String>,
    duration: Option<u64>,
    created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::Initiator)]
struct Initiator {
    id: CountedId,
    name: String,
    username: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::Participant)]
struct ParticipantView {
    id: i64,
    user_id: CountedId,
    name: String,
    username: Option<String>,
    /// The host application's own word for the user.
    role: String,
    status: &'static str,
    is_moderator: bool,
    joined_at: Option<String>,
    left_at: Option<String>,
    duration: Option<u64>,
}

impl From<CallRecord> for Details {
    fn from(record: CallRecord) -> Self {
        let people = record.people();
        let participants = people.into_iter().map(|p| ParticipantView::of(p, &record));
        Self {
            participants: participants.collect(),
            call: CallView::of(&record),
        }
    }
}

impl CallView {
    fn of(record: &CallRecord) -> Self {
        let call = &record.call;
        Self {
            what: CallHead::of(call),
            initiated_by: Initiator::of(record),
            chat_id: call.about.chat.as_ref().map(CountedId::of),
            started_at: call.times.started.map(UnixMillis::rfc3339_seconds),
            ended_at: call.times.ended.map(UnixMillis::rfc3339_seconds),
            duration: record.duration.map(|duration| duration.as_secs()),
            created_at: call.times.created.rfc3339_seconds(),
        }
    }
}

impl Initiator {
    fn of(record: &CallRecord) -> Option<Self> {
        let id = record.call.initiated_by.as_ref()?;
        let known = record.users.get(id);
        Some(Self {
            id: CountedId::of(id),
            name: known.map_or_else(|| id.to_string(), |user| user.name.clone()),
            username: known.and_then(|user| user.username.clone()),
        })
    }
}

impl ParticipantView {
    fn of(person: Person, record: &CallRecord) -> Self {
        let user = record.users.get(&person.user);
        let role = user.and_then(|user| user.role.clone());
        Self {
            id: person.number,
            user_id: CountedId::of(&person.user),
            username: user.and_then(|user| user.username.clone()),
            role: role.unwrap_or_else(|| "user".to_owned()),
            status: participant_status(person.status),
            is_moderator: person.role.leads(),
            joined_at: person.joined_at.map(UnixMillis::rfc3339_seconds),
            left_at: person.left_at.map(UnixMillis::rfc3339_seconds),
            duration: person.duration.map(|duration| duration.as_secs()),
            name: person.name,
        }
    }
}

/// Which part of one's calls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryQuery {
    /// How many, 50 unless given; more than 100 are 100.
    #[param(minimum = 1, default = 50)]
    limit: Option<u32>,
    /// How many of the latest to leave out.
    #[param(maximum = 100_000, default = 0)]
    offset: Option<u32>,
}

impl HistoryQuery {
    pub(super) fn filter(&self) -> Result<CallFilter, RequestRefused> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let offset = self.offset.unwrap_or(0);
        if limit == 0 {
            return Err(RequestRefused::Malformed("limit must be 1 or more"));
        }
        if offset > MAX_OFFSET {
            return Err(RequestRefused::Malformed("offset must be 0 to 100000"));
        }
        Ok(CallFilter {
            origins: vec![Origin::Chat],
            limit: limit.min(CallFilter::MAX_LIMIT),
            offset,
            ..CallFilter::default()
        })
    }
}

/// One's calls, latest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::History)]
pub(super) struct History {
    calls: Vec<PastCall>,
    limit: u32,
    offset: u32,
}

impl History {
    pub(super) fn new(records: &[CallRecord], filter: &CallFilter) -> Self {
        Self {
            calls: records.iter().map(PastCall::of).collect(),
            limit: filter.limit,
            offset: filter.offset,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::PastCall)]
struct PastCall {
    #[serde(flatten)]
    what: ListedCall,
    started_at: Option<String>,
    ended_at: Option<String>,
    duration: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = calls::ListedCall)]
struct ListedCall {
    id: i64,
    room_name: String,
    call_type: &'static str,
    call_mode: &'static str,
    status: &'static str,
    initiator_name: Option<String>,
    /// A number, as text.
    participants_count: String,
    created_at: String,
}

impl PastCall {
    fn of(record: &CallRecord) -> Self {
        let times = &record.call.times;
        Self {
            what: ListedCall::of(record),
            started_at: times.started.map(UnixMillis::rfc3339_seconds),
            ended_at: times.ended.map(UnixMillis::rfc3339_seconds),
            duration: record.duration.map(|duration| duration.as_secs()),
        }
    }
}

impl ListedCall {
    fn of(record: &CallRecord) -> Self {
        let head = CallHead::of(&record.call);
        Self {
            id: head.id,
            room_name: head.room_name,
            call_type: head.call_type,
            call_mode: head.call_mode,
            status: head.status,
            initiator_name: Initiator::of(record).map(|initiator| initiator.name),
            participants_count: record.people().len().to_string(),
            created_at: record.call.times.created.rfc3339_seconds(),
        }
    }
}

/// One's calls that are not over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = calls::ActiveCalls)]
pub(super) struct ActiveCalls {
    active_calls: Vec<ListedCall>,
}

impl ActiveCalls {
    pub(super) fn new(records: &[CallRecord]) -> Self {
        Self {
            active_calls: records.iter().map(ListedCall::of).collect(),
        }
    }
}
