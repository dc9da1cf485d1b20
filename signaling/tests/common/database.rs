//! A fresh database for each test, on both engines.

use sqlx::{AnyPool, Executor};
use tempfile::TempDir;

use super::postgres;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

pub struct TestDb {
    url: String,
    _directory: Option<TempDir>,
}

impl TestDb {
    pub async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::sqlite(),
            Engine::Postgres => Self::postgres().await,
        }
    }

    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("data/convoke.db");
        Self {
            url: format!("sqlite:{}", file.display()),
            _directory: Some(directory),
        }
    }

    async fn postgres() -> Self {
        Self {
            url: postgres::create_database().await,
            _directory: None,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections beside those of the store.
    pub async fn pool(&self) -> AnyPool {
        sqlx::any::install_default_drivers();
        AnyPool::connect(&self.url).await.unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        let pool = self.pool().await;
        pool.execute(sql).await.unwrap();
        pool.close().await;
    }
}

/// Runs each test once with SQLite and once with PostgreSQL.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: TestDb) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test names something of its file")]
            use super::*;

            $(#[$meta])*
            async fn test($db: $crate::common::TestDb) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test($crate::common::TestDb::new($crate::common::Engine::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                test($crate::common::TestDb::new($crate::common::Engine::Postgres).await).await;
            }
        }
    )+};
}
