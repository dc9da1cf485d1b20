use std::time::Duration;

use convoke_signaling::clock::Clock as _;
use convoke_signaling::domain::call::{CallStatus, EndReason};
use convoke_signaling::domain::event::Happening;
use convoke_signaling::domain::participant::{Connection, LeaveReason};
use convoke_signaling::domain::time::UnixMillis;
use convoke_signaling::error::CallError;
use convoke_signaling::events::hub::Closed;
use convoke_signaling::events::notice::{MediaContinuity, Notice};
use convoke_signaling::ids::Epoch;
use convoke_signaling::service::CallConfig;
use futures_util::FutureExt as _;

use crate::common::{START, TestClock, World, eventually, next, principal};
use crate::on_both_databases;

const SECOND: Duration = Duration::from_secs(1);

on_both_databases! {
    async fn who_returns_in_time_stays_the_same_participant(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        world.service.disconnected(bert.participant, bert.epoch).await;
        let Notice::ParticipantChanged(seen) = next(&mut anna.notices).await else {
            panic!("nobody noticed");
        };
        assert_eq!((seen.id, seen.connection), (bert.participant, Connection::Reconnecting));

        world.clock.advance(19 * SECOND);
        let back = world.service.resume(bert.participant, bert.epoch).await.unwrap();
        assert_eq!(back.participant, bert.participant);
        assert_eq!(back.epoch, Epoch(2));
        assert_eq!(back.snapshot.you.connection, Connection::Connected);
        assert_eq!(back.snapshot.participants.len(), 1);
        assert_eq!(back.snapshot.media, MediaContinuity::New);
        let Notice::ParticipantChanged(seen) = next(&mut anna.notices).await else {
            panic!("nobody noticed");
        };
        assert_eq!((seen.id, seen.connection), (bert.participant, Connection::Connected));

        // The deadline is gone, and the old socket's late death means nothing.
        world.service.disconnected(bert.participant, bert.epoch).await;
        world.clock.advance(60 * SECOND);
        let longest = UnixMillis(START.0) + CallConfig::default().max_duration;
        assert_eq!(world.store.next_deadline().await.unwrap(), Some(longest));
        let chris = world.join("chris", "r").await;
        let heard = next(&mut anna.notices).await;
        assert_eq!(heard, Notice::ParticipantJoined(chris.snapshot.you));
    }

    async fn who_does_not_return_is_removed_after_the_grace(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        world.clock.advance(10 * SECOND);
        // A dropped receiver is a lost session.
        let id = bert.participant;
        drop(bert.notices);
        next(&mut anna.notices).await;
        world.clock.advance(CallConfig::MAX_GRACE);
        let left = Notice::ParticipantLeft { participant: id, reason: LeaveReason::TimedOut };
        assert_eq!(next(&mut anna.notices).await, left);
        let late = world.service.resume(id, bert.epoch).await;
        assert_eq!(late.unwrap_err(), CallError::ResumeFailed);

        let call = anna.snapshot.call.id;
        let record = world.service.get_call(&principal("anna"), call).await.unwrap();
        let gone = &record.participants[1];
        assert_eq!(gone.participant.left_at, Some(START + 10 * SECOND));
        assert_eq!(gone.duration, Some(10 * SECOND));
        let left = record.events.iter().filter(|e| {
            e.participant == Some(id) && matches!(e.what, Happening::Left(_))
        });
        assert_eq!(left.count(), 1);
        eventually("bert is out of the media", async || {
            (world.media.members() == 1).then_some(())
        })
        .await;
    }

    async fn resuming_takes_over_from_a_socket_that_looks_alive(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let mut again = world.service.resume(anna.participant, anna.epoch).await.unwrap();
        assert_eq!(anna.notices.recv().await, Err(Closed::Replaced));
        // The answer was lost on its way: the client proves the older attachment again.
        let _third = world.service.resume(anna.participant, anna.epoch).await.unwrap();
        assert_eq!(again.notices.recv().await, Err(Closed::Replaced));
        let never = world.service.resume(anna.participant, Epoch(9)).await;
        assert_eq!(never.unwrap_err(), CallError::ResumeFailed);
    }

    async fn a_slow_reader_is_closed_and_may_resume(db: TestDb) {
        let world = World::new(&db).await;
        let mut slow = world.join("anna", "r").await;
        let mut quick = world.join("bert", "r").await;
        let router = slow.snapshot.call.id.into();
        for _ in 0..300 {
            let speakers = Vec::new();
            let event = convoke_media::control::Event::Speaking { router, speakers };
            world.media_events.send(event).await.unwrap();
            assert_eq!(next(&mut quick.notices).await, Notice::Speaking(Vec::new()));
        }
        assert_eq!(slow.notices.recv().await, Err(Closed::Lagged));
        world.service.disconnected(slow.participant, slow.epoch).await;
        let back = world.service.resume(slow.participant, slow.epoch).await.unwrap();
        assert_eq!(back.snapshot.participants.len(), 1);
    }

    async fn a_clock_set_back_neither_delays_nor_reverses(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        world.clock.advance(5 * SECOND);
        let call = anna.snapshot.call.id;
        world.service.disconnected(anna.participant, anna.epoch).await;
        // Not for the end of the longest call, which it has waited for since the join.
        eventually("the scheduler waits for the deadline", async || {
            world.clock.someone_sleeps(CallConfig::MAX_GRACE).then_some(())
        })
        .await;
        world.clock.set(UnixMillis(START.0 - 3_600_000));
        world.clock.advance(CallConfig::MAX_GRACE);
        let record = eventually("the call ends", async || {
            let record = world.service.get_call(&principal("anna"), call).await.unwrap();
            (record.call.status == CallStatus::Ended).then_some(record)
        })
        .await;
        assert_eq!(record.duration, Some(5 * SECOND));
        assert!(record.events.is_sorted_by_key(|event| event.at));
    }

    async fn an_empty_call_lingers_if_it_may(db: TestDb) {
        let config = CallConfig { linger: 20 * SECOND, ..CallConfig::default() };
        let world = World::with(&db, config).await;
        let anna = world.join("anna", "r").await;
        world.clock.advance(3 * SECOND);
        world.service.leave(anna.participant).await.unwrap();
        world.clock.advance(19 * SECOND);
        let back = world.join("anna", "r").await;
        assert_eq!(back.snapshot.call.id, anna.snapshot.call.id);
        world.clock.advance(SECOND);
        world.service.leave(back.participant).await.unwrap();
        world.clock.advance(20 * SECOND);
        let record = eventually("the call ends", async || {
            let call = anna.snapshot.call.id;
            let record = world.service.get_call(&principal("anna"), call).await.unwrap();
            (record.call.status == CallStatus::Ended).then_some(record)
        })
        .await;
        assert_eq!(record.duration, Some(23 * SECOND));
        assert_eq!(record.call.end_reason, Some(EndReason::Completed));
    }
}

/// A deadline that passes between reading the time and falling asleep would be slept over.
#[tokio::test]
async fn what_has_passed_before_the_sleep_is_not_slept() {
    let clock = TestClock::new(START);
    let sleep = clock.sleep_until(START + SECOND);
    clock.advance(SECOND);
    assert_eq!(sleep.now_or_never(), Some(()));
}
