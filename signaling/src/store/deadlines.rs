//! Table `deadlines`: what the scheduler fires, and when.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, decode, parse};
use crate::domain::lifecycle::{Deadline, DeadlineChange};
use crate::domain::time::UnixMillis;
use crate::domain::words::UnknownWord;
use crate::ids::{CallId, ParticipantId, RoomName};

/// A deadline that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDeadline {
    pub call: CallId,
    pub room: RoomName,
    pub deadline: Deadline,
    pub due: UnixMillis,
}

fn kind(deadline: Deadline) -> &'static str {
    match deadline {
        Deadline::Grace(_) => "grace",
        Deadline::Word(_) => "word",
        Deadline::Linger => "linger",
        Deadline::Ring => "ring",
        Deadline::Plan => "plan",
        Deadline::Duration => "duration",
    }
}

fn subject(deadline: Deadline) -> String {
    match deadline {
        Deadline::Grace(participant) | Deadline::Word(participant) => participant.to_string(),
        Deadline::Linger | Deadline::Ring | Deadline::Plan | Deadline::Duration => String::new(),
    }
}

pub(super) async fn change(
    connection: &mut AnyConnection,
    call_number: i64,
    change: DeadlineChange,
) -> Result<(), sqlx::Error> {
    match change {
        DeadlineChange::Set(deadline, due) => {
            sqlx::query(
                "insert into deadlines (call_id, kind, subject, due_at)
                 values ($1, $2, $3, $4)
                 on conflict (call_id, kind, subject) do update set due_at = excluded.due_at",
            )
            .bind(call_number)
            .bind(kind(deadline))
            .bind(subject(deadline))
            .bind(due.0)
            .execute(connection)
            .await?;
        }
        DeadlineChange::Clear(deadline) => {
            sqlx::query("delete from deadlines where call_id = $1 and kind = $2 and subject = $3")
                .bind(call_number)
                .bind(kind(deadline))
                .bind(subject(deadline))
                .execute(connection)
                .await?;
        }
    }
    Ok(())
}

pub(super) async fn take(
    connection: &mut AnyConnection,
    call: CallId,
    deadline: Deadline,
    now: UnixMillis,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "delete from deadlines
         where call_id = (select id from calls where uuid = $1)
           and kind = $2 and subject = $3 and due_at <= $4",
    )
    .bind(call.to_string())
    .bind(kind(deadline))
    .bind(subject(deadline))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// When the next deadline comes.
    pub async fn next_deadline(&self) -> Result<Option<UnixMillis>, sqlx::Error> {
        let row = sqlx::query("select min(due_at) as due_at from deadlines")
            .fetch_one(&self.read)
            .await?;
        row.time_or_null("due_at")
    }

    /// The earliest of those that have come by `now`.
    pub async fn due_deadlines(
        &self,
        now: UnixMillis,
        limit: i64,
    ) -> Result<Vec<DueDeadline>, sqlx::Error> {
        sqlx::query(
            "select c.uuid, c.room_name, d.kind, d.subject, d.due_at
             from deadlines d join calls c on c.id = d.call_id
             where d.due_at <= $1
             order by d.due_at limit $2",
        )
        .bind(now.0)
        .bind(limit)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(due_from)
        .collect()
    }
}

fn due_from(row: &AnyRow) -> Result<DueDeadline, sqlx::Error> {
    let word = row.text("kind")?;
    let deadline = match word.as_str() {
        "grace" => Deadline::Grace(parse::<ParticipantId>(row, "subject")?),
        "word" => Deadline::Word(parse::<ParticipantId>(row, "subject")?),
        "linger" => Deadline::Linger,
        "ring" => Deadline::Ring,
        "plan" => Deadline::Plan,
        "duration" => Deadline::Duration,
        _ => {
            let what = "Deadline";
            return decode("kind", Err(UnknownWord { what, word }));
        }
    };
    Ok(DueDeadline {
        call: parse(row, "uuid")?,
        room: decode(
            "room_name",
            RoomName::try_from(row.text("room_name")?.as_str()),
        )?,
        deadline,
        due: row.time("due_at")?,
    })
}
