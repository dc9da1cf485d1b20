//! The domain in this document's words.

use uuid::Uuid;

use crate::domain::call::CallStatus;
use crate::domain::participant::ParticipantStatus;
use crate::domain::time::UnixMillis;
use crate::error::CallError;
use crate::http::extract::PathSegment;
use crate::http::problem::Problem;
use crate::ids::{RoomName, UserId};
use crate::service::CallRef;

/// A call as this document's paths name it.
pub(super) struct CallNumber(pub(super) CallRef);

impl PathSegment for CallNumber {
    /// What is no number names no call.
    fn parse(text: &str) -> Result<Self, Problem> {
        let number = text.parse().map_err(|_| CallError::UnknownCall)?;
        Ok(Self(CallRef::Number(number)))
    }
}

/// "Call States".
pub(super) const fn call_status(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Scheduled | CallStatus::Pending => "pending",
        CallStatus::Ongoing => "ongoing",
        CallStatus::Ended => "ended",
    }
}

/// "Participant States".
pub(super) const fn participant_status(status: ParticipantStatus) -> &'static str {
    match status {
        ParticipantStatus::Invited | ParticipantStatus::Ringing | ParticipantStatus::Missed => {
            "invited"
        }
        ParticipantStatus::Joined => "joined",
        ParticipantStatus::Left => "left",
        ParticipantStatus::Declined => "declined",
    }
}

/// Of a user id in a room's name; more says nothing more.
const MAX_ID_CHARS: usize = 32;

/// "Room Name Security": `call-{userId}-{timestamp}{random}`. The random part has 122
/// bits, because where no token is asked for the name is all that keeps others out.
pub(super) fn new_room(user: &UserId, now: UnixMillis) -> Result<RoomName, CallError> {
    let id = user.as_str().chars().filter(char::is_ascii_alphanumeric);
    let id: String = id.take(MAX_ID_CHARS).collect();
    let time = base36(u128::from(now.0.unsigned_abs()));
    let random = base36(Uuid::new_v4().as_u128());
    Ok(RoomName::try_from(
        format!("call-{id}-{time}{random}").as_str(),
    )?)
}

fn base36(mut number: u128) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rooms_are_named_as_documented_and_never_alike() {
        let now = UnixMillis(1_736_764_200_000);
        let mut seen = HashSet::new();
        for (id, prefix) in [
            ("1", "call-1-m5uwk9c0"),
            ("anna@example.org", "call-annaexampleorg-m5uwk9c0"),
            ("Ω", "call--m5uwk9c0"),
        ] {
            let user = UserId::try_from(id).unwrap();
            for _ in 0..100 {
                let room = new_room(&user, now).unwrap();
                let name = room.as_str();
                assert!(name.starts_with(prefix), "{name}");
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
                assert!(seen.insert(room));
            }
        }
    }

    #[test]
    fn numbers_in_base_36() {
        for (number, want) in [(0, "0"), (35, "z"), (36, "10"), (1295, "zz")] {
            assert_eq!(base36(number), want);
        }
    }
}
