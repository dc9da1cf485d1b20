//! People, chats and appointments as the host application names them.

use super::time::UnixMillis;
use crate::ids::{AppointmentId, ChatId, UserId};

/// A user as the last proof, or the host's backend, described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub username: Option<String>,
    pub email: Option<String>,
    pub avatar_url: Option<String>,
    /// The host application's own word.
    pub role: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    pub id: ChatId,
    pub name: Option<String>,
    pub members: Vec<UserId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    pub id: AppointmentId,
    pub doctor: UserId,
    pub patient: UserId,
    /// As the host application writes them.
    pub date: String,
    pub start_time: String,
    pub end_time: String,
    pub status: String,
    /// The same as points in time.
    pub starts_at: UnixMillis,
    pub ends_at: UnixMillis,
}
