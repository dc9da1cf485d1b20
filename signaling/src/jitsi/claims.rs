//! What a token says. The fields of every application's document, and what Prosody
//! reads besides: it finds the moderator in `context.user` and ignores the top level,
//! takes an array of audiences for none, compares the room in lower case, and falls
//! silent over a `null`, so that what is absent is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::time::UnixMillis;
use crate::ids::{RoomName, UserId};

/// Prosody allows no difference between the clocks; a little is taken off here.
const CLOCK_MARGIN_SECS: i64 = 10;

/// The features that a moderator gets. Once `features` is there, what it lacks is
/// denied, to moderators too, so it is complete.
const FEATURES: &[&str] = &[
    "livestreaming",
    "recording",
    "transcription",
    "flip",
    "create-polls",
    "file-upload",
    "lobby",
    "moderation",
    "room",
    "send-groupchat",
    "send-private-message",
    "list-visitors",
    "screen-sharing",
    "branding",
    "calendar",
    "live-translation",
];
/// These reach the telephone network, which costs money and no document promises.
const TELEPHONY: &[&str] = &[
    "inbound-call",
    "outbound-call",
    "sip-inbound-call",
    "sip-outbound-call",
];

/// How one application's tokens look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenShape {
    pub audience: Audience,
    /// How `context` says yes and no.
    pub flags: Flags,
    /// Everybody with a token passes the lobby.
    pub lobby_bypass: bool,
    /// Moderators are told their features.
    pub features: bool,
    pub lifetime: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The word `jitsi`.
    Jitsi,
    /// The same as `iss`.
    AppId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    Boolean,
    /// `"true"` and `"false"`.
    Text,
}

impl Flags {
    fn value(self, flag: bool) -> Value {
        match self {
            Self::Boolean => Value::Bool(flag),
            Self::Text => Value::String(flag.to_string()),
        }
    }
}

/// Who is to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub user: UserId,
    pub name: String,
    pub email: Option<String>,
    pub avatar_url: Option<String>,
    pub moderator: bool,
}

/// One person in one room. There is no token for every room.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    pub room: &'a RoomName,
    pub visitor: &'a Visitor,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) room: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    pub(super) exp: i64,
    #[serde(default)]
    pub(super) moderator: bool,
    #[serde(default)]
    pub(super) context: Context,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Context {
    #[serde(default)]
    pub(super) user: UserClaims,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct UserClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) avatar: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moderator: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lobby_bypass: Option<bool>,
}

impl UserClaims {
    /// As Prosody reads it.
    pub(super) fn is_moderator(&self) -> bool {
        match &self.moderator {
            Some(Value::Bool(moderator)) => *moderator,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }
}

impl Claims {
    pub(super) fn new(
        shape: &TokenShape,
        app_id: &str,
        subject: &str,
        grant: Grant<'_>,
        now: UnixMillis,
    ) -> Self {
        let Grant { room, visitor } = grant;
        let seconds = now.0.div_euclid(1000);
        let lifetime = i64::try_from(shape.lifetime.as_secs()).unwrap_or(i64::MAX);
        Self {
            iss: app_id.to_owned(),
            sub: subject.to_owned(),
            aud: match shape.audience {
                Audience::Jitsi => "jitsi".to_owned(),
                Audience::AppId => app_id.to_owned(),
            },
            room: room.as_str().to_ascii_lowercase(),
            nbf: Some(seconds - CLOCK_MARGIN_SECS),
            exp: seconds.saturating_add(lifetime),
            moderator: visitor.moderator,
            context: Context {
                user: UserClaims::new(shape, visitor),
                features: (shape.features && visitor.moderator).then(|| features(shape.flags)),
            },
        }
    }
}

impl UserClaims {
    fn new(shape: &TokenShape, visitor: &Visitor) -> Self {
        Self {
            id: Some(visitor.user.to_string()),
            name: Some(visitor.name.clone()),
            email: visitor.email.clone(),
            avatar: visitor.avatar_url.clone(),
            moderator: Some(shape.flags.value(visitor.moderator)),
            // Only the boolean is understood.
            lobby_bypass: shape.lobby_bypass.then_some(true),
        }
    }
}

fn features(flags: Flags) -> BTreeMap<String, Value> {
    let granted = FEATURES.iter().map(|name| (*name, true));
    let withheld = TELEPHONY.iter().map(|name| (*name, false));
    granted
        .chain(withheld)
        .map(|(name, flag)| (name.to_owned(), flags.value(flag)))
        .collect()
}
