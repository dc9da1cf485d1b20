//! What Calls have to know of users and chats: who they are called, who belongs to
//! which chat, who is busy. (Tables `users`, `chats`, `chat_members`.)

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe};

use super::calls::{call_from, columns};
use super::row::{RowExt, decode};
use super::{Store, users};
use crate::domain::call::Call;
use crate::domain::directory::User;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::ids::{ChatId, UserId};

/// Those of `users`, `$1, $2, …`, that are in a Call of which the user after them is no
/// member; by their word, if they were heard after the time that comes last.
pub fn busy(users: usize) -> String {
    format!(
        "select distinct p.user_id from call_participants p
             join calls c on c.id = p.call_id
             where p.user_id in ({}) and p.status = 'joined' and p.lost_at is null
               and p.role <> 'viewer' and (p.heard_at is null or p.heard_at > ${}) and c.status <> 'ended'
               and not exists (
                    select 1 from call_participants o
                    where o.call_id = p.call_id and o.user_id = ${}
                      and (o.invited = 1 or o.status = 'joined'))",
        placeholders(users),
        users + 2,
        users + 1
    )
}

/// Calls of users `$1` and `$2`, in which either is present and not known to be.
pub const UNHELD_BETWEEN: &str = concat!(
    "select ",
    columns!(),
    " from calls c
             where c.status = 'ongoing' and c.mode = 'direct' and c.id in (
                select p.call_id from call_participants p
                where p.user_id in ($1, $2) and p.status = 'joined'
                  and (p.heard_at is not null or p.lost_at is not null))
               and (select count(distinct m.user_id) from call_participants m
                    where m.call_id = c.id and m.user_id in ($1, $2)) = 2
             order by c.id"
);

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

    /// Those of `ids` that are in a Call now of which `caller` is no member, as far as is
    /// known: of who is there by its word, something was heard since.
    pub async fn busy(
        &self,
        caller: &UserId,
        ids: &[&UserId],
        since: UnixMillis,
    ) -> Result<Vec<UserId>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = busy(ids.len());
        let rows = bind_all(sqlx::query(AssertSqlSafe(sql)), ids)
            .bind(caller.as_str())
            .bind(since.0)
            .fetch_all(&self.read)
            .await?;
        rows.iter()
            .map(|row| user_id_from(row, "user_id"))
            .collect()
    }

    /// Calls that go on between the two, in which either is present and nothing here
    /// would notice its going.
    pub async fn unheld_between(
        &self,
        one: &UserId,
        other: &UserId,
    ) -> Result<Vec<Call>, sqlx::Error> {
        sqlx::query(UNHELD_BETWEEN)
            .bind(one.as_str())
            .bind(other.as_str())
            .fetch_all(&self.read)
            .await?
            .iter()
            .map(call_from)
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

/// Somebody, and users of whom nothing but the id is known yet. In the order of their ids, for
/// two who name each other at the same time would wait for each other's rows.
pub(super) async fn put_people(
    connection: &mut AnyConnection,
    who: Option<&Principal>,
    strangers: &[&UserId],
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    let ids = strangers.iter().copied().chain(who.map(|who| &who.user));
    for id in ids.collect::<BTreeSet<_>>() {
        match who.filter(|who| who.user == *id) {
            Some(who) => users::put(connection, who, at).await?,
            None => users::ensure(connection, id, at).await?,
        }
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
