//! Tokens for a room that is asked for by its name: whether they may be given, and
//! the Call that a new room gets with them, so that from then on it is somebody's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::CallService;
use super::core::{Core, database};
use super::plan::NewCall;
use crate::domain::call::{Admission, Backend, Call, CallMode, CallStatus, Nature};
use crate::domain::directory::User;
use crate::domain::participant::Role;
use crate::domain::principal::{Principal, Standing};
use crate::domain::tenancy::{Tenancy, Wish, appointments_named_by, is_appointments};
use crate::error::CallError;
use crate::ids::{RoomName, UserId};

/// How long a room that was made by asking for tokens remembers who leads it, if
/// nothing else happens to it: rooms are made with an appointment, days ahead.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Tokens that are asked for.
#[derive(Debug, Clone)]
pub struct RoomRequest {
    pub room: RoomName,
    /// Of a room that is made; one that exists has its own.
    pub backend: Backend,
    pub wishes: Vec<Wish>,
    /// The asker makes the room for all of them, and leads it.
    pub making: bool,
}

impl RoomRequest {
    /// As many as are ever called at once.
    pub const MAX_WISHES: usize = NewCall::MAX_MEMBERS;
}

/// What may be given.
#[derive(Debug, Clone)]
pub struct Admittance {
    pub backend: Backend,
    /// As they were asked for; who makes a room leads it, though.
    pub wishes: Vec<Wish>,
    /// Those of the users that are known.
    pub users: BTreeMap<UserId, User>,
}

impl CallService {
    /// All of the tokens or none.
    pub async fn admit(
        &self,
        who: &Principal,
        request: RoomRequest,
    ) -> Result<Admittance, CallError> {
        match self.admit_once(who, &request).await {
            // Somebody else made the room meanwhile.
            Err(CallError::AlreadyLive) => self.admit_once(who, &request).await,
            done => done,
        }
    }

    async fn admit_once(
        &self,
        who: &Principal,
        request: &RoomRequest,
    ) -> Result<Admittance, CallError> {
        let RoomRequest { room, making, .. } = request;
        let (tenancy, call) = self.core.tenancy(room, request.backend).await?;
        let mut wishes = request.wishes.clone();
        let makes = tenancy.made_by(&wishes, *making);
        for wish in &mut wishes {
            wish.moderator |= makes && *making && wish.user == who.user;
            if !tenancy.grants(who, room, wish, *making) {
                return Err(CallError::Forbidden);
            }
        }
        // Told to those alone who would have got in.
        if call
            .as_ref()
            .is_some_and(|call| call.status == CallStatus::Ended)
        {
            return Err(CallError::Over);
        }
        if makes {
            self.plan(who, self.core.new_room(who, request, &wishes))
                .await?;
        }
        let users = self.core.store.users(wishes.iter().map(|wish| &wish.user));
        Ok(Admittance {
            backend: call.map_or(request.backend, |call| call.nature.backend),
            users: users.await.map_err(database)?,
            wishes,
        })
    }
}

impl Core {
    /// Whose the room is, and the Call that makes it so.
    async fn tenancy(
        &self,
        room: &RoomName,
        backend: Backend,
    ) -> Result<(Tenancy, Option<Call>), CallError> {
        for call in self.latest_in(room, backend).await? {
            let people = self.store.participants(call.number).await;
            let people = people.map_err(database)?;
            let tenancy = Tenancy::of_call(&call, &people);
            // A room that was open is free again when its Call is over, and nobody has an
            // appointment's for sitting in it.
            let over = call.status == CallStatus::Ended;
            let squatted = call.initiated_by.is_some() && is_appointments(room);
            if !(over || squatted) || matches!(tenancy, Tenancy::Members { .. }) {
                return Ok((tenancy, Some(call)));
            }
        }
        let named = appointments_named_by(room);
        let appointment = self.store.appointment_like(&named).await;
        let tenancy = match appointment.map_err(database)? {
            Some(appointment) => Tenancy::of_appointment(&appointment),
            None if is_appointments(room) => Tenancy::Reserved,
            None => Tenancy::Free,
        };
        Ok((tenancy, None))
    }

    /// What goes on before what is over. To a Jitsi, names that differ in case alone are
    /// one room, so that what was in one of them hides nothing in another.
    async fn latest_in(&self, room: &RoomName, backend: Backend) -> Result<Vec<Call>, CallError> {
        let latest = self.store.latest_in_room(room).await.map_err(database)?;
        let folded = match backend {
            Backend::Jitsi => self.store.latest_in_jitsi_room(room).await,
            Backend::Sfu => Ok(None),
        };
        let mut calls: Vec<_> = latest.into_iter().collect();
        calls.extend(folded.map_err(database)?);
        calls.sort_by_key(|call| call.status == CallStatus::Ended);
        Ok(calls)
    }

    fn new_room(&self, who: &Principal, request: &RoomRequest, wishes: &[Wish]) -> NewCall {
        let nature = Nature {
            backend: request.backend,
            mode: CallMode::Group,
            ..Nature::AD_HOC
        };
        let leads = |wish: &Wish| {
            let own = who.standing != Standing::Backend && wish.user == who.user;
            match wish.moderator {
                true if own || who.standing == Standing::Backend => Role::Host,
                true => Role::Moderator,
                false => Role::Participant,
            }
        };
        NewCall {
            members: wishes.iter().map(|w| (w.user.clone(), leads(w))).collect(),
            ring: false,
            admission: Admission::Open,
            over_at: Some(self.clock.now() + KEPT),
            ..NewCall::new(one_spelling(&request.room, request.backend), nature)
        }
    }
}

/// So that no two Calls have rooms that a Jitsi takes for one.
fn one_spelling(room: &RoomName, backend: Backend) -> RoomName {
    let folded = match backend {
        Backend::Jitsi => RoomName::try_from(room.as_str().to_ascii_lowercase().as_str()).ok(),
        Backend::Sfu => None,
    };
    folded.unwrap_or_else(|| room.clone())
}
