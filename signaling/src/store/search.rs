//! Finding Calls: by what they are known by, and by whom they concern. Every query
//! here stays on an index however many Calls there are (tests/calls/plans.rs).

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::Store;
use super::calls::{call_from, columns};
use super::participants::participant_from;
use super::people::placeholders;
use super::row::RowExt;
use crate::domain::call::{Call, CallStatus, EndReason, Origin};
use crate::domain::participant::Participant;
use crate::ids::{AppointmentId, ChatId, RoomName, UserId};

/// Which of a user's Calls [`Store::calls_of_user`] gives.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserListing<'a> {
    /// Of any of these origins; of all when empty.
    pub origins: &'a [Origin],
    /// In any of these states; in all when empty.
    pub statuses: &'a [CallStatus],
    /// Ended for any of these reasons; for any at all when empty.
    pub end_reasons: &'a [EndReason],
    pub limit: i64,
    pub offset: i64,
}

/// Calls in which user `$1` is being rung.
pub const RINGING: &str = concat!(
    "select ",
    columns!(),
    " from calls c
             where c.status in ('scheduled', 'pending', 'ongoing') and c.id in (
                select p.call_id from call_participants p
                where p.user_id = $1 and p.status = 'ringing')
             order by c.id"
);

impl UserListing<'_> {
    /// The query, of `$1` the user, `$2` the limit and `$3` the offset: for those who
    /// look at its plan as well.
    pub fn sql(&self) -> String {
        let origins = self.origins.iter().map(|origin| origin.as_str());
        let statuses = self.statuses.iter().map(|status| status.as_str());
        let end_reasons = self.end_reasons.iter().map(|reason| reason.as_str());
        let matches = [
            one_of("c.origin", origins),
            one_of("c.status", statuses),
            one_of("c.end_reason", end_reasons),
        ]
        .concat();
        let live = !self.statuses.is_empty() && !self.statuses.contains(&CallStatus::Ended);
        let columns = columns!();
        if live {
            // Of those that are not over there are few, of a user's own perhaps many.
            return format!(
                "select {columns} from calls c
                 where exists (select 1 from call_participants p
                               where p.user_id = $1 and p.call_id = c.id){matches}
                 order by c.id desc limit $2 offset $3"
            );
        }
        // The page is found along the user's own rows, in their order. Without the inner
        // limit PostgreSQL walks through everybody's Calls from the latest on, for it takes
        // the user's to be near their end.
        format!(
            "select {columns} from calls c where c.id in (
                select distinct p.call_id
                from call_participants p join calls c on c.id = p.call_id
                where p.user_id = $1{matches}
                order by p.call_id desc limit $2 offset $3)
             order by c.id desc"
        )
    }
}

impl Store {
    pub async fn call_by_number(&self, number: i64) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c where c.id = $1"
        ))
        .bind(number)
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// What is going on in a room, or is scheduled for it.
    pub async fn live_in_room(&self, room: &RoomName) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c
             where c.room_name = $1 and c.status in ('scheduled', 'pending', 'ongoing')"
        ))
        .bind(room.as_str())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// What goes on in a chat; the latest, should there be several.
    pub async fn live_in_chat(&self, chat: &ChatId) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c
             where c.chat_id = $1 and c.status in ('pending', 'ongoing')
             order by c.id desc limit 1"
        ))
        .bind(chat.as_str())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// The Call of an appointment, which has one at most.
    pub async fn call_of_appointment(
        &self,
        appointment: &AppointmentId,
    ) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c
             where c.origin = 'appointment' and c.origin_id = $1
             order by c.id desc limit 1"
        ))
        .bind(appointment.as_str())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// The Calls that a user was in or was asked into, latest first.
    pub async fn calls_of_user(
        &self,
        user: &UserId,
        listing: UserListing<'_>,
    ) -> Result<Vec<Call>, sqlx::Error> {
        sqlx::query(AssertSqlSafe(listing.sql()))
            .bind(user.as_str())
            .bind(listing.limit)
            .bind(listing.offset)
            .fetch_all(&self.read)
            .await?
            .iter()
            .map(call_from)
            .collect()
    }

    /// Calls in which the user is being rung.
    pub async fn ringing(&self, user: &UserId) -> Result<Vec<Call>, sqlx::Error> {
        sqlx::query(RINGING)
            .bind(user.as_str())
            .fetch_all(&self.read)
            .await?
            .iter()
            .map(call_from)
            .collect()
    }

    /// Everybody who was ever in one of the Calls or asked into it, in order of
    /// coming, with the numbers of its Call and of its row.
    pub async fn participants_of(
        &self,
        numbers: &[i64],
    ) -> Result<Vec<(i64, i64, Participant)>, sqlx::Error> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let sql = participants_of(numbers.len());
        let query = numbers
            .iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), |query, number| {
                query.bind(*number)
            });
        let rows = query.fetch_all(&self.read).await?;
        let entry = |row: &AnyRow| {
            let numbers = (row.integer("call_id")?, row.integer("id")?);
            Ok((numbers.0, numbers.1, participant_from(row)?))
        };
        rows.iter().map(entry).collect()
    }
}

/// Everybody of so many Calls, `$1, $2, …`.
pub fn participants_of(calls: usize) -> String {
    format!(
        "select p.id, p.call_id, p.uuid, p.user_id, p.name, p.role, p.status, p.invited,
                p.accepted_at, p.joined_at, p.left_at, p.leave_reason, p.by_word, p.heard_at,
                p.lost_at, p.epoch, p.media, u.avatar_url
             from call_participants p join users u on u.id = p.user_id
             where p.call_id in ({}) order by p.id",
        placeholders(calls)
    )
}

/// A condition on a column that holds words of ours; none when any will do.
fn one_of(column: &str, words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.map(|word| format!("'{word}'")).collect();
    if words.is_empty() {
        return String::new();
    }
    format!(" and {column} in ({})", words.join(", "))
}
