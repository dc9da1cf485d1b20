//! How one person enters one room from outside: which backend, which link, which
//! token. The same for every dialect, whatever its words for it.
//!
//! For a Jitsi: its own token and its page. For a room of ours: a user token that is
//! good in that room alone, and our page, so that the same front end lands here.

use std::fmt;
use std::sync::Arc;

use crate::auth::token::{RoomPass, TokenError};
use crate::auth::{AuthError, Authenticator};
use crate::domain::call::Backend;
use crate::domain::principal::Principal;
use crate::domain::time::UnixMillis;
use crate::ids::RoomName;
use crate::jitsi::{
    Grant, InvalidToken, Jitsi, JitsiError, Placement, TokenShape, Verified, Visitor,
};

/// What one application expects of its links and tokens. Dialects have one each.
#[derive(Debug, Clone, Copy)]
pub struct LinkStyle {
    pub token: TokenShape,
    pub placement: Placement,
    /// A token even where the Jitsi is said to ask for none, or not at all.
    pub need: TokenNeed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenNeed {
    /// A link without a token is an error.
    Always,
    /// As `JITSI_USE_JWT` says.
    WhenUsed,
}

/// A link, and the token that belongs to it.
#[derive(Clone)]
pub struct Issued {
    pub backend: Backend,
    pub token: Option<String>,
    pub url: String,
    /// Of the token; also where there is none, for it is when to ask again.
    pub expires: UnixMillis,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("backend", &self.backend)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Jitsi(#[from] JitsiError),
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// Issues links.
pub struct JoinLinks {
    auth: Arc<Authenticator>,
    jitsi: Jitsi,
    /// Without a slash at its end.
    public_url: String,
    default_backend: Backend,
}

impl JoinLinks {
    pub fn new(
        auth: Arc<Authenticator>,
        jitsi: Jitsi,
        public_url: &str,
        default_backend: Backend,
    ) -> Self {
        Self {
            auth,
            jitsi,
            public_url: public_url.trim_end_matches('/').to_owned(),
            default_backend,
        }
    }

    pub fn auth(&self) -> &Arc<Authenticator> {
        &self.auth
    }

    pub fn jitsi(&self) -> &Jitsi {
        &self.jitsi
    }

    /// Of a request that does not choose.
    pub fn default_backend(&self) -> Backend {
        self.default_backend
    }

    /// What a page is told to open: the Jitsi's host, or ours.
    pub fn domain(&self, backend: Backend) -> &str {
        match backend {
            Backend::Jitsi => self.jitsi.domain(),
            Backend::Sfu => match self.public_url.split_once("://") {
                Some((_, host)) => host,
                None => &self.public_url,
            },
        }
    }

    pub fn issue(
        &self,
        backend: Backend,
        style: &LinkStyle,
        room: &RoomName,
        visitor: &Visitor,
        now: UnixMillis,
    ) -> Result<Issued, LinkError> {
        match backend {
            Backend::Jitsi => self.issue_jitsi(style, Grant { room, visitor }, now),
            Backend::Sfu => self.issue_own(style, room, visitor, now),
        }
    }

    /// What a token says that was issued here for a room, if it is good now.
    pub fn open(&self, token: &str, now: UnixMillis) -> Result<OpenedToken, NotOpened> {
        let refused = match self.jitsi.verify(token, now) {
            Ok(verified) => return Ok(verified.into()),
            Err(refused) => refused,
        };
        match self.auth.token(token, now) {
            Ok(who) => OpenedToken::of_principal(who),
            // Of two reasons the one of the key that it was signed with.
            Err(AuthError::Token(TokenError::Invalid | TokenError::UnknownKey)) => {
                Err(refused.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn issue_jitsi(
        &self,
        style: &LinkStyle,
        grant: Grant<'_>,
        now: UnixMillis,
    ) -> Result<Issued, LinkError> {
        let wanted = style.need == TokenNeed::Always || self.jitsi.config().use_jwt;
        let signed = wanted.then(|| self.jitsi.sign(&style.token, grant, now));
        let signed = signed.transpose()?;
        let token = signed.as_ref().map(|signed| &signed.token);
        Ok(Issued {
            backend: Backend::Jitsi,
            url: self.jitsi.link(grant.room, token, style.placement),
            expires: signed
                .as_ref()
                .map_or(now + style.token.lifetime, |signed| signed.expires),
            token: signed.map(|signed| signed.token.into_string()),
        })
    }

    /// Our page needs the token in its address, since no application hands it over;
    /// in the fragment, which no log sees, unless the document has it in the query.
    fn issue_own(
        &self,
        style: &LinkStyle,
        room: &RoomName,
        visitor: &Visitor,
        now: UnixMillis,
    ) -> Result<Issued, LinkError> {
        let pass = RoomPass {
            user: visitor.user.clone(),
            name: visitor.name.clone(),
            email: visitor.email.clone(),
            avatar_url: visitor.avatar_url.clone(),
            room: room.clone(),
            moderator: visitor.moderator,
            lifetime: style.token.lifetime,
        };
        let token = self.auth.room_pass(&pass, now)?;
        let mark = match style.placement {
            Placement::Query => '?',
            Placement::Fragment | Placement::Apart => '#',
        };
        Ok(Issued {
            backend: Backend::Sfu,
            url: format!("{}/r/{room}{mark}jwt={token}", self.public_url),
            expires: now + style.token.lifetime,
            token: Some(token),
        })
    }
}

/// A token for a room, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedToken {
    pub backend: Backend,
    /// In lower case if it is a Jitsi's.
    pub room: RoomName,
    pub user: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub moderator: bool,
    pub expires: UnixMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    #[error(transparent)]
    Jitsi(#[from] InvalidToken),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error("the token is for no room")]
    NoRoom,
    #[error("the token is for another room")]
    OtherRoom,
}

impl OpenedToken {
    fn of_principal(who: Principal) -> Result<Self, NotOpened> {
        let (Some(room), Some(expires)) = (who.room, who.expires) else {
            return Err(NotOpened::NoRoom);
        };
        Ok(Self {
            backend: Backend::Sfu,
            room,
            user: Some(who.user.to_string()),
            name: Some(who.name),
            email: who.email,
            moderator: who.moderator,
            expires,
        })
    }

    pub fn is_for(&self, room: &str) -> bool {
        match self.backend {
            Backend::Jitsi => self.room.as_str().eq_ignore_ascii_case(room),
            Backend::Sfu => self.room.as_str() == room,
        }
    }
}

impl From<Verified> for OpenedToken {
    fn from(verified: Verified) -> Self {
        Self {
            backend: Backend::Jitsi,
            room: verified.room,
            user: verified.user,
            name: verified.name,
            email: verified.email,
            moderator: verified.moderator,
            expires: verified.expires,
        }
    }
}

impl Visitor {
    /// The asker himself.
    pub fn of(who: &Principal, moderator: bool) -> Self {
        Self {
            user: who.user.clone(),
            name: who.name.clone(),
            email: who.email.clone(),
            avatar_url: who.avatar_url.clone(),
            moderator,
        }
    }
}

#[cfg(test)]
mod tests;
