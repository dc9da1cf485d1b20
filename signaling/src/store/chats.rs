//! Tables `chats` and `chat_members`.

use std::collections::BTreeSet;

use sqlx::AnyConnection;

use super::row::{RowExt, decode};
use super::{Store, users};
use crate::domain::directory::Chat;
use crate::domain::time::UnixMillis;
use crate::ids::{ChatId, UserId};

impl Store {
    pub async fn chat(&self, id: &ChatId) -> Result<Option<Chat>, sqlx::Error> {
        let mut connection = self.read.acquire().await?;
        let row = sqlx::query("select name from chats where id = $1 and deleted_at is null")
            .bind(id.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(Chat {
            id: id.clone(),
            name: row.text_or_null("name")?,
            members: members(&mut connection, id).await?,
        }))
    }

    /// Creates or replaces a chat; members whom nobody described yet become users.
    pub async fn put_chat(&self, chat: &Chat, at: UnixMillis) -> Result<(), sqlx::Error> {
        let mut tx = self.write.begin().await?;
        sqlx::query(
            "insert into chats (id, name, created_at, updated_at) values ($1, $2, $3, $3)
             on conflict (id) do update set
                name = excluded.name, deleted_at = null, updated_at = excluded.updated_at",
        )
        .bind(chat.id.as_str())
        .bind(chat.name.as_deref())
        .bind(at.0)
        .execute(&mut *tx)
        .await?;
        let before = members(&mut tx, &chat.id).await?;
        // In order of their ids, so that no two of these wait for each other.
        for user in chat.members.difference(&before) {
            users::ensure(&mut tx, user, at).await?;
            sqlx::query("insert into chat_members (chat_id, user_id) values ($1, $2)")
                .bind(chat.id.as_str())
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?;
        }
        for user in before.difference(&chat.members) {
            sqlx::query("delete from chat_members where chat_id = $1 and user_id = $2")
                .bind(chat.id.as_str())
                .bind(user.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    /// Forgets a chat with its members and messages; calls that grew out of it keep
    /// its id. `false` when there is none.
    pub async fn delete_chat(&self, id: &ChatId, at: UnixMillis) -> Result<bool, sqlx::Error> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query(
            "update chats set name = null, deleted_at = $2, updated_at = $2
             where id = $1 and deleted_at is null",
        )
        .bind(id.as_str())
        .bind(at.0)
        .execute(&mut *tx)
        .await?;
        for of_chat in [
            "delete from chat_members where chat_id = $1",
            "delete from chat_messages where chat_id = $1",
        ] {
            sqlx::query(of_chat)
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Who is in the chat; nobody when there is none.
pub(super) async fn members(
    connection: &mut AnyConnection,
    id: &ChatId,
) -> Result<BTreeSet<UserId>, sqlx::Error> {
    sqlx::query("select user_id from chat_members where chat_id = $1")
        .bind(id.as_str())
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| decode("user_id", UserId::try_from(row.text("user_id")?.as_str())))
        .collect()
}
