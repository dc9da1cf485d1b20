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
    /// Where the host application publishes keys, as a JSON Web Key Set or as Google's
    /// map of certificates; user tokens signed with one (RS256, ES256, EdDSA) are
    /// accepted beside those of `jwt_secret`. `https`, or `http` within this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwks_url: Option<String>,
    /// What `iss` of such a token must be. For Firebase:
    /// `https://securetoken.google.com/<project>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwks_issuer: Option<String>,
    /// What `aud` of such a token must be or contain. For Firebase: the project's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jwks_audience: Option<String>,
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
        self.jwt_secret.is_some() || self.jwks_url.is_some() || !self.api_keys.is_empty()
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
        self.check_jwks()
    }

    fn check_jwks(&self) -> anyhow::Result<()> {
        let Some(url) = &self.jwks_url else {
            return Ok(());
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            anyhow::bail!("auth.jwks_url is no URL: {url:?}");
        };
        let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
        // Whoever is between could put his own keys in place of theirs.
        anyhow::ensure!(
            scheme == "https" || (scheme == "http" && is_near(rest, host)),
            "auth.jwks_url must be https, or lead to this machine or a container beside it"
        );
        anyhow::ensure!(
            !host.ends_with("googleapis.com") || self.jwks_audience.is_some(),
            "auth.jwks_audience is needed: these keys sign for everybody's projects"
        );
        Ok(())
    }
}

/// Loopback, or a name without a dot, which no name on the internet is.
fn is_near(site: &str, host: &str) -> bool {
    let loopback = host
        .parse::<std::net::Ipv4Addr>()
        .is_ok_and(|ip| ip.is_loopback());
    loopback || site.starts_with("[::1]") || (!host.is_empty() && !host.contains('.'))
}
