//! A Jitsi that calls may take place in instead of here. The environment's names are
//! those of the applications that already have one.

use std::path::PathBuf;

use anyhow::Context as _;
use convoke_signaling::jitsi::{self, JitsiKey};
use serde::{Deserialize, Serialize};

use super::Secret;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JitsiConfig {
    /// Where the Jitsi is: `meet.example.org`, or as a URL, with a tenant as its path.
    pub(crate) domain: String,
    /// The application's id in Prosody's `app_id`; the tokens' issuer.
    pub(crate) app_id: String,
    /// Prosody's `app_secret`; signs tokens with HS256. At least 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret: Option<Secret>,
    /// PEM file with an RSA private key; signs tokens with RS256, and not with
    /// `app_secret` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// The id under which the Jitsi finds the public half of `key_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<String>,
    /// Whether the Jitsi asks for tokens. Dialects whose documents always have one
    /// give one either way.
    pub(crate) use_jwt: bool,
    /// What names of meetings begin with.
    pub(crate) room_prefix: String,
    /// Whether meetings that are held in the Jitsi may be recorded.
    pub(crate) recording_enabled: bool,
    /// Where the Jitsi's recorder puts its files.
    pub(crate) recording_path: String,
}

impl Default for JitsiConfig {
    fn default() -> Self {
        let jitsi::JitsiConfig {
            domain,
            app_id,
            key: _,
            use_jwt,
            room_prefix,
            recording_enabled,
            recording_path,
        } = jitsi::JitsiConfig::default();
        Self {
            domain,
            app_id,
            app_secret: None,
            key_file: None,
            key_id: None,
            use_jwt,
            room_prefix,
            recording_enabled,
            recording_path,
        }
    }
}

impl JitsiConfig {
    /// Reads the key file.
    pub(crate) fn open(&self) -> anyhow::Result<jitsi::Jitsi> {
        let key = match (&self.key_file, self.app_secret()) {
            (Some(file), _) => Some(JitsiKey::Rsa {
                private_pem: std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read jitsi.key_file {}", file.display()))?,
                id: self.key_id.clone().unwrap_or_default(),
            }),
            (None, Some(secret)) => Some(JitsiKey::Secret(secret.reveal().to_owned())),
            (None, None) => None,
        };
        self.with(key)
    }

    /// An environment that leaves the variable empty has no secret.
    pub(super) fn app_secret(&self) -> Option<&Secret> {
        let secret = self.app_secret.as_ref();
        secret.filter(|secret| !secret.reveal().is_empty())
    }

    fn with(&self, key: Option<JitsiKey>) -> anyhow::Result<jitsi::Jitsi> {
        jitsi::Jitsi::new(jitsi::JitsiConfig {
            domain: self.domain.clone(),
            app_id: self.app_id.clone(),
            key,
            use_jwt: self.use_jwt,
            room_prefix: self.room_prefix.clone(),
            recording_enabled: self.recording_enabled,
            recording_path: self.recording_path.clone(),
        })
        .context("the configuration of jitsi cannot be used")
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.key_file.is_some() == self.key_id.is_some(),
            "jitsi.key_file and jitsi.key_id belong together: set both or neither"
        );
        self.with(None).map(drop)
    }
}
