//! With a hundred thousand Calls in the database, what a user's lists cost is a walk
//! along an index: the engines' own plans say so.

use convoke_signaling::domain::call::Origin;
use convoke_signaling::service::CallFilter;
use convoke_signaling::store::{RINGING, Store, UserListing};
use sqlx::{AnyPool, Row};

use crate::common::filled::fill;
use crate::common::{Engine, TestDb};

const CALLS: i64 = 100_000;

/// The queries themselves, and the values they are asked with.
fn queries() -> [(String, Vec<i64>); 4] {
    let listing = UserListing {
        limit: 50,
        ..UserListing::default()
    };
    let meetings = UserListing {
        origins: &[Origin::Meeting],
        ..listing
    };
    let active = UserListing {
        statuses: &CallFilter::LIVE,
        ..listing
    };
    let page = || vec![50, 1000];
    [
        (listing.sql(), page()),
        (meetings.sql(), page()),
        (active.sql(), page()),
        (RINGING.to_owned(), Vec::new()),
    ]
}

async fn filled(engine: Engine) -> (TestDb, AnyPool) {
    let db = TestDb::new(engine).await;
    Store::open(db.url()).await.unwrap().close().await;
    let pool = db.pool().await;
    fill(&pool, CALLS).await;
    (db, pool)
}

/// One line a step.
async fn plan(pool: &AnyPool, explain: &str, sql: &str, values: Vec<i64>) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("{explain} {sql}"));
    let query = sqlx::query(explain).bind("u7");
    let query = values
        .into_iter()
        .fold(query, |query, value| query.bind(value));
    let rows = query.fetch_all(pool).await.unwrap();
    let last = |row: &sqlx::any::AnyRow| row.get::<String, _>(row.len() - 1);
    rows.iter().map(last).collect()
}

#[tokio::test]
async fn sqlite_walks_indexes() {
    let (_db, pool) = filled(Engine::Sqlite).await;
    for (sql, values) in queries() {
        let plan = plan(&pool, "explain query plan", &sql, values).await;
        let scans = plan.iter().filter(|step| step.starts_with("SCAN"));
        assert_eq!(scans.count(), 0, "{plan:#?}");
    }
    pool.close().await;
}

#[tokio::test]
async fn postgres_walks_indexes() {
    let (_db, pool) = filled(Engine::Postgres).await;
    for (sql, values) in queries() {
        let plan = plan(&pool, "explain", &sql, values).await;
        let scans = plan.iter().filter(|step| step.contains("Seq Scan"));
        assert_eq!(scans.count(), 0, "{plan:#?}");
    }
    pool.close().await;
}
