//! `convoke token`: the token and the link that a person enters with.

use crate::cli::TokenRequest;
use crate::config::Config;

pub(crate) fn issue(_config: &Config, _request: &TokenRequest) -> anyhow::Result<String> {
    anyhow::bail!("not yet")
}
