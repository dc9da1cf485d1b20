//! Where calls are kept.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Secret;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// `sqlite:` or `postgres:` URL. Not set: `convoke.db` in the data directory.
    /// Hidden when printed, since it may carry a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Secret>,
}

impl DatabaseConfig {
    pub(crate) fn url(&self, data_dir: &Path) -> String {
        match &self.url {
            Some(url) => url.reveal().to_owned(),
            None => format!("sqlite://{}", data_dir.join("convoke.db").display()),
        }
    }
}
