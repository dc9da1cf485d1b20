//! Signing tokens and opening them again, as strictly as Prosody does: `typ` is
//! exactly `JWT`, the algorithm is the key's, `iss`, `sub`, `aud` and `room` are there,
//! and there is no leeway. A token for every room is refused, which Prosody would take.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;

use super::claims::Claims;
use super::{Grant, Jitsi, JitsiError, JitsiKey, TokenShape};
use crate::domain::time::UnixMillis;
use crate::ids::RoomName;

/// As for user tokens: what proxies let through.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token that a Jitsi lets in; never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct JitsiToken(String);

impl JitsiToken {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for JitsiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JitsiToken(hidden)")
    }
}

/// A token and its end.
#[derive(Debug, Clone)]
pub struct Signed {
    pub token: JitsiToken,
    pub expires: UnixMillis,
}

/// What a token that is good now says. The room is in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub room: RoomName,
    pub user: Option<String>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub moderator: bool,
    pub expires: UnixMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Malformed, of another key or for another application: one answer for all.
    #[error("the token is not valid here")]
    Invalid,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

pub(super) struct Signer {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Signer {
    pub(super) fn new(key: &JitsiKey) -> Result<Self, JitsiError> {
        match key {
            JitsiKey::Secret(secret) => Ok(Self {
                // `Header::new` says `typ: JWT`.
                header: Header::new(Algorithm::HS256),
                signing: EncodingKey::from_secret(secret.as_bytes()),
                verifying: DecodingKey::from_secret(secret.as_bytes()),
            }),
            JitsiKey::Rsa { private_pem, id } => Self::rsa(private_pem, id),
        }
    }

    fn rsa(pem: &str, id: &str) -> Result<Self, JitsiError> {
        let key = RsaPrivateKey::from_pkcs8_pem(pem)
            .ok()
            .or_else(|| RsaPrivateKey::from_pkcs1_pem(pem).ok())
            .filter(|_| !id.is_empty())
            .ok_or(JitsiError::Key)?;
        let (modulus, exponent) = (key.n().to_bytes_be(), key.e().to_bytes_be());
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(id.to_owned());
        Ok(Self {
            header,
            signing: EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| JitsiError::Key)?,
            verifying: DecodingKey::from_rsa_raw_components(&modulus, &exponent),
        })
    }

    fn open(&self, token: &str) -> Result<Claims, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken::Invalid)?;
        let ours = header.alg == self.header.alg
            && header.typ.as_deref() == Some("JWT")
            && (self.header.kid.is_none() || header.kid == self.header.kid)
            && header.crit.is_none();
        if !ours {
            return Err(InvalidToken::Invalid);
        }
        let mut validation = Validation::new(self.header.alg);
        // Types and values are checked by `Claims` and by the caller, whose clock it is.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(token, &self.verifying, &validation)
            .map(|data| data.claims)
            .map_err(|_| InvalidToken::Invalid)
    }
}

impl Jitsi {
    /// Jitsi's own handling of names beyond ASCII differs by version, and a token's
    /// room has to equal what comes of it: such a room has no token here.
    pub fn sign(
        &self,
        shape: &TokenShape,
        grant: Grant<'_>,
        now: UnixMillis,
    ) -> Result<Signed, JitsiError> {
        let signer = self.signer.as_ref().ok_or(JitsiError::NoKey)?;
        if !grant.room.as_str().is_ascii() {
            return Err(JitsiError::Room);
        }
        let claims = Claims::new(shape, &self.config.app_id, self.site.subject(), grant, now);
        let token = jsonwebtoken::encode(&signer.header, &claims, &signer.signing);
        Ok(Signed {
            token: JitsiToken(token.map_err(|_| JitsiError::Signing)?),
            expires: UnixMillis(claims.exp.saturating_mul(1000)),
        })
    }

    /// Whether our Jitsi would let this in now, and whom.
    pub fn verify(&self, token: &str, now: UnixMillis) -> Result<Verified, InvalidToken> {
        let signer = self.signer.as_ref().ok_or(InvalidToken::Invalid)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(InvalidToken::Invalid);
        }
        let claims = signer.open(token)?;
        let app_id = &self.config.app_id;
        let ours = claims.iss == *app_id
            && (claims.aud == "jitsi" || claims.aud == *app_id)
            && claims.sub.eq_ignore_ascii_case(self.site.subject());
        // `*` is no room name.
        let room = RoomName::try_from(claims.room.to_ascii_lowercase().as_str());
        let room = room.ok().filter(|_| ours).ok_or(InvalidToken::Invalid)?;
        let expires = UnixMillis(claims.exp.saturating_mul(1000));
        if now >= expires {
            return Err(InvalidToken::Expired);
        }
        if claims
            .nbf
            .is_some_and(|nbf| now.0 < nbf.saturating_mul(1000))
        {
            return Err(InvalidToken::NotYetValid);
        }
        let moderator = claims.context.user.is_moderator();
        let user = claims.context.user;
        Ok(Verified {
            room,
            user: user.id,
            name: user.name,
            email: user.email,
            moderator,
            expires,
        })
    }
}
