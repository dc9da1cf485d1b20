//! With a hundred thousand Calls in the database, what a user's lists cost is a walk
//! along an index: the engines' own plans say so.

use convoke_signaling::domain::call::Origin;
use convoke_signaling::service::CallFilter;
use convoke_signaling::store::{RINGING, Store, UserListing};
use sqlx::{AnyPool, Row};

use crate::common::{Engine, TestDb};

const CALLS: i64 = 100_000;

/// A thousand users with two hundred Calls each, nearly all over.
const FILL: [&str; 5] = [
    "insert into users (id, name, guest, created_at, updated_at)
     select 'u' || n, 'User', 0, 0, 0 from numbers where n < 1000",
    "insert into calls (uuid, room_name, kind, mode, backend, origin, admission,
        recording_allowed, recording, status, end_reason, created_at, started_at, ended_at,
        updated_at, last_event, version)
     select 'c' || n, 'room' || n, 'video', 'direct', 'sfu',
        case n % 4 when 0 then 'meeting' else 'chat' end, 'members', 0, 0,
        case when n % 10000 = 0 then 'ongoing' else 'ended' end,
        case when n % 10000 = 0 then null else 'completed' end,
        n, n, case when n % 10000 = 0 then null else n + 1 end, n, 0, 0
     from numbers order by n",
    "insert into call_participants (uuid, call_id, user_id, name, role, status, invited,
        by_word, epoch, media)
     select 'p' || c.id, c.id, 'u' || (c.id % 1000), 'User', 'host', 'missed', 1, 1, 1, ''
     from calls c order by c.id",
    "insert into call_participants (uuid, call_id, user_id, name, role, status, invited,
        by_word, epoch, media)
     select 'q' || c.id, c.id, 'u' || ((c.id + 1) % 1000), 'User', 'participant', 'missed', 1, 1,
        1, ''
     from calls c order by c.id",
    "analyze",
];

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
    sqlx::query("create table numbers (n bigint not null)")
        .execute(&pool)
        .await
        .unwrap();
    let numbers = format!(
        "insert into numbers with recursive up (n) as (
            select 0 union all select n + 1 from up where n + 1 < {CALLS})
         select n from up"
    );
    sqlx::query(sqlx::AssertSqlSafe(numbers))
        .execute(&pool)
        .await
        .unwrap();
    for sql in FILL {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
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
