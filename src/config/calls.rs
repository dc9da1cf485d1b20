//! Rules that every call follows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the limits of the media core allow in one room.
const MOST_PARTICIPANTS: u32 = 500;
/// Nobody listens to a ring for longer.
const MOST_RINGING_SECS: u32 = 3600;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallsConfig {
    /// Participants in one call; the next one is told that the room is full.
    pub(crate) max_participants: u32,
    /// Whose media the calls of applications are: `sfu` for ours, `jitsi` for the one
    /// of the section `jitsi`. A request may choose otherwise.
    pub(crate) backend: Backend,
    /// Seconds that a call rings before it is missed.
    pub(crate) ring_timeout_secs: u32,
    /// Seconds after which a call is ended, however many are in it.
    pub(crate) max_duration_secs: u32,
}

/// Whose media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backend {
    Sfu,
    Jitsi,
}

impl From<Backend> for convoke_signaling::domain::call::Backend {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::Sfu => Self::Sfu,
            Backend::Jitsi => Self::Jitsi,
        }
    }
}

impl Default for CallsConfig {
    fn default() -> Self {
        Self {
            max_participants: 50,
            backend: Backend::Sfu,
            ring_timeout_secs: 45,
            max_duration_secs: 24 * 3600,
        }
    }
}

impl CallsConfig {
    pub(crate) fn ring_timeout(&self) -> Duration {
        Duration::from_secs(self.ring_timeout_secs.into())
    }

    pub(crate) fn max_duration(&self) -> Duration {
        Duration::from_secs(self.max_duration_secs.into())
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            (1..=MOST_PARTICIPANTS).contains(&self.max_participants),
            "calls.max_participants must be 1 to {MOST_PARTICIPANTS}, not {}",
            self.max_participants
        );
        anyhow::ensure!(
            (1..=MOST_RINGING_SECS).contains(&self.ring_timeout_secs),
            "calls.ring_timeout_secs must be 1 to {MOST_RINGING_SECS}, not {}",
            self.ring_timeout_secs
        );
        anyhow::ensure!(
            self.max_duration_secs > 0,
            "calls.max_duration_secs must be at least 1"
        );
        Ok(())
    }
}
