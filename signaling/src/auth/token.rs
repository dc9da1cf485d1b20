//! User tokens: JWTs (RFC 7519) that the host application signs, and that
//! `convoke token` signs for invite links. The token is the whole identity; there is
//! no account here that it would be looked up in.
//!
//! The algorithm belongs to the key, never to the token's header (RFC 8725 §3.1):
//! that one rule shuts out `alg: none`, and keys used under another algorithm.
//! Times are checked here and not by the library, because it lets a string `exp`
//! pass as if it were absent, and because it reads the clock itself.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::jwks::{Expected, RemoteKeys};
use crate::domain::time::UnixMillis;
use crate::ids::{RoomName, UserId};

/// Longer tokens are refused unread: headers of 8 kB are what proxies let through.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Clocks of two hosts may differ by this much; RFC 7519 §4.1.4 allows "no more than
/// a few minutes", and less than the lifetime of the shortest useful token is wiser.
pub const MAX_LEEWAY: Duration = Duration::from_secs(30);

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The host application's id of the user.
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The only room that the token opens; every room when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moderator: Option<bool>,
    /// NumericDate (RFC 7519 §2): seconds, perhaps with a fraction, never a string.
    pub exp: f64,
    /// Absent or a number; `null` and strings are refused rather than skipped.
    #[serde(
        default,
        deserialize_with = "number",
        skip_serializing_if = "Option::is_none"
    )]
    pub nbf: Option<f64>,
}

fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    f64::deserialize(from).map(Some)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    /// Malformed, another algorithm, or a signature that is not ours: one answer
    /// for all, so that trying tells nothing.
    #[error("the token is not valid here")]
    Invalid,
    /// Names a key that the host application may have published since the keys were
    /// last fetched. For the asker the same as [`Self::Invalid`].
    #[error("the token is not valid here")]
    UnknownKey,
    #[error("the token's claims are missing or of the wrong type")]
    Claims,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// One key and the one algorithm it may be used with.
pub(super) struct VerificationKey {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Verifies and signs user tokens.
pub struct UserTokens {
    secret: VerificationKey,
    /// Published by the host application.
    remote: Option<Arc<RemoteKeys>>,
    signing: EncodingKey,
    leeway: Duration,
}

impl UserTokens {
    /// `leeway` above [`MAX_LEEWAY`] counts as that.
    pub fn shared_secret(secret: &[u8], leeway: Duration) -> Self {
        Self {
            secret: VerificationKey {
                id: None,
                algorithm: Algorithm::HS256,
                key: DecodingKey::from_secret(secret),
            },
            remote: None,
            signing: EncodingKey::from_secret(secret),
            leeway: leeway.min(MAX_LEEWAY),
        }
    }

    /// Believes these keys as well.
    #[must_use]
    pub fn with_remote(self, remote: Option<Arc<RemoteKeys>>) -> Self {
        Self { remote, ..self }
    }

    /// For whoever was told [`TokenError::UnknownKey`] and can wait.
    pub async fn refresh_keys(&self) {
        if let Some(remote) = &self.remote {
            remote.refresh().await;
        }
    }

    pub fn verify(&self, token: &str, now: UnixMillis) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // RFC 7515 §4.1.11: an extension that must be understood and is not.
        if header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let claims = self.decode(token, &header)?;
        self.check_times(&claims, now)?;
        Ok(claims)
    }

    /// The secret has one algorithm, and no published key ever has it.
    fn decode(&self, token: &str, header: &Header) -> Result<Claims, TokenError> {
        if header.alg == self.secret.algorithm {
            return decode(token, &self.secret, &Expected::default());
        }
        let remote = self.remote.as_ref().ok_or(TokenError::Invalid)?;
        let decoded = remote.find(header, |key| decode(token, key, &remote.expected));
        decoded.unwrap_or(Err(TokenError::UnknownKey))
    }

    fn check_times(&self, claims: &Claims, now: UnixMillis) -> Result<(), TokenError> {
        let now = unix_seconds(now);
        let leeway = self.leeway.as_secs_f64();
        // `exp` itself is already too late (RFC 7519 §4.1.4: "on or after").
        if now - leeway >= claims.exp {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| now + leeway < nbf) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }

    /// When [`Self::verify`] will begin to refuse these claims.
    pub fn end_of(&self, claims: &Claims) -> UnixMillis {
        // Saturates: a token for ever is one for three hundred million years.
        UnixMillis(((claims.exp + self.leeway.as_secs_f64()) * 1000.0) as i64)
    }

    /// Signs an invite or a user token.
    pub fn mint(&self, invite: &Invite, now: UnixMillis) -> Result<String, TokenError> {
        let claims = Claims {
            sub: invite.user.clone(),
            name: Some(invite.name.clone()),
            email: None,
            username: None,
            picture: None,
            role: None,
            room: invite.room.clone(),
            moderator: invite.moderator.then_some(true),
            exp: expiry(now, invite.ttl),
            nbf: None,
        };
        self.sign(&claims)
    }

    pub fn room_pass(&self, pass: &RoomPass, now: UnixMillis) -> Result<String, TokenError> {
        let claims = Claims {
            sub: pass.user.to_string(),
            name: Some(pass.name.clone()),
            email: pass.email.clone(),
            username: None,
            picture: pass.avatar_url.clone(),
            role: None,
            room: Some(pass.room.to_string()),
            moderator: pass.moderator.then_some(true),
            exp: expiry(now, pass.lifetime),
            nbf: None,
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing)
            .map_err(|_| TokenError::Claims)
    }
}

/// Whole seconds, as most who read it expect.
fn expiry(now: UnixMillis, lifetime: Duration) -> f64 {
    (unix_seconds(now) + lifetime.as_secs_f64()).floor()
}

/// What `convoke token` asks for.
#[derive(Debug, Clone)]
pub struct Invite {
    pub user: String,
    pub name: String,
    pub room: Option<String>,
    pub moderator: bool,
    pub ttl: Duration,
}

/// Lets a known user into one room, for a while.
#[derive(Debug, Clone)]
pub struct RoomPass {
    pub user: UserId,
    pub name: String,
    pub email: Option<String>,
    pub avatar_url: Option<String>,
    pub room: RoomName,
    pub moderator: bool,
    pub lifetime: Duration,
}

fn decode(token: &str, key: &VerificationKey, expected: &Expected) -> Result<Claims, TokenError> {
    use jsonwebtoken::errors::ErrorKind;

    let mut validation = Validation::new(key.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = expected.audience.is_some();
    if let Some(issuer) = &expected.issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    if let Some(audience) = &expected.audience {
        validation.set_audience(&[audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    jsonwebtoken::decode(token, &key.key, &validation)
        .map(|data| data.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) => TokenError::Claims,
            _ => TokenError::Invalid,
        })
}

fn unix_seconds(time: UnixMillis) -> f64 {
    time.0 as f64 / 1000.0
}

#[cfg(test)]
mod tests;
