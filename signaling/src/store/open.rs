//! Connections to either engine, and what each needs to keep what it acknowledged.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AnyPool, Executor};

use super::{Engine, Store, StoreError, migrate};

/// How long a request waits for a free connection before it is told to try again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Of each of two pools: a transition that looks up something besides its Call must not
/// wait for a connection that another one holds, which waits as well. A transition is
/// five statements of a millisecond: ten carry thousands a second.
const POSTGRES_CONNECTIONS: u32 = 10;

const SQLITE_READERS: u32 = 4;

/// FULL, because NORMAL may lose in a power cut what was acknowledged.
const SQLITE_SETUP: &str = "pragma busy_timeout = 5000; \
    pragma journal_mode = wal; \
    pragma synchronous = full; \
    pragma foreign_keys = on; \
    pragma journal_size_limit = 16777216;";

/// A database that hangs must not hold a room's lock for ever.
const POSTGRES_SETUP: &str = "set statement_timeout = '10s'; \
    set idle_in_transaction_session_timeout = '10s'; \
    set synchronous_commit = on;";

impl Engine {
    fn of(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::Scheme),
        }
    }

    const fn setup(self) -> &'static str {
        match self {
            Self::Sqlite => SQLITE_SETUP,
            Self::Postgres => POSTGRES_SETUP,
        }
    }
}

pub(super) async fn open(url: &str) -> Result<Store, StoreError> {
    sqlx::any::install_default_drivers();
    let engine = Engine::of(url)?;
    let store = match engine {
        Engine::Sqlite => open_sqlite(url).await?,
        Engine::Postgres => Store {
            write: pool(engine, url, POSTGRES_CONNECTIONS).await?,
            read: pool(engine, url, POSTGRES_CONNECTIONS).await?,
            webhooks: Arc::default(),
        },
    };
    let mut connection = store.write.acquire().await?;
    if engine == Engine::Postgres {
        connection.execute("set statement_timeout = 0").await?;
    }
    migrate::run(engine, &mut connection).await?;
    connection.execute(engine.setup()).await?;
    drop(connection);
    Ok(store)
}

async fn open_sqlite(url: &str) -> Result<Store, StoreError> {
    let options = SqliteConnectOptions::from_str(url)?;
    let file = options.get_filename();
    // Each connection to a database in memory would have one of its own.
    let in_memory = url.contains(":memory:") || url.contains("mode=memory");
    if !in_memory {
        create_parent(file)?;
    }
    let url = creating(url);
    let write = pool(Engine::Sqlite, &url, 1).await?;
    let read = if in_memory {
        write.clone()
    } else {
        pool(Engine::Sqlite, &url, SQLITE_READERS).await?
    };
    Ok(Store {
        write,
        read,
        webhooks: Arc::default(),
    })
}

/// The URL, asking for the file to be made unless it says something else about it.
fn creating(url: &str) -> String {
    match url.split_once('?') {
        Some((_, query)) if query.contains("mode=") => url.to_owned(),
        Some(_) => format!("{url}&mode=rwc"),
        None => format!("{url}?mode=rwc"),
    }
}

/// What calls were made is nobody else's business: only the owner may enter.
fn create_parent(file: &Path) -> Result<(), StoreError> {
    let Some(parent) = file.parent().filter(|p| !p.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(parent)
        .map_err(|source| StoreError::Directory {
            path: parent.display().to_string(),
            source,
        })
}

async fn pool(engine: Engine, url: &str, size: u32) -> Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A database in memory dies with its last connection.
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection: &mut AnyConnection, _| {
            Box::pin(async move {
                connection.execute(engine.setup()).await?;
                Ok(())
            })
        })
        .connect(url)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_urls_ask_for_creation() {
        let cases = [
            ("sqlite:a.db", "sqlite:a.db?mode=rwc"),
            (
                "sqlite:a.db?cache=private",
                "sqlite:a.db?cache=private&mode=rwc",
            ),
            ("sqlite:a.db?mode=rw", "sqlite:a.db?mode=rw"),
        ];
        for (url, want) in cases {
            assert_eq!(creating(url), want);
        }
    }

    #[tokio::test]
    async fn other_databases_are_refused() {
        for url in ["mysql://localhost/x", "x.db", ""] {
            assert!(matches!(open(url).await, Err(StoreError::Scheme)), "{url}");
        }
    }
}
