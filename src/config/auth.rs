//! Who may come in. Users are the host application's: it signs their tokens.

use serde::{Deserialize, Serialize};

use super::{Secret, Switch};

/// RFC 7518 §3.2: an HS256 key has at least the hash's 256 bits.
const MIN_SECRET_BYTES: usize = 32;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthConfig {
    /// Shared with the host application, which signs user tokens (JWT, HS256) with
    /// it; at least 32 bytes. Not set: a generated one, kept in the data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwt_secret: Option<Secret>,
    /// Keys of the host application's backend for the API.
    pub(crate) api_keys: Vec<Secret>,
    /// Whether a name alone is enough to enter. Not set: only while nothing in this
    /// section is configured, `http.listen` is a loopback address, and no proxy and
    /// no public address are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) guests: Option<Switch>,
}

impl AuthConfig {
    /// Whether the host application can prove anything to us.
    pub(crate) fn configured(&self) -> bool {
        self.jwt_secret.is_some() || !self.api_keys.is_empty()
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(secret) = &self.jwt_secret {
            let length = secret.reveal().len();
            anyhow::ensure!(
                length >= MIN_SECRET_BYTES,
                "auth.jwt_secret has {length} bytes, HS256 needs {MIN_SECRET_BYTES} (try: openssl rand -base64 48)"
            );
        }
        anyhow::ensure!(
            !self.api_keys.iter().any(|key| key.reveal().is_empty()),
            "auth.api_keys has an empty key"
        );
        Ok(())
    }
}
