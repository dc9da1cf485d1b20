//! A recording of a Call: a file that lies somewhere, as whoever made it describes it.

use super::time::UnixMillis;
use crate::ids::UserId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecording {
    pub url: String,
    /// Bytes.
    pub size: Option<i64>,
    pub duration_secs: Option<i64>,
    /// Such as `mp4`.
    pub format: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Row number.
    pub number: i64,
    pub added_by: Option<UserId>,
    pub what: NewRecording,
    pub created_at: UnixMillis,
}
