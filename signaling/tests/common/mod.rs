//! What the tests of signaling stand on: both databases, a media core that only
//! keeps books, and a clock whose hands the test turns.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test binary uses its own part of this"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

pub mod clock;
pub mod database;
pub mod filled;
pub mod media;
pub mod postgres;

use std::sync::Arc;
use std::time::Duration;

use convoke_media::control::Event;
use convoke_signaling::domain::principal::{Principal, Standing};
use convoke_signaling::domain::time::UnixMillis;
use convoke_signaling::events::hub::NoticeReceiver;
use convoke_signaling::events::notice::Notice;
use convoke_signaling::ids::{RoomName, UserId};
use convoke_signaling::service::{CallConfig, CallService, Joined};
use convoke_signaling::store::Store;
use tokio::sync::mpsc;

pub use clock::TestClock;
pub use database::{Engine, TestDb};
pub use media::FakeMedia;

/// No test takes that long unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// When every test begins.
pub const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// A service with everything around it in the test's hands.
pub struct World {
    pub service: CallService,
    pub media: Arc<FakeMedia>,
    pub media_events: mpsc::Sender<Event>,
    pub clock: Arc<TestClock>,
    pub store: Store,
}

impl World {
    pub async fn new(db: &TestDb) -> Self {
        Self::with(db, CallConfig::default()).await
    }

    pub async fn with(db: &TestDb, config: CallConfig) -> Self {
        Self::at(db, config, Arc::new(TestClock::new(START))).await
    }

    pub async fn at(db: &TestDb, config: CallConfig, clock: Arc<TestClock>) -> Self {
        let store = Store::open(db.url()).await.unwrap();
        Self::over(store, config, clock).await
    }

    /// On a database that was opened for it.
    pub async fn over(store: Store, config: CallConfig, clock: Arc<TestClock>) -> Self {
        let media = Arc::new(FakeMedia::default());
        let (media_events, events) = mpsc::channel(64);
        let plane = Arc::<FakeMedia>::clone(&media);
        let timer = Arc::<TestClock>::clone(&clock);
        let service = CallService::start(store.clone(), plane, events, config, timer)
            .await
            .unwrap();
        Self {
            service,
            media,
            media_events,
            clock,
            store,
        }
    }

    pub async fn join(&self, user: &str, room: &str) -> Joined {
        let joined = self.service.join(&principal(user), room_name(room)).await;
        joined.unwrap()
    }

    /// As if the process were killed and started again: nothing is said to anybody.
    pub async fn crash(self, db: &TestDb, config: CallConfig) -> Self {
        let Self {
            service,
            clock,
            store,
            ..
        } = self;
        drop(service);
        store.close().await;
        Self::at(db, config, clock).await
    }
}

pub fn room_name(name: &str) -> RoomName {
    RoomName::try_from(name).unwrap()
}

pub fn principal(user: &str) -> Principal {
    let id = UserId::try_from(user).unwrap();
    Principal::new(id, format!("Name of {user}"), Standing::User)
}

/// The next notice, which must come.
pub async fn next(notices: &mut NoticeReceiver) -> Notice {
    let notice = tokio::time::timeout(PATIENCE, notices.recv());
    let notice = notice.await.expect("no notice came").expect("closed");
    Arc::unwrap_or_clone(notice)
}

/// Asks again until it is so: for what another task does in its own time.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asking).await;
    answer.unwrap_or_else(|_| panic!("never: {what}"))
}
