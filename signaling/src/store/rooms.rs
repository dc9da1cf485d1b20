//! What a room's name leads to: the Call that it was last used for, the appointments
//! that it names. (Tables `calls`, `appointments`.)

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::Store;
use super::appointments::{self, appointment_from};
use super::calls::{call_from, columns};
use super::people::placeholders;
use crate::domain::call::Call;
use crate::domain::directory::Appointment;
use crate::ids::{AppointmentId, RoomName};

/// Rooms of a Jitsi whose names differ in case alone may have a Call each: what goes on
/// before what is over.
pub const LATEST_IN_JITSI_ROOM: &str = concat!(
    "select ",
    columns!(),
    " from calls where lower(room_name) = $1 and backend = 'jitsi'
      order by (status <> 'ended') desc, id desc limit 1"
);

impl Store {
    /// The Call that goes on in `room`, or else the last one there.
    pub async fn latest_in_room(&self, room: &RoomName) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from calls where room_name = $1 order by id desc limit 1"
        ))
        .bind(room.as_str())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// The same among the rooms of a Jitsi, whatever their case.
    pub async fn latest_in_jitsi_room(&self, room: &RoomName) -> Result<Option<Call>, sqlx::Error> {
        let row = sqlx::query(LATEST_IN_JITSI_ROOM)
            .bind(room.as_str().to_ascii_lowercase())
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(call_from).transpose()
    }

    /// An appointment that has one of these ids, whatever their case, as rooms of a
    /// Jitsi have none.
    pub async fn appointment_like(
        &self,
        ids: &[AppointmentId],
    ) -> Result<Option<Appointment>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(None);
        }
        let sql = format!(
            "select {} from appointments where lower(id) in ({}) order by id limit 1",
            appointments::columns!(),
            placeholders(ids.len())
        );
        let query = ids
            .iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), |query, id| {
                query.bind(id.as_str().to_ascii_lowercase())
            });
        let row = query.fetch_optional(&self.read).await?;
        row.as_ref().map(appointment_from).transpose()
    }

    /// Those of `ids` that the host has told of.
    pub async fn appointments(
        &self,
        ids: &[&AppointmentId],
    ) -> Result<BTreeMap<AppointmentId, Appointment>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "select {} from appointments where id in ({})",
            appointments::columns!(),
            placeholders(ids.len())
        );
        let query = ids
            .iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), |query, id| {
                query.bind(id.as_str())
            });
        let rows = query.fetch_all(&self.read).await?;
        let found = rows.iter().map(|row| {
            let appointment = appointment_from(row)?;
            Ok((appointment.id.clone(), appointment))
        });
        found.collect()
    }
}
