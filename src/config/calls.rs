//! Rules that every call follows.

use serde::{Deserialize, Serialize};

/// What the limits of the media core allow in one room.
const MOST_PARTICIPANTS: u32 = 500;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallsConfig {
    /// Participants in one call; the next one is told that the room is full.
    pub(crate) max_participants: u32,
}

impl Default for CallsConfig {
    fn default() -> Self {
        Self {
            max_participants: 50,
        }
    }
}

impl CallsConfig {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            (1..=MOST_PARTICIPANTS).contains(&self.max_participants),
            "calls.max_participants must be 1 to {MOST_PARTICIPANTS}, not {}",
            self.max_participants
        );
        Ok(())
    }
}
