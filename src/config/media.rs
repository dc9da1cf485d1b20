//! The media port: what carries sound and picture.

use std::net::IpAddr;
use std::time::Duration;

use convoke_media::runtime::{self, MAX_GATHER, MAX_WORKERS};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaConfig {
    /// The one UDP port of all media, on IPv4 and IPv6; browsers must reach it.
    pub(crate) port: u16,
    /// Addresses that browsers are told to send media to: the public ones when the
    /// server is behind NAT 1:1. Empty: every address of this machine's interfaces.
    pub(crate) advertised_ips: Vec<IpAddr>,
    /// Worker threads, each pinned to a core where there are enough; calls are spread over them.
    pub(crate) workers: usize,
    /// Longest time, in microseconds, for which a packet waits to leave together with
    /// others, 0 to 20,000: more of it saves processor time where many people send little,
    /// less of it is less delay.
    pub(crate) gather_us: u32,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            port: 3478,
            advertised_ips: Vec::new(),
            workers: 1,
            gather_us: runtime::MediaConfig::default().gather.as_micros() as u32,
        }
    }
}

impl MediaConfig {
    pub(crate) fn gather(&self) -> Duration {
        Duration::from_micros(self.gather_us.into())
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            (1..=MAX_WORKERS).contains(&self.workers),
            "media.workers must be 1 to {MAX_WORKERS}"
        );
        anyhow::ensure!(
            self.gather() <= MAX_GATHER,
            "media.gather_us must be at most {}",
            MAX_GATHER.as_micros()
        );
        if let Some(ip) = self.advertised_ips.iter().find(|ip| ip.is_unspecified()) {
            anyhow::bail!("media.advertised_ips: browsers cannot send to {ip}");
        }
        Ok(())
    }
}
