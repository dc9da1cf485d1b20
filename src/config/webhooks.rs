//! Where the host application wants to hear of calls without asking.

use anyhow::Context as _;
use convoke_signaling::outbound::{Outbound, OutboundLimits, Reach};
use convoke_signaling::service::Webhooks;
use serde::{Deserialize, Serialize};

use super::Secret;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhooksConfig {
    /// Every event of every call is posted to each of these.
    pub(crate) urls: Vec<String>,
    /// Signs what is posted (HMAC-SHA256), so that the receiver can tell it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Secret>,
    /// Whether a URL may lead to loopback or into a private network.
    pub(crate) allow_private: bool,
}

impl WebhooksConfig {
    /// How they are sent, if there are any.
    pub(crate) fn open(&self) -> anyhow::Result<Option<Webhooks>> {
        let Some(secret) = self.secret.as_ref().filter(|_| !self.urls.is_empty()) else {
            return Ok(None);
        };
        let reach = match self.allow_private {
            true => Reach::Anywhere,
            false => Reach::Public,
        };
        let outbound = Outbound::new(reach, OutboundLimits::default());
        Ok(Some(Webhooks {
            outbound: outbound.context("cannot set up TLS for webhooks")?,
            secret: secret.reveal().as_bytes().to_vec(),
        }))
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        for url in &self.urls {
            anyhow::ensure!(
                url.starts_with("https://") || url.starts_with("http://"),
                "webhooks.urls must start with https:// or http://, not {url:?}"
            );
        }
        anyhow::ensure!(
            self.urls.is_empty() || self.secret.as_ref().is_some_and(|s| !s.reveal().is_empty()),
            "webhooks.urls needs webhooks.secret: unsigned, anybody could post the like"
        );
        Ok(())
    }
}
