//! Points in time as the database and the wire know them.

use std::time::Duration;

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Zero when `earlier` is later, which a clock that was set back can make so.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for UnixMillis {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_never_negative() {
        let second = Duration::from_secs(1);
        assert_eq!(UnixMillis(2_000).since(UnixMillis(1_000)), second);
        assert_eq!(UnixMillis(1_000).since(UnixMillis(2_000)), Duration::ZERO);
        assert_eq!(UnixMillis(1_000) + second, UnixMillis(2_000));
    }
}
