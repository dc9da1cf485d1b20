//! What others read in the database without us.

use convoke_signaling::ids::ChatId;
use convoke_signaling::service::{CallRef, ChatLink, NewCall};
use convoke_signaling::store::{Store, StoreError};
use sqlx::Row;

use crate::common::{World, principal};
use crate::on_both_databases;
use crate::ringing::calling;

on_both_databases! {
    /// The queries for debugging that a host application's document gives its
    /// operators, as they stand.
    async fn an_operators_queries_run_as_they_are_written(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let _bert = world.join("bert", "r").await;
        world.service.leave(anna.participant).await.unwrap();
        let pool = db.pool().await;

        let active = sqlx::query("SELECT * FROM calls WHERE status IN ('pending', 'ongoing');")
            .fetch_all(&pool)
            .await
            .unwrap();
        assert_eq!(active.len(), 1);
        let id: i64 = active[0].get("id");
        assert_eq!(id, anna.snapshot.call.number);

        let participants = sqlx::query(
            "SELECT c.room_name, u.name, cp.status, cp.joined_at
             FROM call_participants cp
             JOIN calls c ON cp.call_id = c.id
             JOIN users u ON cp.user_id = u.id
             WHERE c.id = 1;",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let mut names: Vec<(String, String)> =
            participants.iter().map(|row| (row.get("name"), row.get("status"))).collect();
        names.sort();
        let want = [("Name of anna", "left"), ("Name of bert", "joined")];
        assert_eq!(names, want.map(|(n, s)| (n.to_owned(), s.to_owned())));

        let events = sqlx::query(
            "SELECT ce.*, u.name
             FROM call_events ce
             LEFT JOIN users u ON ce.user_id = u.id
             WHERE ce.call_id = 1
             ORDER BY ce.created_at;",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        // Things of one millisecond come in any order.
        let mut types: Vec<String> = events.iter().map(|row| row.get("event_type")).collect();
        types.sort();
        assert_eq!(types, ["initiated", "joined", "joined", "left"]);

        let empty = sqlx::query(
            "SELECT c.* FROM calls c
             LEFT JOIN call_participants cp ON c.id = cp.call_id
             WHERE cp.id IS NULL;",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(empty.len(), 0);
        pool.close().await;
    }

    /// And of a call that people were asked into, out of a chat.
    async fn an_operators_queries_see_who_was_asked(db: TestDb) {
        let world = World::new(&db).await;
        let chat = ChatId::try_from("7").unwrap();
        let new = NewCall {
            chat: Some(ChatLink::Claimed(chat)),
            ..calling("r", &["bert", "cara"])
        };
        let planned = world.service.plan(&principal("anna"), new).await.unwrap();
        let call = CallRef::Number(planned.record.call.number);
        world.service.decline(&principal("cara"), call).await.unwrap();
        let pool = db.pool().await;

        let joined = sqlx::query(
            "SELECT c.id, ch.id AS chat, c.status
             FROM calls c JOIN chats ch ON c.chat_id = ch.id",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        assert_eq!(joined.get::<i64, _>("id"), planned.record.call.number);
        assert_eq!(joined.get::<String, _>("chat"), "7");
        assert_eq!(joined.get::<String, _>("status"), "pending");

        let asked = sqlx::query(
            "SELECT c.room_name, u.name, cp.status, cp.joined_at
             FROM call_participants cp
             JOIN calls c ON cp.call_id = c.id
             JOIN users u ON cp.user_id = u.id
             WHERE c.id = 1
             ORDER BY u.id",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let statuses: Vec<String> = asked.iter().map(|row| row.get("status")).collect();
        assert_eq!(statuses, ["invited", "ringing", "declined"]);
        let users = sqlx::query("SELECT * FROM users ORDER BY id").fetch_all(&pool).await.unwrap();
        let ids: Vec<String> = users.iter().map(|row| row.get("id")).collect();
        assert_eq!(ids, ["anna", "bert", "cara"]);

        let events = sqlx::query(
            "SELECT ce.*, u.name
             FROM call_events ce
             LEFT JOIN users u ON ce.user_id = u.id
             WHERE ce.call_id = 1
             ORDER BY ce.created_at;",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let mut types: Vec<String> = events.iter().map(|row| row.get("event_type")).collect();
        types.sort();
        assert_eq!(types, ["declined", "initiated", "ringing", "ringing"]);
        pool.close().await;
    }

    async fn opening_again_keeps_what_is_there(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let other = Store::open(db.url()).await.unwrap();
        let call = other.call(anna.snapshot.call.id).await.unwrap().unwrap();
        assert_eq!(call.room.as_str(), "r");
    }

    async fn a_room_has_one_call_at_a_time(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let pool = db.pool().await;
        let second = sqlx::query(
            "insert into calls (uuid, room_name, kind, mode, backend, origin, admission, status,
                recording_allowed, recording, created_at, updated_at, last_event, version)
             select 'another', room_name, kind, mode, backend, origin, admission, 'pending',
                0, 0, created_at, updated_at, 0, 0 from calls",
        )
        .execute(&pool)
        .await;
        assert!(second.unwrap_err().into_database_error().unwrap().is_unique_violation());
        pool.close().await;
        let record = world.service.get_call(&principal("anna"), anna.snapshot.call.id).await;
        assert!(record.is_ok());
    }

    async fn a_newer_database_is_refused(db: TestDb) {
        Store::open(db.url()).await.unwrap().close().await;
        db.execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             select 999, description, success, checksum, execution_time
             from _sqlx_migrations where version = 1",
        )
        .await;
        let refused = Store::open(db.url()).await;
        assert!(matches!(refused, Err(StoreError::Migrate(_))), "{refused:?}");
    }
}
