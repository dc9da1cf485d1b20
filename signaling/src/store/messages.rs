//! Table `chat_messages`: what Calls leave behind in their chats.

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, parse};
use crate::domain::call::Call;
use crate::domain::directory::ChatMessage;
use crate::domain::time::UnixMillis;
use crate::ids::ChatId;

/// The call-log message of a Call that is over.
pub(super) async fn insert_call_log(
    connection: &mut AnyConnection,
    call: &Call,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    let Some(chat) = &call.about.chat else {
        return Ok(());
    };
    let body = json!({
        "callId": call.id.to_string(),
        "number": call.number,
        "type": call.nature.kind.as_str(),
        "result": call.end_reason.map(|reason| reason.as_str()),
        "durationSecs": call.duration().map(|duration| duration.as_secs()),
        "initiatedBy": call.initiated_by.as_ref().map(|user| user.as_str()),
    });
    sqlx::query(
        "insert into chat_messages (chat_id, call_id, kind, body, created_at)
         values ($1, $2, 'call_log', $3, $4)",
    )
    .bind(chat.as_str())
    .bind(call.number)
    .bind(body.to_string())
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Latest first.
    pub async fn messages_of_chat(
        &self,
        chat: &ChatId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<ChatMessage>, sqlx::Error> {
        sqlx::query(
            "select m.id, c.uuid, c.id as call_number, m.kind, m.body, m.created_at
             from chat_messages m join calls c on c.id = m.call_id
             where m.chat_id = $1 order by m.id desc limit $2 offset $3",
        )
        .bind(chat.as_str())
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(message_from)
        .collect()
    }
}

fn message_from(row: &AnyRow) -> Result<ChatMessage, sqlx::Error> {
    Ok(ChatMessage {
        number: row.integer("id")?,
        call: parse(row, "uuid")?,
        call_number: row.integer("call_number")?,
        kind: row.text("kind")?,
        body: row.text("body")?,
        created: row.time("created_at")?,
    })
}
