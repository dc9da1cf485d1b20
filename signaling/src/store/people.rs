//! What Calls have to know of users and chats: who they are called, who belongs to
//! which chat, who is busy. (Tables `users`, `chats`, `chat_members`.)

use std::collections::BTreeMap;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::row::{RowExt, decode};
use super::{Store, users};
use crate::domain::directory::User;
use crate::domain::time::UnixMillis;
use crate::ids::{ChatId, UserId};

impl Store {
    /// Those of `ids` that are known.
    pub async fn users<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a UserId>,
    ) -> Result<BTreeMap<UserId, User>, sqlx::Error> {
        let ids: Vec<_> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "select id, name, username, email, avatar_url, role from users where id in ({})",
            placeholders(ids.len())
        );
        let rows = bind_all(sqlx::query(AssertSqlSafe(sql)), &ids)
            .fetch_all(&self.read)
            .await?;
        let users = rows.iter().map(|row| {
            let user = user_from(row)?;
            Ok((user.id.clone(), user))
        });
        users.collect()
    }

    /// Those of `ids` that are in a Call now.
    pub async fn busy(&self, ids: &[&UserId]) -> Result<Vec<UserId>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "select distinct p.user_id from call_participants p
             join calls c on c.id = p.call_id
             where p.user_id in ({}) and p.status = 'joined' and p.lost_at is null
               and p.role <> 'viewer'
               and c.status <> 'ended'",
            placeholders(ids.len())
        );
        let rows = bind_all(sqlx::query(AssertSqlSafe(sql)), ids)
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| user_id_from(row, "user_id"))
            .collect()
    }

    /// The members of a chat; `None` when nobody has told of it.
    pub async fn chat_members(&self, chat: &ChatId) -> Result<Option<Vec<UserId>>, sqlx::Error> {
        let rows = sqlx::query(
            "select m.user_id from chats c left join chat_members m on m.chat_id = c.id
             where c.id = $1 and c.deleted_at is null order by m.user_id",
        )
        .bind(chat.as_str())
        .fetch_all(&self.read)
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let members = rows.iter().filter_map(|row| {
            let id = row.text_or_null("user_id").transpose()?;
            Some(id.and_then(|id| decode("user_id", UserId::try_from(id.as_str()))))
        });
        members.collect::<Result<_, _>>().map(Some)
    }
}

/// Users of whom nothing but the id is known yet.
pub(super) async fn put_strangers(
    connection: &mut AnyConnection,
    ids: &[&UserId],
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    for id in ids {
        users::ensure(connection, id, at).await?;
    }
    Ok(())
}

/// A chat of which nothing but the id is known yet.
pub(super) async fn put_chat(
    connection: &mut AnyConnection,
    id: &ChatId,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into chats (id, created_at, updated_at) values ($1, $2, $2)
         on conflict (id) do nothing",
    )
    .bind(id.as_str())
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// `$1, $2, …`.
pub(super) fn placeholders(count: usize) -> String {
    let numbers: Vec<_> = (1..=count).map(|n| format!("${n}")).collect();
    numbers.join(", ")
}

fn bind_all<'q>(
    query: Query<'q, Any, AnyArguments>,
    ids: &[&'q UserId],
) -> Query<'q, Any, AnyArguments> {
    ids.iter().fold(query, |query, id| query.bind(id.as_str()))
}

pub(super) fn user_from(row: &AnyRow) -> Result<User, sqlx::Error> {
    Ok(User {
        id: user_id_from(row, "id")?,
        name: row.text("name")?,
        username: row.text_or_null("username")?,
        email: row.text_or_null("email")?,
        avatar_url: row.text_or_null("avatar_url")?,
        role: row.text_or_null("role")?,
    })
}

fn user_id_from(row: &AnyRow, column: &str) -> Result<UserId, sqlx::Error> {
    decode(column, UserId::try_from(row.text(column)?.as_str()))
}
