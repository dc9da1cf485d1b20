//! Table `users`: as the host application's backend or the last proof described them.

use sqlx::{AnyConnection, Executor as _};

use super::Store;
use super::people::user_from;
use crate::domain::directory::{DELETED_USER, User};
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

    /// One of the directory: neither a guest nor one that was removed.
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, sqlx::Error> {
        let row = sqlx::query(
            "select id, name, username, email, avatar_url, role from users
             where id = $1 and guest = 0 and deleted_at is null",
        )
        .bind(id.as_str())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(user_from).transpose()
    }

    /// Creates or replaces a user.
    pub async fn put_user(&self, user: &User, at: UnixMillis) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into users
                (id, name, username, email, avatar_url, role, guest, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, 0, $7, $7)
             on conflict (id) do update set
                name = excluded.name,
                username = excluded.username,
                email = excluded.email,
                avatar_url = excluded.avatar_url,
                role = excluded.role,
                guest = 0,
                deleted_at = null,
                updated_at = excluded.updated_at",
        )
        .bind(user.id.as_str())
        .bind(user.name.as_str())
        .bind(user.username.as_deref())
        .bind(user.email.as_deref())
        .bind(user.avatar_url.as_deref())
        .bind(user.role.as_deref())
        .bind(at.0)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Remembers what a proof says of its user.
    pub async fn see_user(&self, who: &Principal, at: UnixMillis) -> Result<(), sqlx::Error> {
        put(&mut *self.write.acquire().await?, who, at).await
    }

    /// Takes a user out of the directory and its chats, and everything personal out of
    /// the calls that it was in; they keep its id. `false` when there is no such user.
    pub async fn delete_user(&self, id: &UserId, at: UnixMillis) -> Result<bool, sqlx::Error> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query(
            "update users set name = $2, username = null, email = null, avatar_url = null,
                role = null, deleted_at = $3, updated_at = $3
             where id = $1 and guest = 0 and deleted_at is null",
        )
        .bind(id.as_str())
        .bind(DELETED_USER)
        .bind(at.0)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let named = sqlx::query("update call_participants set name = $2 where user_id = $1");
        tx.execute(named.bind(id.as_str()).bind(DELETED_USER))
            .await?;
        for theirs in [
            "delete from chat_members where user_id = $1",
            "delete from notifications where user_id = $1",
        ] {
            tx.execute(sqlx::query(theirs).bind(id.as_str())).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

macro_rules! insert {
    () => {
        "insert into users
            (id, name, username, email, avatar_url, role, guest, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)"
    };
}

pub(super) async fn put(
    connection: &mut AnyConnection,
    who: &Principal,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    // A name that was made of something else is better than none, and worse than any.
    // A pass into one room describes its user in the words of whoever asked for it.
    let sql = match who.room {
        Some(_) => concat!(insert!(), " on conflict (id) do nothing"),
        None => concat!(
            insert!(),
            " on conflict (id) do update set
                name = case
                    when $9 = 1 and users.deleted_at is null and users.name <> $10 then users.name
                    else excluded.name end,
                username = coalesce(excluded.username, users.username),
                email = coalesce(excluded.email, users.email),
                avatar_url = coalesce(excluded.avatar_url, users.avatar_url),
                role = coalesce(excluded.role, users.role),
                guest = excluded.guest,
                deleted_at = null,
                updated_at = excluded.updated_at"
        ),
    };
    let query = sqlx::query(sql)
        .bind(who.user.as_str())
        .bind(who.name.as_str())
        .bind(who.username.as_deref())
        .bind(who.email.as_deref())
        .bind(who.avatar_url.as_deref())
        .bind(who.role.as_deref())
        .bind(i64::from(who.standing == Standing::Guest))
        .bind(at.0);
    let query = match who.room {
        Some(_) => query,
        None => query
            .bind(i64::from(who.name_derived))
            .bind(User::placeholder_name(&who.user)),
    };
    query.execute(connection).await?;
    Ok(())
}

/// Makes sure that there is a user of this id: one that nobody described yet is named
/// by it.
pub(super) async fn ensure(
    connection: &mut AnyConnection,
    id: &UserId,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into users (id, name, guest, created_at, updated_at) values ($1, $2, 0, $3, $3)
         on conflict (id) do update set
            name = excluded.name, deleted_at = null, updated_at = excluded.updated_at
         where users.deleted_at is not null",
    )
    .bind(id.as_str())
    .bind(User::placeholder_name(id))
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}
