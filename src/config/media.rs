//! The media port: what carries sound and picture.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// More threads than this is a mistake in the file, not a machine.
const MAX_WORKERS: usize = 256;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaConfig {
    /// The one UDP port of all media, on IPv4 and IPv6; browsers must reach it.
    pub(crate) port: u16,
    /// Addresses that browsers are told to send media to: the public ones when the
    /// server is behind NAT 1:1. Empty: every address of this machine's interfaces.
    pub(crate) advertised_ips: Vec<IpAddr>,
    /// Worker threads, each pinned to a core; 0 means one for every core.
    pub(crate) workers: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            port: 3478,
            advertised_ips: Vec::new(),
            workers: 0,
        }
    }
}

impl MediaConfig {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.workers <= MAX_WORKERS,
            "media.workers is {}, {MAX_WORKERS} is the most",
            self.workers
        );
        if let Some(ip) = self.advertised_ips.iter().find(|ip| ip.is_unspecified()) {
            anyhow::bail!("media.advertised_ips: browsers cannot send to {ip}");
        }
        Ok(())
    }
}
