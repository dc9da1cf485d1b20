//! Table `recordings`: what was recorded, and where it lies.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, host_id_or_null};
use crate::domain::recording::{NewRecording, Recording};
use crate::domain::time::UnixMillis;
use crate::ids::UserId;

pub(super) async fn insert(
    connection: &mut AnyConnection,
    call_number: i64,
    added_by: Option<&UserId>,
    recording: &NewRecording,
    at: UnixMillis,
) -> Result<Recording, sqlx::Error> {
    let row = sqlx::query(
        "insert into recordings (call_id, added_by, url, size, duration, format, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         returning id, added_by, url, size, duration, format, created_at",
    )
    .bind(call_number)
    .bind(added_by.map(UserId::as_str))
    .bind(recording.url.as_str())
    .bind(recording.size)
    .bind(recording.duration_secs)
    .bind(recording.format.as_deref())
    .bind(at.0)
    .fetch_one(connection)
    .await?;
    recording_from(&row)
}

impl Store {
    /// The recordings of a Call, in order of their coming.
    pub async fn recordings(&self, call_number: i64) -> Result<Vec<Recording>, sqlx::Error> {
        sqlx::query(
            "select id, added_by, url, size, duration, format, created_at
             from recordings where call_id = $1 order by id",
        )
        .bind(call_number)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(recording_from)
        .collect()
    }
}

fn recording_from(row: &AnyRow) -> Result<Recording, sqlx::Error> {
    Ok(Recording {
        number: row.integer("id")?,
        added_by: host_id_or_null(row, "added_by")?,
        what: NewRecording {
            url: row.text("url")?,
            size: row.integer_or_null("size")?,
            duration_secs: row.integer_or_null("duration")?,
            format: row.text_or_null("format")?,
        },
        created_at: row.time("created_at")?,
    })
}
