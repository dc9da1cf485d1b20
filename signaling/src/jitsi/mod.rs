//! A real Jitsi's side of a Call: the tokens that its Prosody accepts and the links
//! that its page opens. For Calls whose backend is `jitsi`; nothing here speaks to a
//! Jitsi.
//!
//! Secrets and tokens have no `Debug` that shows them, and nothing in here logs.

mod claims;
mod link;
mod token;
mod warning;

use std::fmt;
use std::str::FromStr;

pub use claims::{Audience, Flags, Grant, TokenShape, Visitor};
pub use link::Placement;
pub use token::{InvalidToken, JitsiToken, Signed, Verified};
pub use warning::Warning;

use crate::domain::call::Backend;
use crate::ids::RoomName;
use token::Signer;

/// What the operator says about his Jitsi, under the names that applications know.
#[derive(Debug, Clone)]
pub struct JitsiConfig {
    /// `JITSI_DOMAIN`: bare or as a URL, with a tenant as its path if there is one.
    pub domain: String,
    /// `JITSI_APP_ID`.
    pub app_id: String,
    pub key: Option<JitsiKey>,
    /// `JITSI_USE_JWT`: whether this Jitsi asks for tokens at all.
    pub use_jwt: bool,
    /// `JITSI_ROOM_PREFIX`.
    pub room_prefix: String,
    /// `JITSI_RECORDING_ENABLED`: whether meetings held there may be recorded.
    pub recording_enabled: bool,
    /// `JITSI_RECORDING_PATH`: where the Jitsi's recorder puts its files.
    pub recording_path: String,
}

impl Default for JitsiConfig {
    fn default() -> Self {
        Self {
            domain: "meet.jit.si".to_owned(),
            app_id: "corporate_chat".to_owned(),
            key: None,
            use_jwt: false,
            room_prefix: "Interview_".to_owned(),
            recording_enabled: false,
            recording_path: "./public/recordings".to_owned(),
        }
    }
}

/// What tokens are signed with.
#[derive(Clone)]
pub enum JitsiKey {
    /// HS256; Prosody's `app_secret`.
    Secret(String),
    /// RS256; Prosody fetches the public half by the id.
    Rsa { private_pem: String, id: String },
}

impl fmt::Debug for JitsiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret(hidden)",
            Self::Rsa { .. } => "Rsa(hidden)",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JitsiError {
    #[error("not a domain, nor the URL of a Jitsi: a host, and a tenant at most")]
    Domain,
    #[error("not an RSA private key in PEM, or one without an id")]
    Key,
    /// Nothing to sign with.
    #[error("no secret and no key for Jitsi's tokens is configured")]
    NoKey,
    #[error("a room of Jitsi has a name of ASCII letters, digits, '-', '_' and '.'")]
    Room,
    #[error("the token cannot be signed")]
    Signing,
}

/// Signs and opens tokens, and prints links.
pub struct Jitsi {
    config: JitsiConfig,
    site: Site,
    signer: Option<Signer>,
    warnings: Vec<Warning>,
}

impl Jitsi {
    pub fn new(config: JitsiConfig) -> Result<Self, JitsiError> {
        Ok(Self {
            site: config.domain.parse()?,
            signer: config.key.as_ref().map(Signer::new).transpose()?,
            warnings: warning::of(&config),
            config,
        })
    }

    pub fn config(&self) -> &JitsiConfig {
        &self.config
    }

    /// The host, with its port, without a scheme.
    pub fn domain(&self) -> &str {
        &self.site.authority
    }

    /// Of its pages, as a browser knows it.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.site.scheme, self.site.authority)
    }

    /// Whether tokens can be had where they are needed.
    pub fn configured(&self) -> bool {
        self.signer.is_some() || !self.config.use_jwt
    }

    /// What is wrong with it, whoever uses it: an application's `config/status`.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What the operator should know at start: of a Jitsi that nobody named, nothing.
    pub fn pressing_warnings(&self, default: Backend) -> &[Warning] {
        let wanted = self.config.use_jwt || default == Backend::Jitsi || self.signer.is_some();
        match wanted {
            true => &self.warnings,
            false => &[],
        }
    }
}

/// Where the Jitsi is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Site {
    scheme: &'static str,
    authority: String,
    tenant: Option<String>,
}

impl Site {
    /// What `sub` must be: the tenant where the URL has one, else the domain without
    /// its port.
    fn subject(&self) -> &str {
        let domain = match self.authority.rsplit_once(':') {
            Some((domain, port)) if port.bytes().all(|b| b.is_ascii_digit()) => domain,
            _ => &self.authority,
        };
        self.tenant.as_deref().unwrap_or(domain)
    }
}

impl FromStr for Site {
    type Err = JitsiError;

    fn from_str(text: &str) -> Result<Self, JitsiError> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(_) => return Err(JitsiError::Domain),
            None => ("https", text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (authority, tenant) = match rest.split_once('/') {
            Some((authority, tenant)) => (authority, Some(tenant)),
            None => (rest, None),
        };
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '[' | ']');
        let fits = !authority.is_empty() && authority.chars().all(host);
        if !fits || tenant.is_some_and(|tenant| RoomName::try_from(tenant).is_err()) {
            return Err(JitsiError::Domain);
        }
        Ok(Self {
            scheme,
            authority: authority.to_ascii_lowercase(),
            tenant: tenant.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests;
