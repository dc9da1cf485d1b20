//! Who may do what: decided here, once, for every dialect and carrier.

use super::call::{CallMode, Origin};
use super::directory::Chat;
use super::lifecycle::CallState;
use super::participant::Role;
use super::principal::{Principal, Standing};
use crate::ids::{RoomName, UserId};

/// Whether `who` may enter the Call of `room`. The host's backend acts on Calls but
/// has no device to be in one.
pub fn may_enter(who: &Principal, room: &RoomName) -> bool {
    who.standing != Standing::Backend && reaches(who, room)
}

/// Whether `who` may receive the Call of `room` without taking part in it: whoever may
/// enter. A viewer is in everybody's list, so that nobody is watched unawares.
pub fn may_watch(who: &Principal, room: &RoomName) -> bool {
    may_enter(who, room)
}

/// Whether somebody in a Call with `role` may be seen and heard.
pub fn may_publish(role: Role) -> bool {
    role != Role::Viewer
}

/// The role of `who` in a Call that it starts or started, or that somebody else did, or
/// nobody.
///
/// Who starts it is its host, and stays that on a second device or after leaving.
/// A proof that names its room is an invitation: it says itself whether its holder
/// is a moderator, so that the first of the invited to arrive does not take over.
pub fn role_in(who: &Principal, starts: bool) -> Role {
    let invited = who.room.is_some();
    match (starts, invited, who.moderator) {
        (true, false, _) | (true, true, true) => Role::Host,
        (false, _, true) => Role::Moderator,
        (_, _, false) => Role::Participant,
    }
}

/// Whether somebody in a Call with `role` may end it for everybody.
pub fn may_end(role: Role) -> bool {
    match role {
        Role::Host | Role::Moderator => true,
        Role::Participant | Role::Viewer => false,
    }
}

/// Whether `who` may make a Call and ask others into it. Guests know nobody, and an
/// invitation into one room is no right to others.
pub fn may_plan(who: &Principal) -> bool {
    match who.standing {
        Standing::Backend => true,
        Standing::User => who.room.is_none(),
        Standing::Guest => false,
    }
}

/// Whether `who` may see the Call and what happens in it.
pub fn may_see(who: &Principal, state: &CallState) -> bool {
    let room = &state.call.room;
    oversees(who, room) || (reaches(who, room) && state.is_member(&who.user))
}

/// Whether `who` may end the Call for everybody, or call it off. In a chat room and of
/// an appointment either of two may hang up; a meeting is its host's.
pub fn may_hang_up(who: &Principal, state: &CallState) -> bool {
    let member = may_see(who, state) && member_may_hang_up(&who.user, state);
    // Whoever came first by an invitation leads nothing when it has left, either.
    let gone = state.role_of(&who.user).is_none();
    let invited = who.room.is_some() && state.call.nature.origin == Origin::AdHoc;
    oversees(who, &state.call.room) || (member && !(invited && gone))
}

/// The same of somebody who was let in, whatever it proved then.
pub fn member_may_hang_up(user: &UserId, state: &CallState) -> bool {
    let call = &state.call;
    let role = state.role_of(user);
    let initiated = call.initiated_by.as_ref() == Some(user);
    match call.nature.origin {
        Origin::Meeting => initiated || role == Some(Role::Host),
        Origin::ChatRoom | Origin::Appointment if call.nature.mode == CallMode::Direct => true,
        // Among those who enter as they come, the first may be there by an invitation
        // that lets it lead nothing.
        Origin::AdHoc => role.map_or(initiated, may_end),
        _ => initiated || role.is_some_and(may_end),
    }
}

/// Whether `who` may say that recording begins or ends, and add what was recorded.
pub fn may_record(who: &Principal, state: &CallState) -> bool {
    let role = state.role_of(&who.user);
    let moderates = role.is_some_and(Role::leads);
    oversees(who, &state.call.room) || (may_see(who, state) && moderates)
}

/// Whether `who` may mute everybody else in the Call. Nobody may unmute another: who is
/// heard is for each to say.
pub fn may_mute_others(who: &Principal, state: &CallState) -> bool {
    let member = may_see(who, state) && member_may_mute_others(&who.user, state);
    oversees(who, &state.call.room) || member
}

/// The same of somebody who was let in, whatever it proved then.
pub fn member_may_mute_others(user: &UserId, state: &CallState) -> bool {
    state.role_of(user).is_some_and(Role::leads)
}

/// Whether `who` may see and end every Call of `room` without having been in it.
pub fn oversees(who: &Principal, room: &RoomName) -> bool {
    who.standing == Standing::Backend || (who.moderator && reaches(who, room))
}

/// Whether `who` may say who the users are, and what they are members of.
pub fn provisions(who: &Principal) -> bool {
    who.standing == Standing::Backend
}

/// Whether `who` is a user in person, whose own things it may see: neither the host's
/// backend nor somebody whose proof is good for one room.
pub fn has_account(who: &Principal) -> bool {
    who.standing == Standing::User && who.room.is_none()
}

/// Whether `who` may read what calls left behind in a chat.
pub fn reads_chat(who: &Principal, chat: &Chat) -> bool {
    provisions(who) || (has_account(who) && chat.members.contains(&who.user))
}

/// Whether the proof is good for `room` at all.
pub fn reaches(who: &Principal, room: &RoomName) -> bool {
    who.room.as_ref().is_none_or(|only| only == room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::try_from(name).unwrap()
    }

    fn user(name: &str) -> UserId {
        UserId::try_from(name).unwrap()
    }

    fn principal(standing: Standing, only: Option<&str>, moderator: bool) -> Principal {
        Principal {
            room: only.map(room),
            moderator,
            ..Principal::new(user("anna"), "Anna", standing)
        }
    }

    #[test]
    fn entering_and_overseeing() {
        use Standing::{Backend, Guest, User};
        // standing, the proof's room, moderator → may enter r, oversees r
        let cases = [
            (Guest, None, false, true, false),
            (User, None, false, true, false),
            (User, None, true, true, true),
            (User, Some("r"), false, true, false),
            (User, Some("r"), true, true, true),
            (User, Some("R"), true, false, false),
            (Guest, Some("other"), false, false, false),
            (Backend, None, false, false, true),
        ];
        for case in cases {
            let (standing, only, moderator, enters, sees) = case;
            let who = principal(standing, only, moderator);
            assert_eq!(may_enter(&who, &room("r")), enters, "{case:?}");
            assert_eq!(oversees(&who, &room("r")), sees, "{case:?}");
            assert_eq!(provisions(&who), standing == Backend, "{case:?}");
            let account = standing == User && only.is_none();
            assert_eq!(has_account(&who), account, "{case:?}");
        }
    }

    #[test]
    fn roles() {
        use Role::{Host, Moderator, Participant};
        // starts it, the proof's room, moderator → role
        let cases = [
            (true, None, false, Host),
            (true, None, true, Host),
            (true, Some("r"), false, Participant),
            (true, Some("r"), true, Host),
            (false, None, false, Participant),
            (false, None, true, Moderator),
            (false, Some("r"), true, Moderator),
            (false, Some("r"), false, Participant),
        ];
        for case in cases {
            let (starts, only, moderator, want) = case;
            let who = principal(Standing::User, only, moderator);
            assert_eq!(role_in(&who, starts), want, "{case:?}");
        }
        assert!(may_end(Host) && may_end(Moderator) && !may_end(Participant));
    }

    #[test]
    fn who_ends_which_call() {
        use CallMode::{Direct, Group};

        // origin, mode → whether the initiator, and whether another member may end it
        let cases = [
            (Origin::Chat, Direct, true, false),
            (Origin::Chat, Group, true, false),
            (Origin::ChatRoom, Direct, true, true),
            (Origin::ChatRoom, Group, true, false),
            (Origin::Appointment, Direct, true, true),
            (Origin::Meeting, Direct, true, false),
            (Origin::Meeting, Group, true, false),
        ];
        for (origin, mode, initiator, other) in cases {
            let state = called_by_anna(origin, mode);
            let may = |name: &str| {
                let who = Principal::new(user(name), name, Standing::User);
                may_hang_up(&who, &state)
            };
            let got = (may("anna"), may("bert"), may("stranger"));
            assert_eq!(got, (initiator, other, false), "{origin:?} {mode:?}");
        }
    }

    #[test]
    fn who_leads_a_call_mutes_the_others() {
        use Standing::{Backend, Guest, User};
        // standing, name, the proof's room, moderator → may mute others
        let cases = [
            (User, "anna", None, false, true),
            (User, "mona", None, false, true),
            (User, "bert", None, false, false),
            (User, "mona", Some("r"), false, true),
            (User, "mona", Some("other"), false, false),
            (User, "stranger", None, false, false),
            (User, "stranger", None, true, true),
            (User, "stranger", Some("r"), true, true),
            (User, "stranger", Some("other"), true, false),
            (Guest, "guest", None, false, false),
            (Backend, "key", None, false, true),
        ];
        // Whoever may hang up in a chat room of two is not for that its moderator.
        for (origin, mode) in [
            (Origin::Meeting, CallMode::Group),
            (Origin::ChatRoom, CallMode::Direct),
            (Origin::Chat, CallMode::Group),
        ] {
            let mut state = called_by_anna(origin, mode);
            for (standing, name, only, moderator, want) in cases {
                let who = Principal {
                    room: only.map(room),
                    moderator,
                    ..Principal::new(user(name), name, standing)
                };
                let case = (origin, standing, name, only, moderator);
                assert_eq!(may_mute_others(&who, &state), want, "{case:?}");
            }
            // A player of the host's leads as little as any other.
            state.asked.clear();
            state.asked.push(watching("anna"));
            assert!(!member_may_mute_others(&user("anna"), &state));
        }
    }

    fn called_by_anna(origin: Origin, mode: CallMode) -> CallState {
        use crate::domain::call::{About, Admission, Call, Nature};
        use crate::domain::time::UnixMillis;

        let id = crate::ids::CallId::from_uuid(uuid::Uuid::nil());
        let nature = Nature {
            origin,
            mode,
            ..Nature::AD_HOC
        };
        let mut call = Call::pending(id, room("r"), nature, UnixMillis(0));
        call.about = About {
            admission: Admission::Members,
            ..About::NOTHING
        };
        let mut state = CallState::new(call);
        let plan = crate::domain::lifecycle::Plan {
            by: Some(user("anna")),
            members: vec![
                invitee("anna", Role::Host),
                invitee("mona", Role::Moderator),
                invitee("bert", Role::Participant),
            ],
            ring: true,
            scheduled: None,
            over_at: None,
        };
        let planned = crate::domain::lifecycle::Transition::Plan(plan);
        state.apply(planned, UnixMillis(0), &RULES).unwrap();
        state
    }

    fn watching(name: &str) -> crate::domain::participant::Participant {
        use crate::domain::participant::{MediaState, Participant, ParticipantStatus, Presence};
        Participant {
            id: crate::ids::ParticipantId::from_uuid(uuid::Uuid::new_v4()),
            user: user(name),
            name: name.to_owned(),
            avatar_url: None,
            role: Role::Viewer,
            status: ParticipantStatus::Joined,
            invited: false,
            accepted_at: None,
            joined_at: None,
            left_at: None,
            leave_reason: None,
            presence: Presence::DEVICE,
            media: MediaState::default(),
        }
    }

    const RULES: crate::domain::lifecycle::Rules = crate::domain::lifecycle::Rules {
        max_participants: 50,
        grace: std::time::Duration::ZERO,
        linger: std::time::Duration::ZERO,
        planned_linger: std::time::Duration::ZERO,
        ring: std::time::Duration::from_secs(45),
        word: std::time::Duration::from_secs(60),
        word_elsewhere: std::time::Duration::from_secs(60),
        max_duration: std::time::Duration::from_secs(60),
    };

    fn invitee(name: &str, role: Role) -> crate::domain::lifecycle::Invitee {
        crate::domain::lifecycle::Invitee {
            id: crate::ids::ParticipantId::from_uuid(uuid::Uuid::new_v4()),
            user: user(name),
            name: name.to_owned(),
            avatar_url: None,
            role,
            busy: false,
        }
    }
}
