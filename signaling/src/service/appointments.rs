//! The one Call of an appointment, for its doctor and its patient.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::CallService;
use super::core::{Core, database};
use super::lookup::{CallFilter, CallRef};
use super::plan::NewCall;
use super::record::CallRecord;
use crate::domain::call::{Backend, CallKind, CallMode, CallStatus, Nature, Origin};
use crate::domain::directory::{Appointment, User};
use crate::domain::participant::Role;
use crate::domain::principal::{Principal, Standing};
use crate::domain::tenancy::APPOINTMENT_ROOM;
use crate::error::CallError;
use crate::ids::{AppointmentId, RoomName, UserId};

/// Whoever begins when the time is over, or nearly, still gets this much of it.
const LATE: Duration = Duration::from_secs(15 * 60);

/// An appointment with its Call and its people.
#[derive(Debug, Clone)]
pub struct AppointmentCall {
    pub appointment: Appointment,
    pub record: CallRecord,
    pub doctor: User,
    pub patient: User,
}

impl CallService {
    /// Makes the Call of an appointment that is due, or gives the one that there is.
    pub async fn call_for_appointment(
        &self,
        who: &Principal,
        id: &AppointmentId,
        backend: Backend,
    ) -> Result<AppointmentCall, CallError> {
        let appointment = self.core.appointment_of(who, id).await?;
        if !appointment.is_due() {
            return Err(CallError::NotDue);
        }
        let new = self.core.appointment_plan(&appointment, backend)?;
        let planned = match self.plan(who, new.clone()).await {
            // By the other one, who was faster, and whose Call it is then; or somebody
            // sits in the room of that name, and it is held in another.
            Err(CallError::AlreadyLive) => {
                let room = unguessable_room()?;
                let new = NewCall { room, ..new };
                match self.plan(who, new.clone()).await {
                    // The other one was faster in this as well.
                    Err(CallError::AlreadyLive) => self.plan(who, new).await?,
                    planned => planned?,
                }
            }
            planned => planned?,
        };
        self.core.with_people(appointment, planned.record).await
    }

    /// The Call of an appointment of the asker's own.
    pub async fn call_of_appointment(
        &self,
        who: &Principal,
        id: &AppointmentId,
    ) -> Result<AppointmentCall, CallError> {
        let appointment = self.core.appointment_of(who, id).await?;
        let call = CallRef::Appointment(id.clone());
        let record = self.call(who, &call).await?;
        self.core.with_people(appointment, record).await
    }

    /// The asker's own, latest first; those whose appointment the host has removed
    /// are left out.
    pub async fn appointment_calls_of(
        &self,
        who: &Principal,
        filter: &CallFilter,
    ) -> Result<Vec<AppointmentCall>, CallError> {
        let records = self.calls_of(who, filter).await?;
        let ids = records
            .iter()
            .filter_map(|record| record.call.about.appointment.as_ref());
        let store = &self.core.store;
        let appointments = store.appointments(&ids.collect::<Vec<_>>()).await;
        let appointments = appointments.map_err(database)?;
        let parties = appointments.values().flat_map(|a| [&a.doctor, &a.patient]);
        let users = store.users(parties).await.map_err(database)?;
        let calls = records.into_iter().filter_map(|record| {
            let id = record.call.about.appointment.as_ref()?;
            let appointment = appointments.get(id)?.clone();
            Some(AppointmentCall::new(appointment, record, &users))
        });
        Ok(calls.collect())
    }
}

impl AppointmentCall {
    fn new(appointment: Appointment, record: CallRecord, users: &BTreeMap<UserId, User>) -> Self {
        let known = |id: &UserId| users.get(id).cloned().unwrap_or_else(|| unknown(id));
        Self {
            doctor: known(&appointment.doctor),
            patient: known(&appointment.patient),
            appointment,
            record,
        }
    }

    /// Whether it is over, so that there is nothing to enter.
    pub fn over(&self) -> bool {
        self.record.call.status == CallStatus::Ended
    }
}

impl Core {
    /// For its doctor and its patient, and for whoever oversees.
    async fn appointment_of(
        &self,
        who: &Principal,
        id: &AppointmentId,
    ) -> Result<Appointment, CallError> {
        let found = self.store.appointment(id).await.map_err(database)?;
        let appointment = found.ok_or(CallError::UnknownAppointment)?;
        let concerned = appointment.is_of(&who.user) || who.standing == Standing::Backend;
        concerned.then_some(appointment).ok_or(CallError::NotMember)
    }

    fn appointment_plan(
        &self,
        appointment: &Appointment,
        backend: Backend,
    ) -> Result<NewCall, CallError> {
        let nature = Nature {
            kind: CallKind::Video,
            mode: CallMode::Direct,
            backend,
            origin: Origin::Appointment,
        };
        let over_at = appointment.ends_at.max(self.clock.now() + LATE);
        Ok(NewCall {
            appointment: Some(appointment.id.clone()),
            members: vec![
                (appointment.doctor.clone(), Role::Host),
                (appointment.patient.clone(), Role::Participant),
            ],
            ring: false,
            scheduled: Some(appointment.starts_at),
            over_at: Some(over_at),
            ..NewCall::new(room_of(&appointment.id)?, nature)
        })
    }

    async fn with_people(
        &self,
        appointment: Appointment,
        record: CallRecord,
    ) -> Result<AppointmentCall, CallError> {
        let parties = [&appointment.doctor, &appointment.patient];
        let users = self.store.users(parties).await.map_err(database)?;
        Ok(AppointmentCall::new(appointment, record, &users))
    }
}

/// `appointment_<id>`, as applications print it, unless the id is no part of a link.
fn room_of(id: &AppointmentId) -> Result<RoomName, CallError> {
    let name = RoomName::try_from(format!("{APPOINTMENT_ROOM}{id}").as_str());
    name.or_else(|_| unguessable_room())
}

fn unguessable_room() -> Result<RoomName, CallError> {
    let name = format!("{APPOINTMENT_ROOM}{}", Uuid::new_v4().simple());
    Ok(RoomName::try_from(name.as_str())?)
}

fn unknown(id: &UserId) -> User {
    User {
        id: id.clone(),
        name: id.to_string(),
        username: None,
        email: None,
        avatar_url: None,
        role: None,
    }
}
