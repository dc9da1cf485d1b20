use std::time::Duration;

use convoke_signaling::domain::call::{CallStatus, EndReason};
use convoke_signaling::domain::event::Happening;
use convoke_signaling::domain::participant::{Connection, LeaveReason};
use convoke_signaling::events::notice::MediaContinuity;
use convoke_signaling::service::CallConfig;

use crate::common::{START, World, eventually, next, principal};
use crate::on_both_databases;

const SECOND: Duration = Duration::from_secs(1);

on_both_databases! {
    async fn calls_that_nobody_returns_to_end_when_the_server_was_last_alive(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        world.clock.advance(SECOND);
        let bert = world.join("bert", "r").await;
        world.clock.advance(5 * SECOND);
        let alive = START + 6 * SECOND;
        eventually("a heartbeat", async || {
            (world.store.last_alive("convoke").await.unwrap() == Some(alive)).then_some(())
        })
        .await;
        world.clock.advance(2 * SECOND);

        let clock = std::sync::Arc::clone(&world.clock);
        let down = async {
            let world = world.crash(&db, CallConfig::default()).await;
            drop((anna.notices, bert.notices));
            world
        };
        let world = down.await;
        clock.advance(CallConfig::MAX_GRACE);
        let call = anna.snapshot.call.id;
        let record = eventually("the call ends", async || {
            let record = world.service.get_call(&principal("anna"), call).await.unwrap();
            (record.call.status == CallStatus::Ended).then_some(record)
        })
        .await;
        assert_eq!(record.call.end_reason, Some(EndReason::Completed));
        assert_eq!(record.call.times.ended, Some(alive));
        assert_eq!(record.duration, Some(6 * SECOND));
        let stays: Vec<_> = record.participants.iter().map(|p| p.duration).collect();
        assert_eq!(stays, [Some(6 * SECOND), Some(5 * SECOND)]);
        for joined in [anna.participant, bert.participant] {
            let left: Vec<_> = record
                .events
                .iter()
                .filter(|e| e.participant == Some(joined))
                .filter(|e| matches!(e.what, Happening::Left(_)))
                .map(|e| e.what)
                .collect();
            assert_eq!(left, [Happening::Left(LeaveReason::TimedOut)]);
        }
        let again = world.join("anna", "r").await;
        assert_ne!(again.snapshot.call.id, call);
    }

    async fn who_returns_after_a_crash_is_the_same_participant(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        // Lost before the crash, nearly out of time; the grace begins anew.
        world.service.disconnected(bert.participant, bert.epoch).await;
        world.clock.advance(19 * SECOND);
        let world = world.crash(&db, CallConfig::default()).await;
        world.clock.advance(19 * SECOND);
        let mut back = world.service.resume(anna.participant, anna.epoch).await.unwrap();
        assert_eq!(back.snapshot.call, anna.snapshot.call);
        assert_eq!(back.snapshot.you, anna.snapshot.you);
        assert_eq!(back.snapshot.media, MediaContinuity::New);
        let others: Vec<_> = back.snapshot.participants.iter().map(|p| p.connection).collect();
        assert_eq!(others, [Connection::Reconnecting]);
        let bert = world.service.resume(bert.participant, bert.epoch).await.unwrap();
        next(&mut back.notices).await;
        world.service.leave(back.participant).await.unwrap();
        world.service.leave(bert.participant).await.unwrap();
        let call = anna.snapshot.call.id;
        let record = world.service.get_call(&principal("anna"), call).await.unwrap();
        assert_eq!(record.duration, Some(38 * SECOND));
    }

    async fn a_stop_is_dated_to_the_moment(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        world.clock.advance(3 * SECOND);
        world.service.stop().await;
        drop(anna.notices);
        world.clock.advance(3_600 * SECOND);
        let world = world.crash(&db, CallConfig::default()).await;
        world.clock.advance(CallConfig::MAX_GRACE);
        let call = anna.snapshot.call.id;
        let record = eventually("the call ends", async || {
            let record = world.service.get_call(&principal("anna"), call).await.unwrap();
            (record.call.status == CallStatus::Ended).then_some(record)
        })
        .await;
        assert_eq!(record.duration, Some(3 * SECOND));
    }
}
