//! A clock that stands still until it is told otherwise.

use std::time::Duration;

use convoke_signaling::clock::Clock;
use convoke_signaling::domain::time::UnixMillis;
use tokio::sync::watch;

#[derive(Debug)]
pub struct TestClock {
    hands: watch::Sender<Hands>,
}

#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: UnixMillis,
    /// Nobody sets this one.
    elapsed: Duration,
}

impl TestClock {
    pub fn new(wall: UnixMillis) -> Self {
        let elapsed = Duration::ZERO;
        Self {
            hands: watch::Sender::new(Hands { wall, elapsed }),
        }
    }

    pub fn advance(&self, by: Duration) {
        self.hands.send_modify(|hands| {
            hands.wall = hands.wall + by;
            hands.elapsed += by;
        });
    }

    /// What an operator or a time server does: no time passes.
    pub fn set(&self, wall: UnixMillis) {
        self.hands.send_modify(|hands| hands.wall = wall);
    }

    /// How many tasks wait for their time.
    pub fn sleepers(&self) -> usize {
        self.hands.receiver_count()
    }
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> UnixMillis {
        self.hands.borrow().wall
    }

    async fn sleep(&self, duration: Duration) {
        let mut hands = self.hands.subscribe();
        let until = hands.borrow().elapsed + duration;
        // The sender lives as long as `self`.
        let _ = hands.wait_for(|hands| hands.elapsed >= until).await;
    }
}
