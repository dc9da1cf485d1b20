//! Table `appointments`.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::row::{RowExt, decode};
use super::{Store, users};
use crate::domain::directory::Appointment;
use crate::domain::time::UnixMillis;
use crate::ids::{AppointmentId, UserId};

macro_rules! columns {
    () => {
        "id, doctor_id, patient_id, appointment_date, start_time, end_time, status,
         starts_at, ends_at"
    };
}

pub(super) use columns;

impl Store {
    pub async fn appointment(
        &self,
        id: &AppointmentId,
    ) -> Result<Option<Appointment>, sqlx::Error> {
        let row = sqlx::query(concat!(
            "select ",
            columns!(),
            " from appointments where id = $1"
        ))
        .bind(id.as_str())
        .fetch_optional(&self.read)
        .await?;
        row.as_ref().map(appointment_from).transpose()
    }

    /// Creates or replaces an appointment; a doctor or patient whom nobody described
    /// yet becomes a user.
    pub async fn put_appointment(
        &self,
        appointment: &Appointment,
        at: UnixMillis,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.write.begin().await?;
        let mut parties = [&appointment.doctor, &appointment.patient];
        // In order, so that no two of these wait for each other.
        parties.sort();
        for user in parties {
            users::ensure(&mut tx, user, at).await?;
        }
        upsert(&mut tx, appointment, at).await?;
        tx.commit().await
    }

    /// `false` when there is none.
    pub async fn delete_appointment(&self, id: &AppointmentId) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("delete from appointments where id = $1")
            .bind(id.as_str())
            .execute(&self.write)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}

async fn upsert(
    connection: &mut AnyConnection,
    appointment: &Appointment,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into appointments
            (id, doctor_id, patient_id, appointment_date, start_time, end_time, status,
             starts_at, ends_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         on conflict (id) do update set
            doctor_id = excluded.doctor_id,
            patient_id = excluded.patient_id,
            appointment_date = excluded.appointment_date,
            start_time = excluded.start_time,
            end_time = excluded.end_time,
            status = excluded.status,
            starts_at = excluded.starts_at,
            ends_at = excluded.ends_at,
            updated_at = excluded.updated_at",
    )
    .bind(appointment.id.as_str())
    .bind(appointment.doctor.as_str())
    .bind(appointment.patient.as_str())
    .bind(appointment.date.as_str())
    .bind(appointment.start_time.as_str())
    .bind(appointment.end_time.as_str())
    .bind(appointment.status.as_str())
    .bind(appointment.starts_at.0)
    .bind(appointment.ends_at.0)
    .bind(at.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// The status that its call gives an appointment, in the host's words; nothing
/// happens to one that the host has removed.
pub(super) async fn set_status(
    connection: &mut AnyConnection,
    id: &AppointmentId,
    status: &str,
    at: UnixMillis,
) -> Result<(), sqlx::Error> {
    sqlx::query("update appointments set status = $2, updated_at = $3 where id = $1")
        .bind(id.as_str())
        .bind(status)
        .bind(at.0)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn appointment_from(row: &AnyRow) -> Result<Appointment, sqlx::Error> {
    let user = |column: &str| {
        let id = row.text(column)?;
        decode(column, UserId::try_from(id.as_str()))
    };
    Ok(Appointment {
        id: decode("id", AppointmentId::try_from(row.text("id")?.as_str()))?,
        doctor: user("doctor_id")?,
        patient: user("patient_id")?,
        date: row.text("appointment_date")?,
        start_time: row.text("start_time")?,
        end_time: row.text("end_time")?,
        status: row.text("status")?,
        starts_at: row.time("starts_at")?,
        ends_at: row.time("ends_at")?,
    })
}
