//! Whose a resource is. The token that opened it stays good for it when it has expired
//! meanwhile: a broadcast may well outlast its token, and has to be ended all the same.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::auth::Authenticator;
use crate::domain::time::UnixMillis;
use crate::ids::UserId;

/// What a request shows besides the id.
#[derive(Default)]
pub(crate) struct Proof(Option<String>);

impl Proof {
    /// Of an `Authorization: Bearer`, where there is one.
    pub(crate) fn new(token: Option<&str>) -> Self {
        Self(token.map(str::to_owned))
    }
}

pub(crate) enum Owner {
    /// A guest has nothing to show but the id itself.
    Anyone,
    User {
        id: UserId,
        token: [u8; 32],
    },
}

impl Owner {
    pub(crate) fn of(user: &UserId, proof: &Proof) -> Self {
        match &proof.0 {
            None => Self::Anyone,
            Some(token) => Self::User {
                id: user.clone(),
                token: Sha256::digest(token).into(),
            },
        }
    }

    pub(super) async fn admits(
        &self,
        proof: &Proof,
        auth: &Authenticator,
        now: UnixMillis,
    ) -> bool {
        let Self::User { id, token: opened } = self else {
            return true;
        };
        let Some(token) = &proof.0 else {
            return false;
        };
        let digest: [u8; 32] = Sha256::digest(token).into();
        if bool::from(digest.ct_eq(opened)) {
            return true;
        }
        let shown = auth.token_or_fetch(token, now).await;
        shown.is_ok_and(|who| who.user == *id)
    }
}
