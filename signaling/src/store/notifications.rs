//! Table `notifications`, written in the transaction of the event that it tells of.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, decode, parse};
use crate::domain::notification::{Notification, NotificationKind, NotifiedCall};
use crate::domain::time::UnixMillis;
use crate::ids::{RoomName, UserId};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select n.id, n.kind, n.created_at, n.read_at, c.id as call_number, c.uuid,
                c.room_name, c.title, c.status, c.scheduled_at, u.id as host_id,
                u.name as host_name
             from notifications n
             join calls c on c.id = n.call_id
             left join users u on u.id = c.initiated_by ",
            $rest
        )
    };
}

/// Which part of a user's notifications.
#[derive(Debug, Clone, Copy)]
pub struct NotificationListing {
    pub unread: bool,
    pub limit: i64,
    pub offset: i64,
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    call_number: i64,
    user: &UserId,
    kind: NotificationKind,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into notifications (user_id, call_id, kind, created_at) values ($1, $2, $3, $4)",
    )
    .bind(user.as_str())
    .bind(call_number)
    .bind(kind.as_str())
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Latest first.
    pub async fn notifications_of(
        &self,
        user: &UserId,
        listing: NotificationListing,
    ) -> Result<Vec<Notification>, sqlx::Error> {
        sqlx::query(select!(
            "where n.user_id = $1 and ($2 = 0 or n.read_at is null)
             order by n.id desc limit $3 offset $4"
        ))
        .bind(user.as_str())
        .bind(i64::from(listing.unread))
        .bind(listing.limit)
        .bind(listing.offset)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(notification_from)
        .collect()
    }

    pub async fn unread_notifications(&self, user: &UserId) -> Result<i64, sqlx::Error> {
        sqlx::query(
            "select count(*) as unread from notifications
             where user_id = $1 and read_at is null",
        )
        .bind(user.as_str())
        .fetch_one(&self.read)
        .await?
        .integer("unread")
    }

    /// Marks one of the user's as read, which it then stays; gives it as it is now.
    pub async fn read_notification(
        &self,
        user: &UserId,
        number: i64,
        at: UnixMillis,
    ) -> Result<Option<Notification>, sqlx::Error> {
        let mut tx = self.write.begin().await?;
        sqlx::query(
            "update notifications set read_at = coalesce(read_at, $3)
             where id = $1 and user_id = $2",
        )
        .bind(number)
        .bind(user.as_str())
        .bind(at.0)
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query(select!("where n.id = $1 and n.user_id = $2"))
            .bind(number)
            .bind(user.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        row.as_ref().map(notification_from).transpose()
    }

    /// How many of the user's that marked as read.
    pub async fn read_notifications(
        &self,
        user: &UserId,
        at: UnixMillis,
    ) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(
            "update notifications set read_at = $2 where user_id = $1 and read_at is null",
        )
        .bind(user.as_str())
        .bind(at.0)
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }
}

fn notification_from(row: &AnyRow) -> Result<Notification, sqlx::Error> {
    let host = match row.text_or_null("host_id")? {
        Some(id) => Some((
            decode("host_id", UserId::try_from(id.as_str()))?,
            row.text("host_name")?,
        )),
        None => None,
    };
    Ok(Notification {
        number: row.integer("id")?,
        kind: parse(row, "kind")?,
        call: NotifiedCall {
            id: parse(row, "uuid")?,
            number: row.integer("call_number")?,
            room: decode(
                "room_name",
                RoomName::try_from(row.text("room_name")?.as_str()),
            )?,
            title: row.text_or_null("title")?,
            status: parse(row, "status")?,
            scheduled: row.time_or_null("scheduled_at")?,
            host,
        },
        created: row.time("created_at")?,
        read: row.time_or_null("read_at")?,
    })
}
