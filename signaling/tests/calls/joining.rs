use std::collections::HashSet;
use std::time::Duration;

use convoke_media::control::CommandError;
use convoke_signaling::domain::call::{CallStatus, EndReason};
use convoke_signaling::domain::participant::{LeaveReason, Role};
use convoke_signaling::domain::principal::{Principal, Standing};
use convoke_signaling::error::CallError;
use convoke_signaling::events::notice::{MediaContinuity, Notice};
use convoke_signaling::service::{CallConfig, Page};
use futures_util::future::join_all;

use crate::common::{World, next, principal, room_name};
use crate::on_both_databases;

on_both_databases! {
    async fn the_first_is_host_and_hears_of_the_second(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        assert_eq!(anna.snapshot.you.role, Role::Host);
        assert_eq!(anna.snapshot.you.name, "Name of anna");
        assert_eq!(anna.snapshot.participants, []);
        assert_eq!(anna.snapshot.media, MediaContinuity::New);

        let bert = world.join("bert", "r").await;
        assert_eq!(bert.snapshot.you.role, Role::Participant);
        assert_eq!(bert.snapshot.call, anna.snapshot.call);
        assert_eq!(bert.snapshot.participants, [anna.snapshot.you.clone()]);
        let heard = next(&mut anna.notices).await;
        assert_eq!(heard, Notice::ParticipantJoined(bert.snapshot.you));
        assert_eq!(world.media.members(), 2);
    }

    async fn one_user_on_two_devices_is_two_participants(db: TestDb) {
        let world = World::new(&db).await;
        let phone = world.join("anna", "r").await;
        let laptop = world.join("anna", "r").await;
        assert_ne!(phone.participant, laptop.participant);
        assert_eq!(laptop.snapshot.you.user, phone.snapshot.you.user);
        assert_eq!(laptop.snapshot.you.role, Role::Host);
        let call = phone.snapshot.call.id;
        let record = world.service.get_call(&principal("anna"), call).await.unwrap();
        assert_eq!(record.participants.len(), 2);
    }

    async fn rooms_do_not_hear_each_other(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "R").await;
        assert_ne!(bert.snapshot.call.id, anna.snapshot.call.id);
        let chris = world.join("chris", "r").await;
        let heard = next(&mut anna.notices).await;
        assert_eq!(heard, Notice::ParticipantJoined(chris.snapshot.you));
    }

    async fn a_proof_for_one_room_opens_no_other(db: TestDb) {
        let world = World::new(&db).await;
        let invited = Principal { room: Some(room_name("r")), ..principal("anna") };
        let refused = world.service.join(&invited, room_name("other")).await;
        assert_eq!(refused.unwrap_err(), CallError::Forbidden);
        let entered = world.service.join(&invited, room_name("r")).await.unwrap();
        // The first of the invited is not the host for that.
        assert_eq!(entered.snapshot.you.role, Role::Participant);
        let backend = Principal { standing: Standing::Backend, ..principal("backend") };
        let refused = world.service.join(&backend, room_name("r")).await;
        assert_eq!(refused.unwrap_err(), CallError::Forbidden);
    }

    async fn of_fifty_one_at_once_fifty_enter(db: TestDb) {
        let world = World::new(&db).await;
        let users: Vec<_> = (0..51).map(|n| principal(&format!("user-{n}"))).collect();
        let all = users.iter().map(|user| world.service.join(user, room_name("r")));
        let (inside, outside): (Vec<_>, Vec<_>) =
            join_all(all).await.into_iter().partition(Result::is_ok);
        assert_eq!((inside.len(), outside.len()), (50, 1));
        let refused = outside.into_iter().find_map(Result::err);
        assert_eq!(refused, Some(CallError::RoomFull { limit: 50 }));
        let inside: Vec<_> = inside.into_iter().flatten().collect();
        let calls: HashSet<_> = inside.iter().map(|joined| joined.snapshot.call.id).collect();
        assert_eq!(calls.len(), 1);
        assert_eq!(world.media.members(), 50);

        // A place becomes free when somebody leaves, not before.
        world.service.leave(inside[7].participant).await.unwrap();
        let late = world.join("late", "r").await;
        assert_eq!(late.snapshot.participants.len(), 49);
    }

    async fn without_media_nobody_enters_and_nobody_hears_of_it(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let full = CommandError::LimitReached { limit: "participants" };
        world.media.refuse(Some(full));
        for room in ["r", "other"] {
            let refused = world.service.join(&principal("bert"), room_name(room)).await;
            assert_eq!(refused.unwrap_err(), CallError::Unavailable);
        }
        world.media.refuse(None);
        let chris = world.join("chris", "r").await;
        assert_eq!(chris.snapshot.participants.len(), 1);
        let heard = next(&mut anna.notices).await;
        assert_eq!(heard, Notice::ParticipantJoined(chris.snapshot.you));

        let page = Page { before: None, limit: 10 };
        let calls = world
            .service
            .list_calls(&principal("bert"), &room_name("other"), page)
            .await
            .unwrap()
            .calls;
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].call.status, CallStatus::Ended);
        assert_eq!(calls[0].call.end_reason, Some(EndReason::Failed));
        let bert = &calls[0].participants[0].participant;
        assert_eq!(bert.leave_reason, Some(LeaveReason::Failed));
    }

    async fn with_too_much_to_do_calls_go_on_and_no_further_one_begins(db: TestDb) {
        let world = World::new(&db).await;
        world.join("anna", "r").await;
        let retry_after = Duration::from_millis(5_200);
        world.media.fill(retry_after);
        let refused = world.service.join(&principal("bert"), room_name("other")).await;
        assert_eq!(refused.unwrap_err(), CallError::Overloaded { retry_after });
        let bert = world.join("bert", "r").await;
        assert_eq!(bert.snapshot.participants.len(), 1);
        world.media.fill(Duration::ZERO);
        world.join("chris", "other").await;
    }

    async fn without_database_nobody_enters(db: TestDb) {
        let world = World::new(&db).await;
        assert_eq!(world.service.ready().await, Ok(()));
        world.store.close().await;
        assert_eq!(world.service.ready().await, Err(CallError::Unavailable));
        let refused = world.service.join(&principal("anna"), room_name("r")).await;
        assert_eq!(refused.unwrap_err(), CallError::Unavailable);
        assert_eq!(world.media.members(), 0);
    }

    async fn an_asker_that_stops_waiting_leaves_nobody_behind(db: TestDb) {
        let grace = CallConfig::default().grace;
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        {
            let (who, room) = (principal("bert"), room_name("r"));
            let joining = world.service.join(&who, room);
            let mut joining = std::pin::pin!(joining);
            // Polled once: it has begun, and is dropped before it is done.
            assert!(futures_util::poll!(&mut joining).is_pending());
        }
        let Notice::ParticipantJoined(bert) = next(&mut anna.notices).await else {
            panic!("bert did not come");
        };
        let Notice::ParticipantChanged(lost) = next(&mut anna.notices).await else {
            panic!("bert is not missed");
        };
        assert_eq!(lost.id, bert.id);
        world.clock.advance(grace);
        let left = Notice::ParticipantLeft {
            participant: bert.id,
            reason: LeaveReason::TimedOut,
        };
        assert_eq!(next(&mut anna.notices).await, left);
    }
}
