//! What an operator can set. Defaults ← `convoke.toml` ← `CONVOKE_*` environment
//! ← flags; a struct per concern, passed by value, no statics. Each field's
//! comment is its reference: effect, unit. deploy/config.sample.toml is checked
//! against these structs by a test.

mod auth;
mod calls;
mod database;
mod http;
mod jitsi;
mod log;
mod media;
mod secret;
mod sources;
mod webhooks;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};

pub(crate) use auth::AuthConfig;
pub(crate) use calls::CallsConfig;
pub(crate) use database::DatabaseConfig;
pub(crate) use http::{HttpConfig, Switch};
pub(crate) use jitsi::JitsiConfig;
pub(crate) use log::{LogConfig, LogFormat};
pub(crate) use media::MediaConfig;
pub(crate) use secret::Secret;
pub(crate) use sources::Settings;
pub(crate) use webhooks::WebhooksConfig;

/// Read from the working directory when `--config` does not name another file.
const DEFAULT_FILE: &str = "convoke.toml";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the database, the generated secret and later the recordings are.
    /// Created when missing, readable by its owner alone.
    pub(crate) data_dir: PathBuf,
    pub(crate) http: HttpConfig,
    pub(crate) media: MediaConfig,
    pub(crate) database: DatabaseConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) calls: CallsConfig,
    pub(crate) jitsi: JitsiConfig,
    pub(crate) webhooks: WebhooksConfig,
    pub(crate) log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            http: HttpConfig::default(),
            media: MediaConfig::default(),
            database: DatabaseConfig::default(),
            auth: AuthConfig::default(),
            calls: CallsConfig::default(),
            jitsi: JitsiConfig::default(),
            webhooks: WebhooksConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Config {
    /// Reads every source. A file that was asked for by name must exist; the
    /// default one may be missing.
    pub(crate) fn load(file: Option<&Path>, flags: &Settings) -> anyhow::Result<Self> {
        let toml = match file {
            Some(path) => Toml::file_exact(path),
            None => Toml::file_exact(DEFAULT_FILE),
        };
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if file.is_some() || Path::new(DEFAULT_FILE).exists() {
            figment = figment.merge(toml);
        }
        Self::from_figment(
            figment
                .merge(sources::from_env(std::env::vars())?)
                .merge(flags.as_provider()),
        )
    }

    fn from_figment(figment: Figment) -> anyhow::Result<Self> {
        let config: Self = figment
            .extract()
            .context("the configuration is not valid")?;
        config.check()?;
        Ok(config)
    }

    /// What no single field's type can say.
    fn check(&self) -> anyhow::Result<()> {
        self.http.check()?;
        self.media.check()?;
        self.auth.check()?;
        self.calls.check()?;
        self.jitsi.check()?;
        self.webhooks.check()?;
        self.check_secrets()
    }

    /// With one secret for both, whoever has a token for the Jitsi would be a user
    /// here, and all of them the same one.
    fn check_secrets(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.jitsi.app_secret().is_none()
                || self.jitsi.app_secret() != self.auth.jwt_secret.as_ref(),
            "jitsi.app_secret and auth.jwt_secret must not be the same"
        );
        Ok(())
    }

    /// The effective configuration as a file that could have said it, secrets hidden.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string(self).context("the configuration cannot be printed")
    }

    /// Guests may enter without a token only where nobody but this machine's
    /// users can reach the page and no other way in was configured. A loopback
    /// address behind a proxy, or with a public name, is on the internet.
    pub(crate) fn guests_allowed(&self) -> bool {
        match self.auth.guests {
            Some(switch) => switch == Switch::On,
            None => !self.auth.configured() && self.http.this_machine_only(),
        }
    }
}

#[cfg(test)]
mod tests;
