//! The environment and the flags as configuration sources. Both are lists of
//! (key, text): the environment's names are flat and promised to operators, the
//! keys are the file's, and one table maps them.

use std::collections::BTreeMap;

use figment::providers::Serialized;
use figment::value::{Dict, Value};
use figment::{Metadata, Profile, Provider};

/// How the text of a variable becomes a value.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    /// Comma-separated; empty text is the empty list.
    List,
    Number,
    /// As applications write it: `true`, `1`, `on` and their opposites.
    Flag,
}

/// Every variable: its name, its key in the file, how it is read.
const VARIABLES: &[(&str, &str, Kind)] = &[
    ("CONVOKE_DATA_DIR", "data_dir", Kind::Text),
    ("CONVOKE_HTTP_LISTEN", "http.listen", Kind::Text),
    ("CONVOKE_HTTP_TLS_CERT", "http.tls_cert", Kind::Text),
    ("CONVOKE_HTTP_TLS_KEY", "http.tls_key", Kind::Text),
    ("CONVOKE_PUBLIC_URL", "http.public_url", Kind::Text),
    (
        "CONVOKE_TRUSTED_PROXIES",
        "http.trusted_proxies",
        Kind::List,
    ),
    (
        "CONVOKE_ALLOWED_ORIGINS",
        "http.allowed_origins",
        Kind::List,
    ),
    ("CONVOKE_RATE_LIMITS", "http.rate_limits", Kind::Text),
    ("CONVOKE_MEDIA_PORT", "media.port", Kind::Number),
    (
        "CONVOKE_MEDIA_ADVERTISED_IPS",
        "media.advertised_ips",
        Kind::List,
    ),
    ("CONVOKE_MEDIA_WORKERS", "media.workers", Kind::Number),
    ("CONVOKE_MEDIA_GATHER_US", "media.gather_us", Kind::Number),
    ("CONVOKE_DATABASE_URL", "database.url", Kind::Text),
    ("CONVOKE_AUTH_JWT_SECRET", "auth.jwt_secret", Kind::Text),
    ("CONVOKE_AUTH_JWKS_URL", "auth.jwks_url", Kind::Text),
    ("CONVOKE_AUTH_JWKS_ISSUER", "auth.jwks_issuer", Kind::Text),
    (
        "CONVOKE_AUTH_JWKS_AUDIENCE",
        "auth.jwks_audience",
        Kind::Text,
    ),
    ("CONVOKE_AUTH_GUESTS", "auth.guests", Kind::Text),
    ("CONVOKE_API_KEYS", "auth.api_keys", Kind::List),
    (
        "CONVOKE_MAX_PARTICIPANTS",
        "calls.max_participants",
        Kind::Number,
    ),
    ("CONVOKE_BACKEND", "calls.backend", Kind::Text),
    (
        "CONVOKE_RING_TIMEOUT_SECS",
        "calls.ring_timeout_secs",
        Kind::Number,
    ),
    (
        "CONVOKE_MAX_DURATION_SECS",
        "calls.max_duration_secs",
        Kind::Number,
    ),
    ("JITSI_DOMAIN", "jitsi.domain", Kind::Text),
    ("JITSI_APP_ID", "jitsi.app_id", Kind::Text),
    ("JITSI_APP_SECRET", "jitsi.app_secret", Kind::Text),
    ("CONVOKE_JITSI_KEY_FILE", "jitsi.key_file", Kind::Text),
    ("CONVOKE_JITSI_KEY_ID", "jitsi.key_id", Kind::Text),
    ("JITSI_USE_JWT", "jitsi.use_jwt", Kind::Flag),
    ("JITSI_ROOM_PREFIX", "jitsi.room_prefix", Kind::Text),
    (
        "JITSI_RECORDING_ENABLED",
        "jitsi.recording_enabled",
        Kind::Flag,
    ),
    ("JITSI_RECORDING_PATH", "jitsi.recording_path", Kind::Text),
    ("CONVOKE_WEBHOOK_URLS", "webhooks.urls", Kind::List),
    ("CONVOKE_WEBHOOK_SECRET", "webhooks.secret", Kind::Text),
    (
        "CONVOKE_WEBHOOK_ALLOW_PRIVATE",
        "webhooks.allow_private",
        Kind::Flag,
    ),
    ("CONVOKE_LOG_FORMAT", "log.format", Kind::Text),
    ("CONVOKE_LOG", "log.filter", Kind::Text),
];

const AUTH_PREFIX: &str = "CONVOKE_AUTH_";

/// Settings from one source, by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    name: &'static str,
    values: BTreeMap<&'static str, Value>,
}

impl Settings {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            values: BTreeMap::new(),
        }
    }

    pub(crate) fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.values.insert(key, value.into());
    }

    pub(crate) fn as_provider(&self) -> impl Provider + use<> {
        self.clone()
    }
}

impl Provider for Settings {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> figment::Result<figment::value::Map<Profile, Dict>> {
        let mut dict = Dict::new();
        for (key, value) in &self.values {
            let nested = figment::util::nest(key, value.clone());
            if let Some(part) = nested.into_dict() {
                merge(&mut dict, part);
            }
        }
        Serialized::defaults(dict).data()
    }
}

/// Sections are one level deep, so is the merge.
fn merge(into: &mut Dict, part: Dict) {
    for (key, value) in part {
        match (into.get_mut(&key), value) {
            (Some(Value::Dict(_, section)), Value::Dict(_, more)) => section.extend(more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Reads the variables of [`VARIABLES`]: ours, and those that applications with a
/// Jitsi have already. Other `CONVOKE_*` names are reported, not
/// refused: a later version's or a build's variable must not stop this one. Only
/// who may come in is no matter to be misspelled.
pub(super) fn from_env(vars: impl Iterator<Item = (String, String)>) -> anyhow::Result<Settings> {
    let mut settings = Settings::new("environment");
    for (name, text) in vars {
        let known = VARIABLES.iter().find(|(known, ..)| *known == name);
        if let Some((name, key, kind)) = known {
            settings.set(key, value(name, &text, *kind)?);
        } else if name.starts_with(AUTH_PREFIX) {
            anyhow::bail!("{name} is not a variable of this version");
        } else if name.starts_with("CONVOKE_") && name != "CONVOKE_SKIP_WEB" {
            eprintln!("convoke: {name} is not a variable of this version; ignored");
        }
    }
    Ok(settings)
}

fn value(name: &str, text: &str, kind: Kind) -> anyhow::Result<Value> {
    let text = text.trim();
    Ok(match kind {
        Kind::Text => Value::from(text),
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            Value::from(items.map(Value::from).collect::<Vec<_>>())
        }
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Value::from(true),
            "false" | "0" | "off" | "no" | "" => Value::from(false),
            _ => anyhow::bail!("{name} must be true or false, not {text:?}"),
        },
        Kind::Number => match text.parse::<u64>() {
            Ok(number) => Value::from(number),
            Err(_) => anyhow::bail!("{name} must be a number, not {text:?}"),
        },
    })
}

#[cfg(test)]
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    VARIABLES.iter().map(|(name, key, _)| (*name, *key))
}
