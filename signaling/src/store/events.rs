//! Table `call_events`: the append-only record, numbered per Call.

use serde_json::{Value, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, decode, parse_or_null};
use crate::domain::event::{CallEvent, Happening};
use crate::domain::words::UnknownWord;
use crate::ids::UserId;

fn type_of(what: Happening) -> &'static str {
    match what {
        Happening::Initiated => "initiated",
        Happening::Joined => "joined",
        Happening::Disconnected => "disconnected",
        Happening::Resumed => "resumed",
        Happening::Left(_) => "left",
        Happening::Ended(_) => "ended",
    }
}

fn data_of(what: Happening) -> Option<String> {
    let reason = match what {
        Happening::Left(reason) => reason.as_str(),
        Happening::Ended(reason) => reason.as_str(),
        Happening::Initiated | Happening::Joined | Happening::Disconnected | Happening::Resumed => {
            return None;
        }
    };
    Some(json!({ "reason": reason }).to_string())
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
    .bind(type_of(event.what))
    .bind(event.user.as_ref().map(UserId::as_str))
    .bind(event.participant.map(|id| id.to_string()))
    .bind(data_of(event.what))
    .bind(event.at.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Everything that happened in a Call, in order.
    pub async fn events(&self, call_number: i64) -> Result<Vec<CallEvent>, sqlx::Error> {
        sqlx::query(
            "select seq, event_type, user_id, participant_uuid, event_data, created_at
             from call_events where call_id = $1 order by seq",
        )
        .bind(call_number)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(event_from)
        .collect()
    }
}

fn event_from(row: &AnyRow) -> Result<CallEvent, sqlx::Error> {
    let user = row
        .text_or_null("user_id")?
        .map(|id| decode("user_id", UserId::try_from(id.as_str())))
        .transpose()?;
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
