//! Time as an argument: the service reads it here only, so that tests turn the hands.

use std::time::Duration;

use crate::domain::time::UnixMillis;

#[async_trait::async_trait]
pub trait Clock: Send + Sync + 'static {
    /// May be set back by the operator; the domain never lets a Call's times run
    /// backwards because of it.
    fn now(&self) -> UnixMillis;

    /// Waits in monotonic time, which nobody sets.
    async fn sleep(&self, duration: Duration);

    /// Waits for as long as it takes until `at` by the time of day at the first poll. One
    /// step, for what passes between reading the time and falling asleep would be slept
    /// as well.
    async fn sleep_until(&self, at: UnixMillis);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
    fn now(&self) -> UnixMillis {
        let since_epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn sleep_until(&self, at: UnixMillis) {
        self.sleep(at.since(self.now())).await;
    }
}
