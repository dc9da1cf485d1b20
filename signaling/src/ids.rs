//! Typed identifiers of the signaling side; their invariants are checked once, on
//! the way in, so that nothing behind them has to ask again.
//!
//! A Call and a Participant have a UUID, which the outside sees and the media core
//! shares, and an integer row number, which dialects that count in integers show.

use std::fmt;

use convoke_media::ids as media;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

uuid_id! {
    /// One occurrence of talk in a Room. UUIDv7, so that ids sort by start.
    CallId
}
uuid_id! {
    /// One joined device of a user: the same user on two devices has two.
    ParticipantId
}

impl From<CallId> for media::RouterId {
    fn from(id: CallId) -> Self {
        Self(id.0.as_u128())
    }
}

impl From<media::RouterId> for CallId {
    fn from(id: media::RouterId) -> Self {
        Self(Uuid::from_u128(id.0))
    }
}

impl From<ParticipantId> for media::ParticipantId {
    fn from(id: ParticipantId) -> Self {
        Self(id.0.as_u128())
    }
}

impl From<media::ParticipantId> for ParticipantId {
    fn from(id: media::ParticipantId) -> Self {
        Self(Uuid::from_u128(id.0))
    }
}

/// Not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

/// Who somebody is to the host application: the `sub` of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

/// Empty, longer than 128 characters, or with a control character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id has 1 to {} characters, none of them a control character",
    UserId::MAX_CHARS
)]
pub struct InvalidUserId;

impl UserId {
    pub const MAX_CHARS: usize = 128;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for UserId {
    type Error = InvalidUserId;

    fn try_from(text: &str) -> Result<Self, InvalidUserId> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUserId)
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! host_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidUserId;

            fn try_from(text: &str) -> Result<Self, InvalidUserId> {
                UserId::try_from(text).map(|id| Self(id.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

host_id! {
    /// A chat of the host application, direct or a room.
    ChatId
}
host_id! {
    /// An appointment of the host application.
    AppointmentId
}

/// Durable name of a place to meet; part of links, so that it must survive a URL
/// and being read aloud. Letters and digits of any script, `-`, `_` and `.`; compared
/// by code point, upper and lower case differ. Combining marks are not letters here,
/// which leaves one spelling of each name that looks the same, and names of dots
/// alone are refused because URLs swallow them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a room name has 1 to {} letters, digits, '-', '_' or '.'",
    RoomName::MAX_CHARS
)]
pub struct InvalidRoomName;

impl RoomName {
    pub const MAX_CHARS: usize = 128;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for RoomName {
    type Error = InvalidRoomName;

    fn try_from(text: &str) -> Result<Self, InvalidRoomName> {
        let fits = (1..=Self::MAX_CHARS).contains(&text.chars().count());
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if fits && text.chars().all(allowed) && text.chars().any(|c| c != '.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRoomName)
        }
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which attachment of a Participant to a Session this is. Each resume is a new one,
/// so that the late news of an old socket's death cannot hurt the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u32);

impl Epoch {
    pub const FIRST: Self = Self(1);

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_names() {
        let long = "x".repeat(128);
        let too_long = "x".repeat(129);
        let cases = [
            ("standup", true),
            ("Standup_2.1-b", true),
            ("ataraxia-12-1700000000", true),
            ("会議室", true),
            ("café", true),
            ("cafe\u{301}", false),
            (&long, true),
            (&too_long, false),
            ("", false),
            (".", false),
            ("..", false),
            ("a b", false),
            ("a/b", false),
            ("a\0b", false),
            ("*", false),
            ("room\u{202e}", false),
        ];
        for (text, want) in cases {
            assert_eq!(RoomName::try_from(text).is_ok(), want, "{text:?}");
        }
    }

    #[test]
    fn user_ids() {
        let cases = [("42", true), ("anna@x", true), ("", false), ("a\n", false)];
        for (text, want) in cases {
            assert_eq!(UserId::try_from(text).is_ok(), want, "{text:?}");
        }
    }

    #[test]
    fn media_ids_are_the_same_number() {
        let id = CallId::from_uuid(Uuid::from_u128(7));
        assert_eq!(CallId::from(media::RouterId::from(id)), id);
    }
}
