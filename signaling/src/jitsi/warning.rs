//! What is wrong with the secret. Said at start and wherever an application asks for
//! the state of its configuration; never a reason not to start, because a server whose
//! rooms are its own needs none of it.

use std::fmt;

use super::{JitsiConfig, JitsiKey};

/// RFC 7518 §3.2: an HS256 key has at least the hash's 256 bits.
const MIN_SECRET_BYTES: usize = 32;

/// Secrets that stand in documents word for word: whoever read those can sign.
const PUBLISHED: &[&str] = &[
    "your_jitsi_secret_change_in_production_min_32_chars",
    "your_jitsi_secret_min_32_chars",
    "your_secret_min_32_chars",
    "super_secret_key_here",
    "your-actual-secret",
    "ca51d0048c67a49f9a698b053b1460a4ed783d07cf442bae6a819e74864fe57e",
];
/// Parts that only a value to be replaced has.
const TELLING: &[&str] = &[
    "change_in_production",
    "change-in-production",
    "changeme",
    "change_me",
    "change-me",
    "replace_me",
    "replace-me",
    "secret_key_here",
    "min_32_chars",
    "your_secret",
    "your-secret",
    "your_jitsi",
    "your-jitsi",
];

/// Anybody who can sign tokens is a moderator of every room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    SecretMissing,
    SecretPlaceholder,
    SecretShort { bytes: usize },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretMissing => {
                f.write_str("JITSI_APP_SECRET is not set: nobody gets a token for the Jitsi")
            }
            Self::SecretPlaceholder => {
                f.write_str("JITSI_APP_SECRET is a placeholder that anybody can read: replace it")
            }
            Self::SecretShort { bytes } => write!(
                f,
                "JITSI_APP_SECRET has {bytes} bytes, HS256 needs {MIN_SECRET_BYTES}"
            ),
        }
    }
}

pub(super) fn of(config: &JitsiConfig) -> Vec<Warning> {
    let secret = match &config.key {
        Some(JitsiKey::Secret(secret)) => secret,
        Some(JitsiKey::Rsa { .. }) => return Vec::new(),
        None => return vec![Warning::SecretMissing],
    };
    let lower = secret.to_ascii_lowercase();
    let placeholder = PUBLISHED.contains(&lower.as_str())
        || TELLING.iter().any(|telling| lower.contains(telling));
    let mut warnings = Vec::new();
    if placeholder {
        warnings.push(Warning::SecretPlaceholder);
    }
    if secret.len() < MIN_SECRET_BYTES {
        let bytes = secret.len();
        warnings.push(Warning::SecretShort { bytes });
    }
    warnings
}
