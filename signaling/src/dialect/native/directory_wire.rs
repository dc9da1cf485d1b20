//! The directory as the host application's backend writes it, and as it is shown
//! again. Ids may come as numbers and are shown as strings; what is not known is
//! absent, never null.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::directory::{self, Appointment, Chat, ChatMessage, User};
use crate::domain::text::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS};
use crate::http::body::HostId;
use crate::http::problem::RequestRefused;
use crate::http::values::id_schema;
use crate::ids::{AppointmentId, ChatId, UserId};

/// Longest status word of an appointment.
const MAX_STATUS_CHARS: usize = 32;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserBody {
    name: String,
    username: Option<String>,
    email: Option<String>,
    avatar_url: Option<String>,
    role: Option<String>,
}

impl UserBody {
    pub(super) fn into_user(self, id: UserId) -> Result<User, RequestRefused> {
        let is_link = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if !self.avatar_url.as_deref().is_none_or(is_link) {
            return Err(invalid("avatarUrl must begin with https:// or http://"));
        }
        Ok(User {
            id,
            name: name(&self.name)?,
            username: optional("username", self.username)?,
            email: optional("email", self.email)?,
            avatar_url: optional("avatarUrl", self.avatar_url)?,
            role: optional("role", self.role)?,
        })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatBody {
    name: Option<String>,
    #[schema(schema_with = members_schema)]
    member_ids: Vec<HostId>,
}

fn members_schema() -> utoipa::openapi::schema::Array {
    let ids = utoipa::openapi::schema::ArrayBuilder::new().items(id_schema());
    ids.max_items(Some(Chat::MAX_MEMBERS)).build()
}

impl ChatBody {
    pub(super) fn into_chat(self, id: ChatId) -> Result<Chat, RequestRefused> {
        if self.member_ids.len() > Chat::MAX_MEMBERS {
            return Err(invalid("memberIds has more than 1000 ids"));
        }
        let members = self.member_ids.iter().map(|id| id.parse("memberIds"));
        Ok(Chat {
            id,
            name: optional("name", self.name)?,
            members: members.collect::<Result<BTreeSet<_>, _>>()?,
        })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppointmentBody {
    #[schema(schema_with = id_schema)]
    doctor_id: HostId,
    #[schema(schema_with = id_schema)]
    patient_id: HostId,
    appointment_date: String,
    start_time: String,
    end_time: String,
    status: String,
}

impl AppointmentBody {
    pub(super) fn into_appointment(self, id: AppointmentId) -> Result<Appointment, RequestRefused> {
        let doctor = self.doctor_id.parse("doctorId")?;
        let patient = self.patient_id.parse("patientId")?;
        if doctor == patient {
            return Err(invalid("doctorId and patientId are the same"));
        }
        let status = text::bounded(&self.status, MAX_STATUS_CHARS)
            .ok_or_else(|| invalid("status must have 1 to 32 printable characters"))?;
        let (starts_at, ends_at) =
            directory::period(&self.appointment_date, &self.start_time, &self.end_time)
                .map_err(invalid)?;
        Ok(Appointment {
            id,
            doctor,
            patient,
            date: self.appointment_date,
            start_time: self.start_time,
            end_time: self.end_time,
            status,
            starts_at,
            ends_at,
        })
    }
}

fn invalid(what: impl ToString) -> RequestRefused {
    RequestRefused::Invalid(what.to_string())
}

fn name(name: &str) -> Result<String, RequestRefused> {
    text::display_name(name).ok_or_else(|| {
        invalid(format!(
            "name must have 1 to {MAX_NAME_CHARS} printable characters"
        ))
    })
}

/// An empty text says as little as none.
fn optional(what: &str, given: Option<String>) -> Result<Option<String>, RequestRefused> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    match text::bounded(&given, MAX_TEXT_CHARS) {
        Some(text) => Ok(Some(text)),
        None => Err(invalid(format!(
            "{what} must have at most {MAX_TEXT_CHARS} characters, all of them printable"
        ))),
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserView {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name,
            username: user.username,
            email: user.email,
            avatar_url: user.avatar_url,
            role: user.role,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// In order, each once.
    member_ids: Vec<String>,
}

impl From<Chat> for ChatView {
    fn from(chat: Chat) -> Self {
        Self {
            id: chat.id.to_string(),
            name: chat.name,
            member_ids: chat.members.iter().map(UserId::to_string).collect(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppointmentView {
    id: String,
    doctor_id: String,
    patient_id: String,
    appointment_date: String,
    start_time: String,
    end_time: String,
    status: String,
    /// The same as points in time, as they were understood.
    starts_at: String,
    ends_at: String,
}

impl From<Appointment> for AppointmentView {
    fn from(appointment: Appointment) -> Self {
        Self {
            id: appointment.id.to_string(),
            doctor_id: appointment.doctor.to_string(),
            patient_id: appointment.patient.to_string(),
            appointment_date: appointment.date,
            start_time: appointment.start_time,
            end_time: appointment.end_time,
            status: appointment.status,
            starts_at: appointment.starts_at.rfc3339(),
            ends_at: appointment.ends_at.rfc3339(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageList {
    messages: Vec<MessageView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageView {
    id: i64,
    #[serde(rename = "type")]
    kind: String,
    call_id: String,
    call_number: i64,
    body: Value,
    created_at: String,
}

impl From<Vec<ChatMessage>> for MessageList {
    fn from(messages: Vec<ChatMessage>) -> Self {
        let messages = messages.into_iter().map(|message| MessageView {
            id: message.number,
            kind: message.kind,
            call_id: message.call.to_string(),
            call_number: message.call_number,
            body: serde_json::from_str(&message.body).unwrap_or_default(),
            created_at: message.created.rfc3339(),
        });
        Self {
            messages: messages.collect(),
        }
    }
}
