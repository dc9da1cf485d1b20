//! With a hundred thousand Calls in the database, what a user's lists cost is a walk
//! along an index: the engines' own plans say so.

use convoke_signaling::domain::call::{CallStatus, EndReason, Origin};
use convoke_signaling::service::CallFilter;
use convoke_signaling::store::{
    LATEST_IN_JITSI_ROOM, RINGING, Store, UNHELD_BETWEEN, UserListing, busy, participants_of,
};
use sqlx::{AnyPool, Row};

use crate::common::filled::fill;
use crate::common::{Engine, TestDb};

const CALLS: i64 = 100_000;

/// What a query is asked with.
#[derive(Debug, Clone, Copy)]
enum Value {
    Text(&'static str),
    Number(i64),
}
use Value::{Number, Text};

impl Value {
    fn literal(&self) -> String {
        match self {
            Text(text) => format!("'{text}'"),
            Number(number) => number.to_string(),
        }
    }
}

/// The queries themselves, and the values they are asked with.
fn queries() -> Vec<(String, Vec<Value>)> {
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
    let never_came = UserListing {
        statuses: &[CallStatus::Ended],
        end_reasons: &[EndReason::NoShow, EndReason::Failed],
        ..meetings
    };
    let page = || vec![Text("u7"), Number(50), Number(1000)];
    let two = vec![Text("u7"), Text("u8")];
    vec![
        (listing.sql(), page()),
        (meetings.sql(), page()),
        (active.sql(), page()),
        (never_came.sql(), page()),
        (RINGING.to_owned(), vec![Text("u7")]),
        (participants_of(50), (1..=50).map(Number).collect()),
        (busy(2), vec![Text("u7"), Text("u8"), Text("u9"), Number(0)]),
        (UNHELD_BETWEEN.to_owned(), two),
        (LATEST_IN_JITSI_ROOM.to_owned(), vec![Text("room7")]),
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
async fn plan(pool: &AnyPool, explain: &str, sql: &str, values: Vec<Value>) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("{explain} {sql}"));
    let query = values
        .into_iter()
        .fold(sqlx::query(explain), |query, value| match value {
            Text(text) => query.bind(text),
            Number(number) => query.bind(number),
        });
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

/// As it is after some executions, when PostgreSQL plans without looking at the values.
async fn generic_plan(pool: &AnyPool, sql: &str, values: &[Value]) -> Vec<String> {
    let values: Vec<_> = values.iter().map(Value::literal).collect();
    let mut connection = pool.acquire().await.unwrap();
    let statements = format!(
        "set plan_cache_mode = force_generic_plan; deallocate all; prepare looked_at as {sql}"
    );
    let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
    statements.execute(&mut *connection).await.unwrap();
    let explain = format!("explain execute looked_at ({})", values.join(", "));
    let explain = sqlx::raw_sql(sqlx::AssertSqlSafe(explain));
    let rows = explain.fetch_all(&mut *connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

/// Steps that read a table of Calls whole, or an index of it from one end.
fn walks(plan: &[String]) -> usize {
    let whole = |steps: &[String]| {
        let follows = steps.get(1).map_or("", String::as_str);
        let along = steps[0].contains("Index Scan") || steps[0].contains("Index Only Scan");
        let found = follows.contains("Index Cond") || steps[0].contains("calls_live_");
        // A thousand users are faster read whole than found one by one.
        steps[0].contains("Seq Scan on call") || (along && steps[0].contains(" on call") && !found)
    };
    (0..plan.len()).filter(|&step| whole(&plan[step..])).count()
}

#[tokio::test]
async fn postgres_walks_indexes() {
    let (_db, pool) = filled(Engine::Postgres).await;
    for (sql, values) in queries() {
        let generic = generic_plan(&pool, &sql, &values).await;
        assert_eq!(walks(&generic), 0, "{generic:#?}");
        let plan = plan(&pool, "explain", &sql, values).await;
        assert_eq!(walks(&plan), 0, "{plan:#?}");
    }
    pool.close().await;
}
