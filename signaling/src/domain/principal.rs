//! Who asks. Made by `auth` from a proof; the domain believes it.

use crate::domain::directory::User;
use crate::domain::time::UnixMillis;
use crate::ids::{RoomName, UserId};

/// An authenticated asker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub user: UserId,
    /// What others see, unless it asks for something else.
    pub name: String,
    /// What others see of this one device, of which the directory knows nothing.
    pub shown_as: Option<String>,
    /// The proof names nobody: the name was made of what else it says, and the directory
    /// knows better.
    pub name_derived: bool,
    pub username: Option<String>,
    pub email: Option<String>,
    pub avatar_url: Option<String>,
    pub standing: Standing,
    /// The host application's own word for the user (`doctor`, `admin`); it grants
    /// nothing in the core.
    pub role: Option<String>,
    /// The only room that the proof is good for, where it names one.
    pub room: Option<RoomName>,
    /// The proof makes its holder a moderator: of `room`, or of any when it names none.
    pub moderator: bool,
    /// When the proof ends, if it does; after it nothing new is begun with it.
    pub expires: Option<UnixMillis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Let in with nothing but a name, or by an invite.
    Guest,
    User,
    /// The host application's own backend: may see and end everything.
    Backend,
}

impl Principal {
    /// Somebody of whom no more than id and name is known.
    pub fn new(user: UserId, name: impl Into<String>, standing: Standing) -> Self {
        Self {
            user,
            name: name.into(),
            shown_as: None,
            name_derived: false,
            username: None,
            email: None,
            avatar_url: None,
            standing,
            role: None,
            room: None,
            moderator: false,
            expires: None,
        }
    }

    pub fn shown_name(&self) -> &str {
        self.shown_as.as_deref().unwrap_or(&self.name)
    }

    /// As the directory would have it.
    pub fn as_user(&self) -> User {
        User {
            id: self.user.clone(),
            name: self.name.clone(),
            username: self.username.clone(),
            email: self.email.clone(),
            avatar_url: self.avatar_url.clone(),
            role: self.role.clone(),
        }
    }

    pub fn expired(&self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|end| now >= end)
    }
}
