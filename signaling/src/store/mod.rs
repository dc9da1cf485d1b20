//! The database: SQLite in the data directory by default, PostgreSQL by URL, one set
//! of queries for both (docs/decisions has why: sqlx's `Any` driver, `$1`
//! placeholders, integers for times).
//!
//! Nothing outside writes SQL, and nothing in here decides: it loads what the domain
//! asks for and writes its outcomes, one file a table.

mod appointments;
mod calls;
mod chats;
mod deadlines;
mod events;
mod messages;
mod migrate;
mod notifications;
mod open;
mod participants;
mod people;
mod recordings;
mod rooms;
mod row;
mod search;
mod servers;
mod transaction;
mod users;
mod webhooks;

use std::sync::Arc;

use sqlx::AnyPool;

pub use calls::Listing;
pub use deadlines::DueDeadline;
pub use notifications::NotificationListing;
pub use people::{UNHELD_BETWEEN, busy};
pub use rooms::LATEST_IN_JITSI_ROOM;
pub use search::{RINGING, UserListing, participants_of};
pub use transaction::Transaction;
pub use webhooks::Delivery;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// SQLite has one writer: a pool of one connection queues for it fairly, where
    /// the file lock would make everybody poll. PostgreSQL has one pool for both.
    write: AnyPool,
    read: AnyPool,
    /// Where every event has to be delivered.
    webhooks: Arc<[String]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database URL must begin with sqlite: or postgres://")]
    Scheme,
    #[error("cannot create {path}: {source}")]
    Directory {
        path: String,
        source: std::io::Error,
    },
    #[error("the database cannot be opened: {0}")]
    Open(#[from] sqlx::Error),
    #[error("the database cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Store {
    /// Opens the database, creating an SQLite file and its directories if they are
    /// missing, and applies what migrations are due.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        open::open(url).await
    }

    /// Has every event from now on kept until each of `endpoints` has taken it.
    #[must_use]
    pub fn with_webhooks(self, endpoints: impl IntoIterator<Item = String>) -> Self {
        Self {
            webhooks: endpoints.into_iter().collect(),
            ..self
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&self.read).await?;
        Ok(())
    }

    /// A transaction, to be begun by a write: on both engines that takes the lock
    /// which everything read afterwards is consistent under.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let inner = self.write.begin().await?;
        Ok(Transaction::new(inner, Arc::clone(&self.webhooks)))
    }

    /// Waits until every connection is closed.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}
