//! What is logged and how.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// `human` for a terminal, `json` for a collector: one object a line.
    pub(crate) format: LogFormat,
    /// What is logged, in the syntax of tracing's EnvFilter: `info`, `warn,convoke_media=debug`.
    pub(crate) filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Human,
            // rtc-dtls warns of each extension it does not know, in every ClientHello.
            filter: "info,rtc_dtls=error".to_owned(),
        }
    }
}
