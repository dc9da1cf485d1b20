//! Table `users`: whoever joined a Call, as the last proof described them.

use sqlx::AnyConnection;

use super::Store;
use crate::domain::principal::{Principal, Standing};
use crate::domain::time::UnixMillis;
use crate::ids::UserId;

impl Store {
    pub async fn has_user(&self, id: &UserId) -> Result<bool, sqlx::Error> {
        let row = sqlx::query("select 1 from users where id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.read)
            .await?;
        Ok(row.is_some())
    }
}

pub(super) async fn put(
    connection: &mut AnyConnection,
    who: &Principal,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into users
            (id, name, username, email, avatar_url, role, guest, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         on conflict (id) do update set
            name = excluded.name,
            username = coalesce(excluded.username, users.username),
            email = coalesce(excluded.email, users.email),
            avatar_url = coalesce(excluded.avatar_url, users.avatar_url),
            role = coalesce(excluded.role, users.role),
            guest = excluded.guest,
            updated_at = excluded.updated_at",
    )
    .bind(who.user.as_str())
    .bind(who.name.as_str())
    .bind(who.username.as_deref())
    .bind(who.email.as_deref())
    .bind(who.avatar_url.as_deref())
    .bind(who.role.as_deref())
    .bind(i64::from(who.standing == Standing::Guest))
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}
