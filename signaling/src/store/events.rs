//! Table `call_events`: the append-only record, numbered per Call.

use serde_json::{Value, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, decode, host_id_or_null, parse_or_null};
use crate::domain::event::{CallEvent, Happening};
use crate::domain::participant::{MediaFlag, MediaState};
use crate::domain::words::UnknownWord;
use crate::ids::UserId;

/// What else than its word has to be kept of an event.
fn data_of(what: Happening) -> Option<Value> {
    match what {
        Happening::Left(reason) => Some(json!({ "reason": reason.as_str() })),
        Happening::Ended(reason) => Some(json!({ "reason": reason.as_str() })),
        Happening::Media { state, changed } => Some(json!({
            "media": state.words().collect::<Vec<_>>(),
            "changed": changed.words().collect::<Vec<_>>(),
        })),
        _ => None,
    }
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    call_number: i64,
    event: &CallEvent,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into call_events
            (call_id, seq, event_type, user_id, participant_uuid, event_data, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(call_number)
    .bind(event.seq)
    .bind(event.what.word())
    .bind(event.user.as_ref().map(UserId::as_str))
    .bind(event.participant.map(|id| id.to_string()))
    .bind(data_of(event.what).map(|data| data.to_string()))
    .bind(event.at.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// What happened in a Call after event number `after`, in order.
    pub async fn events(
        &self,
        call_number: i64,
        after: i64,
        limit: i64,
    ) -> Result<Vec<CallEvent>, sqlx::Error> {
        sqlx::query(
            "select seq, event_type, user_id, participant_uuid, event_data, created_at
             from call_events where call_id = $1 and seq > $2 order by seq limit $3",
        )
        .bind(call_number)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(event_from)
        .collect()
    }
}

fn event_from(row: &AnyRow) -> Result<CallEvent, sqlx::Error> {
    let user = host_id_or_null(row, "user_id")?;
    Ok(CallEvent {
        seq: row.integer("seq")?,
        at: row.time("created_at")?,
        user,
        participant: parse_or_null(row, "participant_uuid")?,
        what: happening_from(row)?,
    })
}

fn happening_from(row: &AnyRow) -> Result<Happening, sqlx::Error> {
    let word = row.text("event_type")?;
    let data: Value = match row.text_or_null("event_data")? {
        Some(text) => decode("event_data", serde_json::from_str(&text))?,
        None => Value::Null,
    };
    let reason = data["reason"].as_str().unwrap_or_default();
    Ok(match word.as_str() {
        "initiated" => Happening::Initiated,
        "invited" => Happening::Invited,
        "ringing" => Happening::Ringing,
        "busy" => Happening::Busy,
        "accepted" => Happening::Accepted,
        "declined" => Happening::Declined,
        "missed" => Happening::Missed,
        "started" => Happening::Started,
        "media" => Happening::Media {
            state: media_from(&data["media"])?,
            changed: media_from(&data["changed"])?,
        },
        "recording_started" => Happening::Recording(true),
        "recording_stopped" => Happening::Recording(false),
        "recording_added" => Happening::RecordingAdded,
        "joined" => Happening::Joined,
        "disconnected" => Happening::Disconnected,
        "resumed" => Happening::Resumed,
        "left" => Happening::Left(decode("event_data", reason.parse())?),
        "ended" => Happening::Ended(decode("event_data", reason.parse())?),
        _ => {
            let what = "Happening";
            return decode("event_type", Err(UnknownWord { what, word }));
        }
    })
}

fn media_from(words: &Value) -> Result<MediaState, sqlx::Error> {
    let words = words.as_array().into_iter().flatten();
    let flags = words.filter_map(Value::as_str).map(str::parse::<MediaFlag>);
    flags
        .into_iter()
        .try_fold(MediaState::default(), |media, flag| {
            Ok(media.with(decode("event_data", flag)?, true))
        })
}
