//! Table `calls`. Every transition begins by counting up the `version` of its row,
//! which locks it on both engines.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Store;
use super::row::{RowExt, decode, host_id_or_null, parse, parse_or_null};
use crate::domain::call::{About, Call, Nature, Times};
use crate::ids::{AppointmentId, CallId, ChatId, RoomName, UserId};

macro_rules! columns {
    () => {
        "id, uuid, room_name, kind, mode, backend, origin, origin_id, chat_id,
         title, admission, password_hash, recording_allowed, recording,
         initiated_by, status, end_reason, created_at, scheduled_at, rings_until,
         started_at, answered_at, ended_at, last_left_at, updated_at, last_event"
    };
}

pub(super) use columns;

/// Which part of a room's Calls [`Store::calls_of_room`] gives.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// Only Calls in which this user was; all of them without.
    pub seen_by: Option<&'a UserId>,
    /// Only rows with smaller numbers.
    pub before: i64,
    pub limit: i64,
}

pub(super) async fn lock_live(
    connection: &mut AnyConnection,
    room: &RoomName,
) -> Result<Option<Call>, sqlx::Error> {
    let row = sqlx::query(concat!(
        "update calls set version = version + 1
         where room_name = $1 and status in ('scheduled', 'pending', 'ongoing')
         returning ",
        columns!()
    ))
    .bind(room.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(call_from).transpose()
}

/// Locks a Call in whatever state it is.
pub(super) async fn lock(
    connection: &mut AnyConnection,
    number: i64,
) -> Result<Option<Call>, sqlx::Error> {
    let row = sqlx::query(concat!(
        "update calls set version = version + 1 where id = $1 returning ",
        columns!()
    ))
    .bind(number)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(call_from).transpose()
}

pub(super) async fn lock_or_insert(
    connection: &mut AnyConnection,
    call: &Call,
) -> Result<Call, sqlx::Error> {
    let row = sqlx::query(concat!(
        "insert into calls
            (uuid, room_name, kind, mode, backend, origin, status, created_at,
             origin_id, chat_id, title, admission, password_hash, recording_allowed,
             recording, updated_at, last_event, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $8, 0, 0)
         on conflict (room_name) where status in ('scheduled', 'pending', 'ongoing')
            do update set version = calls.version + 1
         returning ",
        columns!()
    ))
    .bind(call.id.to_string())
    .bind(call.room.as_str())
    .bind(call.nature.kind.as_str())
    .bind(call.nature.mode.as_str())
    .bind(call.nature.backend.as_str())
    .bind(call.nature.origin.as_str())
    .bind(call.status.as_str())
    .bind(call.times.created.0)
    .bind(call.about.appointment.as_ref().map(AppointmentId::as_str))
    .bind(call.about.chat.as_ref().map(ChatId::as_str))
    .bind(call.about.title.as_deref())
    .bind(call.about.admission.as_str())
    .bind(call.about.password_hash.as_deref())
    .bind(i64::from(call.about.recording_allowed))
    .fetch_one(connection)
    .await?;
    call_from(&row)
}

pub(super) async fn update(connection: &mut AnyConnection, call: &Call) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update calls set
            initiated_by = $2, status = $3, end_reason = $4, started_at = $5,
            ended_at = $6, last_left_at = $7, updated_at = $8, last_event = $9,
            scheduled_at = $10, rings_until = $11, answered_at = $12, recording = $13,
            duration = $14
         where id = $1",
    )
    .bind(call.number)
    .bind(call.initiated_by.as_ref().map(UserId::as_str))
    .bind(call.status.as_str())
    .bind(call.end_reason.map(|reason| reason.as_str()))
    .bind(call.times.started.map(|at| at.0))
    .bind(call.times.ended.map(|at| at.0))
    .bind(call.times.last_left.map(|at| at.0))
    .bind(call.times.updated.0)
    .bind(call.last_event)
    .bind(call.times.scheduled.map(|at| at.0))
    .bind(call.times.rings_until.map(|at| at.0))
    .bind(call.times.answered.map(|at| at.0))
    .bind(i64::from(call.recording))
    .bind(
        call.duration()
            .and_then(|d| i64::try_from(d.as_secs()).ok()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    pub async fn call(&self, id: CallId) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c where c.uuid = $1"
        ))
        .bind(id.to_string())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// Every Call that is going on, or could be.
    pub async fn live_calls(&self) -> Result<Vec<Call>, sqlx::Error> {
        sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c where c.status in ('pending', 'ongoing')
                or (c.status = 'scheduled' and exists (
                    select 1 from call_participants p
                    where p.call_id = c.id and p.status = 'joined'))
             order by c.id"
        ))
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(call_from)
        .collect()
    }

    /// The Calls of a room, latest first.
    pub async fn calls_of_room(
        &self,
        room: &RoomName,
        listing: Listing<'_>,
    ) -> Result<Vec<Call>, sqlx::Error> {
        sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls c
             where c.room_name = $1 and c.id < $2
               and ($3 = '' or exists (
                    select 1 from call_participants p
                    where p.call_id = c.id and p.user_id = $3))
             order by c.id desc limit $4"
        ))
        .bind(room.as_str())
        .bind(listing.before)
        // No user's id is empty.
        .bind(listing.seen_by.map_or("", UserId::as_str))
        .bind(listing.limit)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(call_from)
        .collect()
    }
}

pub(super) fn call_from(row: &AnyRow) -> Result<Call, sqlx::Error> {
    let initiated_by = host_id_or_null(row, "initiated_by")?;
    Ok(Call {
        id: parse(row, "uuid")?,
        number: row.integer("id")?,
        room: decode(
            "room_name",
            RoomName::try_from(row.text("room_name")?.as_str()),
        )?,
        nature: Nature {
            kind: parse(row, "kind")?,
            mode: parse(row, "mode")?,
            backend: parse(row, "backend")?,
            origin: parse(row, "origin")?,
        },
        about: about_from(row)?,
        initiated_by,
        status: parse(row, "status")?,
        end_reason: parse_or_null(row, "end_reason")?,
        times: Times {
            created: row.time("created_at")?,
            scheduled: row.time_or_null("scheduled_at")?,
            rings_until: row.time_or_null("rings_until")?,
            answered: row.time_or_null("answered_at")?,
            started: row.time_or_null("started_at")?,
            ended: row.time_or_null("ended_at")?,
            last_left: row.time_or_null("last_left_at")?,
            updated: row.time("updated_at")?,
        },
        recording: row.flag("recording")?,
        last_event: row.integer("last_event")?,
    })
}

fn about_from(row: &AnyRow) -> Result<About, sqlx::Error> {
    Ok(About {
        title: row.text_or_null("title")?,
        chat: host_id_or_null(row, "chat_id")?,
        appointment: host_id_or_null(row, "origin_id")?,
        admission: parse(row, "admission")?,
        password_hash: row.text_or_null("password_hash")?,
        recording_allowed: row.flag("recording_allowed")?,
    })
}
