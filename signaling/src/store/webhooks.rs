//! Table `webhook_deliveries`: events that an endpoint has not acknowledged.

use sqlx::AnyConnection;

use crate::domain::event::CallEvent;

pub(super) async fn insert(
    connection: &mut AnyConnection,
    endpoint: &str,
    call_number: i64,
    event: &CallEvent,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into webhook_deliveries (endpoint, call_id, seq, attempts, due_at, created_at)
         values ($1, $2, $3, 0, $4, $4)",
    )
    .bind(endpoint)
    .bind(call_number)
    .bind(event.seq)
    .bind(event.at.0)
    .execute(connection)
    .await?;
    Ok(())
}
