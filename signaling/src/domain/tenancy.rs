//! Whose a room is, and who therefore gets tokens for it: the rules of asking for a
//! token by a room's name alone. There is no token for every room.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{Admission, Call, Origin};
use super::directory::Appointment;
use super::participant::{Participant, Role};
use super::permission;
use super::principal::{Principal, Standing};
use crate::ids::{AppointmentId, RoomName, UserId};

/// What a room is before anybody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenancy {
    /// Nobody's yet.
    Free,
    /// Named as an appointment's, of which nobody has told: the host's backend's to give.
    Reserved,
    /// Open to everybody who knows its name; some lead it.
    Open { leaders: BTreeSet<UserId> },
    /// Of a call, a meeting or an appointment: its people's alone.
    Members {
        roles: BTreeMap<UserId, Role>,
        /// Whoever does not lead has to know a password, which is not asked for here.
        password: bool,
        /// A meeting's moderators do not lead it: they may not end it.
        host_alone: bool,
    },
}

/// A token that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub user: UserId,
    pub moderator: bool,
}

impl Tenancy {
    /// Of the Call that goes on in it, or was the last one there.
    pub fn of_call<'a>(call: &Call, people: impl IntoIterator<Item = &'a Participant>) -> Self {
        let mut roles: BTreeMap<UserId, Role> = BTreeMap::new();
        for participant in people {
            let role = roles.entry(participant.user.clone());
            let role = role.or_insert(participant.role);
            *role = higher(*role, participant.role);
        }
        if let Some(user) = &call.initiated_by {
            let role = roles.entry(user.clone()).or_insert(Role::Host);
            // The first to enter may have come by an invitation that leads nothing.
            if call.nature.origin != Origin::AdHoc {
                *role = Role::Host;
            }
        }
        match call.about.admission {
            Admission::Members => Self::Members {
                roles,
                password: call.about.password_hash.is_some(),
                host_alone: call.nature.origin == Origin::Meeting,
            },
            Admission::Open => Self::Open {
                leaders: roles
                    .into_iter()
                    .filter(|(_, role)| permission::may_end(*role))
                    .map(|(user, _)| user)
                    .collect(),
            },
        }
    }

    /// Of an appointment whose Call nobody has made yet.
    pub fn of_appointment(appointment: &Appointment) -> Self {
        let doctor = (appointment.doctor.clone(), Role::Host);
        let patient = (appointment.patient.clone(), Role::Participant);
        Self::Members {
            roles: BTreeMap::from([patient, doctor]),
            password: false,
            host_alone: false,
        }
    }

    /// Whether asking for this makes the room, which then has a Call and leaders.
    pub fn made_by(&self, wishes: &[Wish], making: bool) -> bool {
        matches!(self, Self::Free | Self::Reserved)
            && (making || wishes.iter().any(|wish| wish.moderator))
    }

    /// Whether `who` may have this token. For itself whoever may enter at all; for
    /// somebody else, or as moderator of a room that is somebody's, only the host's
    /// backend and those who lead it. Whoever makes a room for several people
    /// (`making`) leads it.
    pub fn grants(&self, who: &Principal, room: &RoomName, wish: &Wish, making: bool) -> bool {
        let backend = who.standing == Standing::Backend;
        // A pass into one room is no account to get others with, or itself anew, unless
        // it leads the room.
        if !permission::has_account(who) && !permission::oversees(who, room) {
            return false;
        }
        let own = wish.user == who.user && !backend;
        match self {
            Self::Free => backend || own || making,
            Self::Reserved => backend,
            Self::Open { leaders } => {
                let leads = leaders.contains(&who.user) || permission::oversees(who, room);
                leads || (own && !wish.moderator)
            }
            Self::Members {
                roles,
                password,
                host_alone,
            } => {
                let role = roles.get(&who.user);
                let leading = |role: &Role| match host_alone {
                    true => *role == Role::Host,
                    false => permission::may_end(*role),
                };
                let leads = backend || role.is_some_and(leading);
                roles.contains_key(&wish.user) && (leads || (own && !wish.moderator && !password))
            }
        }
    }
}

fn higher(one: Role, other: Role) -> Role {
    let rank = |role| match role {
        Role::Host => 2,
        Role::Moderator => 1,
        Role::Participant | Role::Viewer => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// How the names of rooms begin in which appointments have their Calls.
pub const APPOINTMENT_ROOM: &str = "appointment_";

/// Whether an appointment's Call may come to be in this room, to which a token that was
/// given before would be a way in.
pub fn is_appointments(room: &RoomName) -> bool {
    let head = room.as_str().get(..APPOINTMENT_ROOM.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(APPOINTMENT_ROOM))
}

/// The appointments that a room's name may be naming: `appointment_<id>`, or
/// `<application>-<id>-<time>`, where the application's name may have the like in it.
pub fn appointments_named_by(room: &RoomName) -> Vec<AppointmentId> {
    let separator = |c: char| matches!(c, '-' | '_');
    let room = room.as_str();
    let mut named = Vec::new();
    for (at, _) in room.match_indices(separator) {
        let rest = room.get(at + 1..).unwrap_or_default();
        let timed = rest.rsplit_once(separator);
        let timed = timed.filter(|(_, time)| time.bytes().all(|b| b.is_ascii_digit()));
        let both = [Some(rest), timed.map(|(id, _)| id)];
        let ids = both.into_iter().flatten();
        named.extend(ids.filter_map(|id| AppointmentId::try_from(id).ok()));
    }
    named
}

#[cfg(test)]
mod tests;
