//! A clock that stands still until it is told otherwise.

use std::sync::Mutex;
use std::time::Duration;

use convoke_signaling::clock::Clock;
use convoke_signaling::domain::time::UnixMillis;
use tokio::sync::watch;

#[derive(Debug)]
pub struct TestClock {
    hands: watch::Sender<Hands>,
    /// Until when each sleeper sleeps.
    asleep: Mutex<Vec<Duration>>,
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
            asleep: Mutex::default(),
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

    /// Whether a task waits that has still so long to sleep.
    pub fn someone_sleeps(&self, remaining: Duration) -> bool {
        let until = self.hands.borrow().elapsed + remaining;
        self.asleep.lock().unwrap().contains(&until)
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
        self.sleep_for(|_| duration).await;
    }

    async fn sleep_until(&self, at: UnixMillis) {
        self.sleep_for(|hands| at.since(hands.wall)).await;
    }
}

impl TestClock {
    async fn sleep_for(&self, time: impl FnOnce(Hands) -> Duration + Send) {
        let mut hands = self.hands.subscribe();
        let now = *hands.borrow();
        let until = now.elapsed + time(now);
        let _bed = Bed::of(self, until);
        // The sender lives as long as `self`.
        let _ = hands.wait_for(|hands| hands.elapsed >= until).await;
    }
}

/// A sleeper's entry, while it sleeps.
struct Bed<'a> {
    clock: &'a TestClock,
    until: Duration,
}

impl<'a> Bed<'a> {
    fn of(clock: &'a TestClock, until: Duration) -> Self {
        clock.asleep.lock().unwrap().push(until);
        Self { clock, until }
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        let mut asleep = self.clock.asleep.lock().unwrap();
        if let Some(index) = asleep.iter().position(|until| *until == self.until) {
            asleep.swap_remove(index);
        }
    }
}
