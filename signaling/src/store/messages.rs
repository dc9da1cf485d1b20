//! Table `chat_messages`: what Calls leave behind in their chats.

use serde_json::json;
use sqlx::AnyConnection;

use crate::domain::call::Call;
use crate::domain::time::UnixMillis;

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
