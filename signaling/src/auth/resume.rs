//! Resume tokens: what lets a Session that lost its socket continue as the same
//! Participant, also after a restart of the server, which keeps no table of them.
//!
//! A token names the Participant and its [`Epoch`]. The service raises the epoch at
//! each resume and the latest Session takes over. Besides its token the one before it
//! stays good, as a client whose answer was lost on its way has only that; older ones
//! are worth nothing.
//!
//! The proof that the Session began with ends the identity here as well: a resume
//! never lives longer than the user token did.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::principal::{Principal, Standing};
use crate::domain::time::UnixMillis;
use crate::ids::{Epoch, ParticipantId, RoomName, UserId};

/// How long after its issue a token is worth anything. Whether its Participant is
/// still waited for, the service knows; this bounds how long a stolen one is a threat.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Without a Participant only the identity is at stake, which the client can prove
/// again: such a token only bridges a socket that broke between `hello` and `join`.
const IDLE_LIFETIME: Duration = Duration::from_secs(120);
/// Separates this use of the server's secret from every other.
const PURPOSE: &[u8] = b"convoke resume token v1";

/// What a Session needs to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    pub principal: Principal,
    pub session: Uuid,
    pub participant: Option<(ParticipantId, Epoch)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    #[error("not a resume token of this server")]
    Invalid,
    #[error("the resume token has expired")]
    Expired,
}

/// Signs and opens resume tokens.
pub struct ResumeTokens {
    signing: EncodingKey,
    verifying: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    exp: i64,
    session: Uuid,
    participant: Option<(Uuid, u32)>,
    user: String,
    name: String,
    #[serde(default)]
    name_derived: bool,
    username: Option<String>,
    email: Option<String>,
    avatar: Option<String>,
    guest: bool,
    role: Option<String>,
    room: Option<String>,
    moderator: bool,
    /// When the proof that the Session began with ends.
    until: Option<i64>,
}

impl ResumeTokens {
    /// `secret` is the server's own and outlives its process.
    pub fn new(secret: &[u8]) -> Self {
        let key = derive_key(secret);
        Self {
            signing: EncodingKey::from_secret(key.as_bytes()),
            verifying: DecodingKey::from_secret(key.as_bytes()),
        }
    }

    pub fn issue(&self, resumption: &Resumption, now: UnixMillis) -> String {
        let sealed = Sealed::new(resumption, now);
        // Strings and numbers with an HMAC key cannot fail to be signed; an empty
        // token would be refused when it comes back.
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &sealed, &self.signing)
            .unwrap_or_default()
    }

    pub fn open(&self, token: &str, now: UnixMillis) -> Result<Resumption, ResumeError> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The time is an argument here; the library would read the clock.
        validation.validate_exp = false;
        let sealed: Sealed = jsonwebtoken::decode(token, &self.verifying, &validation)
            .map_err(|_| ResumeError::Invalid)?
            .claims;
        if now.0 >= sealed.exp {
            return Err(ResumeError::Expired);
        }
        let resumption: Resumption = sealed.try_into()?;
        if resumption.principal.expired(now) {
            return Err(ResumeError::Expired);
        }
        Ok(resumption)
    }
}

impl Sealed {
    fn new(resumption: &Resumption, now: UnixMillis) -> Self {
        let principal = resumption.principal.clone();
        let lifetime = match resumption.participant {
            Some(_) => LIFETIME,
            None => IDLE_LIFETIME,
        };
        Self {
            exp: (now + lifetime).0,
            session: resumption.session,
            participant: resumption
                .participant
                .map(|(id, epoch)| (id.as_uuid(), epoch.0)),
            user: principal.user.as_str().to_owned(),
            name: principal.name,
            name_derived: principal.name_derived,
            username: principal.username,
            email: principal.email,
            avatar: principal.avatar_url,
            guest: principal.standing == Standing::Guest,
            role: principal.role,
            room: principal.room.map(|room| room.as_str().to_owned()),
            moderator: principal.moderator,
            until: principal.expires.map(|end| end.0),
        }
    }
}

impl TryFrom<Sealed> for Resumption {
    type Error = ResumeError;

    fn try_from(sealed: Sealed) -> Result<Self, ResumeError> {
        let user = UserId::try_from(sealed.user.as_str()).map_err(|_| ResumeError::Invalid)?;
        let room = match sealed.room.as_deref().map(RoomName::try_from) {
            Some(room) => Some(room.map_err(|_| ResumeError::Invalid)?),
            None => None,
        };
        let standing = if sealed.guest {
            Standing::Guest
        } else {
            Standing::User
        };
        Ok(Self {
            principal: Principal {
                name_derived: sealed.name_derived,
                username: sealed.username,
                email: sealed.email,
                avatar_url: sealed.avatar,
                role: sealed.role,
                room,
                moderator: sealed.moderator,
                expires: sealed.until.map(UnixMillis),
                ..Principal::new(user, sealed.name, standing)
            },
            session: sealed.session,
            participant: sealed
                .participant
                .map(|(id, epoch)| (ParticipantId::from_uuid(id), Epoch(epoch))),
        })
    }
}

/// HMAC of the purpose under the secret (the extract step of RFC 5869 would add
/// nothing to a secret that is uniform already).
fn derive_key(secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    jsonwebtoken::crypto::sign(PURPOSE, &key, Algorithm::HS256).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn resumption(participant: bool) -> Resumption {
        let user = UserId::try_from("42").unwrap();
        Resumption {
            principal: Principal {
                room: Some(RoomName::try_from("standup").unwrap()),
                moderator: true,
                expires: Some(NOW + 2 * LIFETIME),
                ..Principal::new(user, "Ann", Standing::User)
            },
            session: Uuid::from_u128(1),
            participant: participant
                .then(|| (ParticipantId::from_uuid(Uuid::from_u128(2)), Epoch(3))),
        }
    }

    #[test]
    fn survives_a_restart_that_keeps_the_secret() {
        for participant in [true, false] {
            let token = ResumeTokens::new(b"secret").issue(&resumption(participant), NOW);
            let opened = ResumeTokens::new(b"secret").open(&token, NOW);
            assert_eq!(opened, Ok(resumption(participant)));
        }
    }

    #[test]
    fn only_ours_and_only_in_time() {
        let tokens = ResumeTokens::new(b"secret");
        let token = tokens.issue(&resumption(true), NOW);
        let idle = tokens.issue(&resumption(false), NOW);
        assert_eq!(
            ResumeTokens::new(b"other").open(&token, NOW),
            Err(ResumeError::Invalid)
        );
        let (body, _) = token.rsplit_once('.').unwrap();
        assert_eq!(tokens.open(body, NOW), Err(ResumeError::Invalid));
        assert_eq!(tokens.open("", NOW), Err(ResumeError::Invalid));
        assert_eq!(
            tokens.open(&token, NOW + LIFETIME),
            Err(ResumeError::Expired)
        );
        assert_eq!(
            tokens.open(&idle, NOW + IDLE_LIFETIME),
            Err(ResumeError::Expired)
        );
    }

    #[test]
    fn a_resume_does_not_outlive_the_token_that_entered() {
        let tokens = ResumeTokens::new(b"secret");
        let minute = Duration::from_secs(60);
        let mut short = resumption(true);
        short.principal.expires = Some(NOW + minute);
        let token = tokens.issue(&short, NOW);
        assert!(tokens.open(&token, NOW + minute / 2).is_ok());
        assert_eq!(tokens.open(&token, NOW + minute), Err(ResumeError::Expired));
    }

    #[test]
    fn a_user_token_of_the_same_secret_is_no_resume_token() {
        use crate::auth::token::{Invite, UserTokens};
        let users = UserTokens::shared_secret(b"secret", Duration::ZERO);
        let invite = Invite {
            user: "42".to_owned(),
            name: "Ann".to_owned(),
            room: None,
            moderator: false,
            ttl: Duration::from_secs(60),
        };
        let token = users.mint(&invite, NOW).unwrap();
        let tokens = ResumeTokens::new(b"secret");
        assert_eq!(tokens.open(&token, NOW), Err(ResumeError::Invalid));
        let resume = tokens.issue(&resumption(true), NOW);
        assert!(users.verify(&resume, NOW).is_err());
    }
}
