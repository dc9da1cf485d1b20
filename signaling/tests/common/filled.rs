//! A database that has been in use for long.

use sqlx::{AnyPool, AssertSqlSafe};

/// A thousand users with two hundred Calls each, nearly all over.
const FILL: [&str; 5] = [
    "insert into users (id, name, guest, created_at, updated_at)
     select 'u' || n, 'User', 0, 0, 0 from numbers where n < 1000",
    "insert into calls (uuid, room_name, kind, mode, backend, origin, admission,
        recording_allowed, recording, status, end_reason, created_at, started_at, ended_at,
        updated_at, last_event, version)
     select '00000000-0000-7000-8000-' || (100000000000 + n), 'room' || n, 'video', 'direct', 'sfu',
        case n % 4 when 0 then 'meeting' else 'chat' end, 'members', 0, 0,
        case when n % 10000 = 0 then 'ongoing' else 'ended' end,
        case when n % 10000 = 0 then null else 'completed' end,
        n, n, case when n % 10000 = 0 then null else n + 1 end, n, 0, 0
     from numbers order by n",
    "insert into call_participants (uuid, call_id, user_id, name, role, status, invited,
        by_word, epoch, media)
     select '00000000-0000-7001-8000-' || (100000000000 + c.id), c.id,
        'u' || (c.id % 1000), 'User', 'host', 'missed', 1, 1, 1, ''
     from calls c order by c.id",
    "insert into call_participants (uuid, call_id, user_id, name, role, status, invited,
        by_word, epoch, media)
     select '00000000-0000-7002-8000-' || (100000000000 + c.id), c.id,
        'u' || ((c.id + 1) % 1000), 'User', 'participant', 'missed', 1, 1,
        1, ''
     from calls c order by c.id",
    "analyze",
];

/// Writes `calls` Calls.
pub async fn fill(pool: &AnyPool, calls: i64) {
    let table = "create table numbers (n bigint not null)";
    sqlx::query(table).execute(pool).await.unwrap();
    let numbers = format!(
        "insert into numbers with recursive up (n) as (
            select 0 union all select n + 1 from up where n + 1 < {calls})
         select n from up"
    );
    sqlx::query(AssertSqlSafe(numbers))
        .execute(pool)
        .await
        .unwrap();
    for sql in FILL {
        sqlx::query(sql).execute(pool).await.unwrap();
    }
}
