//! Table `notifications`: what a user is told even when offline at the time.

use sqlx::AnyConnection;

use crate::domain::notification::NotificationKind;
use crate::domain::time::UnixMillis;
use crate::ids::UserId;

pub(super) async fn insert(
    connection: &mut AnyConnection,
    call_number: i64,
    user: &UserId,
    kind: NotificationKind,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into notifications (user_id, call_id, kind, created_at)
         values ($1, $2, $3, $4)",
    )
    .bind(user.as_str())
    .bind(call_number)
    .bind(kind.as_str())
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}
