//! From a proof to a [`Principal`]: user tokens, invites, API keys, guests' names and
//! resume tokens. What a Principal may then do is the domain's to say.
//!
//! Nothing in here logs, and nothing in here has a `Debug` that shows a secret.

pub mod api_key;
mod jwk;
pub mod jwks;
pub mod resume;
pub mod token;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::domain::principal::{Principal, Standing};
use crate::domain::text::{self, MAX_NAME_CHARS, MAX_TEXT_CHARS, display_name};
use crate::domain::time::UnixMillis;
use crate::ids::{RoomName, UserId};
use api_key::ApiKeys;
use jwks::RemoteKeys;
use resume::ResumeTokens;
use token::{Claims, Invite, RoomPass, TokenError, UserTokens};

/// What the binary configures.
pub struct AuthConfig {
    /// Verifies and signs user tokens; generated when the host application has none.
    pub jwt_secret: Vec<u8>,
    /// The server's own, persistent.
    pub server_secret: Vec<u8>,
    pub api_keys: Vec<String>,
    /// Whether a name alone is enough.
    pub guests: bool,
    pub leeway: Duration,
    /// Keys that the host application publishes, believed beside `jwt_secret`.
    pub remote_keys: Option<Arc<RemoteKeys>>,
}

/// Every way of proving who one is.
pub struct Authenticator {
    users: UserTokens,
    api_keys: ApiKeys,
    guests: bool,
    resume: ResumeTokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the API key is not known")]
    UnknownApiKey,
    #[error("a token is needed: guests are not admitted")]
    GuestsNotAdmitted,
    #[error("a name has 1 to {MAX_NAME_CHARS} printable characters")]
    InvalidName,
}

impl Authenticator {
    pub fn new(config: AuthConfig) -> Self {
        Self {
            users: UserTokens::shared_secret(&config.jwt_secret, config.leeway)
                .with_remote(config.remote_keys),
            api_keys: ApiKeys::new(config.api_keys),
            guests: config.guests,
            resume: ResumeTokens::new(&config.server_secret),
        }
    }

    pub fn guests_admitted(&self) -> bool {
        self.guests
    }

    pub fn resume_tokens(&self) -> &ResumeTokens {
        &self.resume
    }

    /// As [`Self::token`], but a token of a key that is not known yet may wait for
    /// the keys to be fetched. Tokens of known keys never wait.
    pub async fn token_or_fetch(
        &self,
        token: &str,
        now: UnixMillis,
    ) -> Result<Principal, AuthError> {
        match self.token(token, now) {
            Err(AuthError::Token(TokenError::UnknownKey)) => {
                self.users.refresh_keys().await;
                self.token(token, now)
            }
            known => known,
        }
    }

    pub fn token(&self, token: &str, now: UnixMillis) -> Result<Principal, AuthError> {
        let claims = self.users.verify(token, now)?;
        let expires = Some(self.users.end_of(&claims));
        Ok(Principal {
            expires,
            ..principal(claims)?
        })
    }

    /// Signs what `convoke token` asked for, if it would be accepted again.
    pub fn mint(&self, invite: &Invite, now: UnixMillis) -> Result<String, AuthError> {
        let token = self.users.mint(invite, now)?;
        self.token(&token, now)?;
        Ok(token)
    }

    /// Signs what a link into one room of ours carries, if it would be accepted again.
    pub fn room_pass(&self, pass: &RoomPass, now: UnixMillis) -> Result<String, AuthError> {
        let token = self.users.room_pass(pass, now)?;
        self.token(&token, now)?;
        Ok(token)
    }

    pub fn api_key(&self, key: &str) -> Result<Principal, AuthError> {
        if !self.api_keys.contains(key) {
            return Err(AuthError::UnknownApiKey);
        }
        let user = UserId::try_from("api").map_err(|_| AuthError::UnknownApiKey)?;
        Ok(Principal::new(user, "API", Standing::Backend))
    }

    /// A guest is a user of this one Session; `id` is random, so that no guest is
    /// taken for another who gave the same name.
    pub fn guest(&self, name: &str, id: Uuid) -> Result<Principal, AuthError> {
        if !self.guests {
            return Err(AuthError::GuestsNotAdmitted);
        }
        let name = display_name(name).ok_or(AuthError::InvalidName)?;
        let user = UserId::try_from(format!("guest-{}", id.simple()).as_str())
            .map_err(|_| AuthError::InvalidName)?;
        Ok(Principal::new(user, name, Standing::Guest))
    }
}

/// A claim that cannot be what it says makes the whole token invalid: a room that is
/// no room name must not turn into "every room".
fn principal(claims: Claims) -> Result<Principal, TokenError> {
    let invalid = TokenError::Claims;
    let user = UserId::try_from(claims.sub.as_str()).map_err(|_| invalid)?;
    let room = match claims.room.as_deref().map(RoomName::try_from) {
        Some(room) => Some(room.map_err(|_| invalid)?),
        None => None,
    };
    let own_name = claims.name.as_deref().and_then(display_name);
    let name_derived = own_name.is_none();
    let stand_ins = [&claims.username, &claims.email];
    let name = own_name
        .or_else(|| {
            let mut stand_ins = stand_ins.into_iter().flatten();
            stand_ins.find_map(|name| display_name(name))
        })
        .or_else(|| display_name(&claims.sub))
        .ok_or(invalid)?;
    Ok(Principal {
        name_derived,
        username: bounded(claims.username),
        email: bounded(claims.email),
        avatar_url: bounded(claims.picture).filter(|url| url.starts_with("https://")),
        role: bounded(claims.role),
        room,
        moderator: claims.moderator == Some(true),
        ..Principal::new(user, name, Standing::User)
    })
}

fn bounded(claim: Option<String>) -> Option<String> {
    claim.and_then(|claim| text::bounded(&claim, MAX_TEXT_CHARS))
}

#[cfg(test)]
mod tests;
