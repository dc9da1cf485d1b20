//! Ringing through the service: who is told what on which connection, what survives a
//! restart, and who is busy.

use std::sync::Arc;
use std::time::Duration;

use convoke_signaling::domain::call::{Backend, CallKind, CallMode, EndReason, Nature, Origin};
use convoke_signaling::domain::event::Happening;
use convoke_signaling::domain::lifecycle::HangUp;
use convoke_signaling::domain::participant::{ParticipantStatus, Role};
use convoke_signaling::domain::principal::Principal;
use convoke_signaling::error::CallError;
use convoke_signaling::events::feed::{Feed, News};
use convoke_signaling::ids::UserId;
use convoke_signaling::service::{CallConfig, CallFilter, CallRecord, CallRef, NewCall, mode_of};
use futures_util::future::join_all;

use crate::common::{START, World, eventually, principal, room_name};
use crate::on_both_databases;

pub(crate) fn calling(room: &str, callees: &[&str]) -> NewCall {
    let nature = Nature {
        kind: CallKind::Video,
        mode: mode_of(callees.len()),
        backend: Backend::Sfu,
        origin: Origin::Chat,
    };
    let member = |user: &&str| (UserId::try_from(*user).unwrap(), Role::Participant);
    NewCall {
        members: callees.iter().map(member).collect(),
        ..NewCall::new(room_name(room), nature)
    }
}

async fn call(world: &World, by: &str, room: &str, callees: &[&str]) -> CallRecord {
    let planned = world
        .service
        .plan(&principal(by), calling(room, callees))
        .await;
    planned.unwrap().record
}

fn by_number(record: &CallRecord) -> CallRef {
    CallRef::Number(record.call.number)
}

async fn listen(world: &World, user: &str) -> Feed {
    world.service.subscribe(&principal(user)).await.unwrap()
}

/// The next news that is about ringing, of what and whom.
async fn ring(feed: &mut Feed) -> (Happening, String, Arc<News>) {
    loop {
        let news = tokio::time::timeout(Duration::from_secs(60), feed.recv());
        let news = news.await.expect("no news came").unwrap();
        let what = news.event.what;
        if what == Happening::Ringing || what.stops_ring() {
            let user = news.event.user.as_ref().map(ToString::to_string);
            return (what, user.unwrap_or_default(), news);
        }
    }
}

on_both_databases! {
    async fn a_ring_reaches_every_device_and_stops_on_all(db: TestDb) {
        let world = World::new(&db).await;
        let mut phone = listen(&world, "bert").await;
        let mut laptop = listen(&world, "bert").await;
        let record = call(&world, "anna", "r", &["bert"]).await;
        assert_eq!(record.call.nature.mode, CallMode::Direct);
        for device in [&mut phone, &mut laptop] {
            let (what, user, news) = ring(device).await;
            assert_eq!((what, user.as_str()), (Happening::Ringing, "bert"));
            let until = START + CallConfig::default().ring;
            assert_eq!(news.call.times.rings_until, Some(until));
        }
        // A third device comes late, and is told once.
        let mut late = listen(&world, "bert").await;
        assert_eq!(ring(&mut late).await.0, Happening::Ringing);

        world.service.accept(&principal("bert"), by_number(&record)).await.unwrap();
        world.service.enter(&principal("bert"), by_number(&record), None).await.unwrap();
        for device in [&mut phone, &mut laptop, &mut late] {
            assert_eq!(ring(device).await.0, Happening::Accepted);
            assert_eq!(ring(device).await.0, Happening::Joined);
        }
        assert!(world.store.ringing(&UserId::try_from("bert").unwrap()).await.unwrap().is_empty());
    }

    /// More than there are connections: what begins must not wait for what waits for it.
    async fn forty_call_somebody_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let all = (0..40).map(async |n| {
            let (by, room) = (principal(&format!("caller-{n}")), format!("r{n}"));
            let callee = format!("callee-{n}");
            world.service.plan(&by, calling(&room, &[&callee])).await
        });
        for planned in join_all(all).await {
            planned.unwrap();
        }
    }

    /// Each names the other: their rows are written in one order.
    async fn two_who_call_each_other_at_once_both_do(db: TestDb) {
        let world = World::new(&db).await;
        for round in 0..10 {
            let (anna, bert) = (principal("anna"), principal("bert"));
            let (to_bert, to_anna) = (format!("a{round}"), format!("b{round}"));
            let (one, other) = tokio::join!(
                world.service.plan(&anna, calling(&to_bert, &["bert"])),
                world.service.plan(&bert, calling(&to_anna, &["anna"])),
            );
            one.unwrap();
            other.unwrap();
        }
    }

    async fn nothing_is_left_of_a_call_that_was_answered(db: TestDb) {
        let world = World::new(&db).await;
        call(&world, "anna", "r", &["bert"]).await;
        let anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        assert_eq!((world.service.going_on(), world.service.remembered()), ((1, 2), 2));
        world.service.leave(anna.participant).await.unwrap();
        world.service.leave(bert.participant).await.unwrap();
        assert_eq!((world.service.going_on(), world.service.remembered()), ((0, 0), 0));
    }

    async fn nobody_answers_and_a_restart_does_not_help(db: TestDb) {
        let world = World::new(&db).await;
        let record = call(&world, "anna", "r", &["bert"]).await;
        world.clock.advance(Duration::from_secs(30));
        let world = world.crash(&db, CallConfig::default()).await;
        let mut late = listen(&world, "bert").await;
        assert_eq!(ring(&mut late).await.0, Happening::Ringing);
        world.clock.advance(Duration::from_secs(15));
        assert_eq!(ring(&mut late).await.0, Happening::Missed);
        assert_eq!(ring(&mut late).await.0, Happening::Ended(EndReason::Missed));
        let record = world.service.call(&principal("bert"), &by_number(&record)).await.unwrap();
        assert_eq!(record.call.end_reason, Some(EndReason::Missed));
        assert_eq!(record.people()[1].status, ParticipantStatus::Missed);
    }

    async fn the_callers_cancel_stops_all(db: TestDb) {
        let world = World::new(&db).await;
        let mut bert = listen(&world, "bert").await;
        let mut chris = listen(&world, "chris").await;
        let record = call(&world, "anna", "r", &["bert", "chris"]).await;
        let anna = principal("anna");
        let ended = world.service.hang_up(&anna, by_number(&record), HangUp::Over).await.unwrap();
        assert_eq!(ended.call.end_reason, Some(EndReason::Cancelled));
        for feed in [&mut bert, &mut chris] {
            let user = feed.user().clone();
            loop {
                let (what, _, news) = ring(feed).await;
                if what == Happening::Ended(EndReason::Cancelled) {
                    assert!(news.stops_ring(&user));
                    break;
                }
            }
        }
    }

    async fn who_is_in_a_call_is_busy(db: TestDb) {
        let world = World::new(&db).await;
        let _bert = world.join("bert", "elsewhere").await;
        let anna = principal("anna");
        let refused = world.service.plan(&anna, calling("r", &["bert"])).await.unwrap_err();
        let bert = UserId::try_from("bert").unwrap();
        assert_eq!(refused, CallError::Busy(vec![bert]));
        // Of several the others ring.
        let record = call(&world, "anna", "r", &["bert", "chris"]).await;
        let people = record.people();
        let status = |user: &str| people.iter().find(|p| p.user.as_str() == user).unwrap().status;
        assert_eq!(status("bert"), ParticipantStatus::Missed);
        assert_eq!(status("chris"), ParticipantStatus::Ringing);
    }

    /// Of a Jitsi's room nobody tells us, so that both are still in a talk that is over.
    async fn a_talk_that_is_over_keeps_nobody_from_the_next(db: TestDb) {
        let world = World::new(&db).await;
        let anna = principal("anna");
        let jitsi = |room: &str| {
            let mut new = calling(room, &["bert"]);
            new.nature.backend = Backend::Jitsi;
            new
        };
        let first = world.service.plan(&anna, jitsi("r")).await.unwrap().record;
        for user in ["anna", "bert"] {
            world.service.enter(&principal(user), by_number(&first), None).await.unwrap();
        }
        let chris = principal("chris");
        let refused = world.service.plan(&chris, calling("q", &["bert"])).await;
        assert!(matches!(refused, Err(CallError::Busy(_))), "who has just come is believed");
        world.clock.advance(Duration::from_secs(600));
        // Later somebody else's call rings: nobody knows whether the two still talk.
        let mut bert = listen(&world, "bert").await;
        call(&world, "chris", "s", &["bert"]).await;
        assert_eq!(ring(&mut bert).await.0, Happening::Ringing);
        let second = world.service.plan(&anna, jitsi("t")).await.unwrap().record;
        let first = world.service.call(&anna, &by_number(&first)).await.unwrap();
        assert_eq!(first.call.end_reason, Some(EndReason::Completed));
        // In the new one they are known to be: their application's connections say so.
        for user in ["anna", "bert"] {
            world.service.enter(&principal(user), by_number(&second), None).await.unwrap();
            world.service.came(&principal(user), by_number(&second)).await.unwrap();
        }
        world.clock.advance(Duration::from_secs(600));
        let refused = world.service.plan(&chris, calling("u", &["bert"])).await;
        assert!(matches!(refused, Err(CallError::Busy(_))));
        // Whoever calls again from it is not told that the other is in it.
        world.service.plan(&anna, jitsi("v")).await.unwrap();
        let second = world.service.call(&anna, &by_number(&second)).await.unwrap();
        assert_eq!(second.call.end_reason, None);
    }

    async fn a_page_that_never_came_keeps_nobody_seated(db: TestDb) {
        let world = World::new(&db).await;
        let record = call(&world, "anna", "r", &["bert", "chris"]).await;
        let anna = world.join("anna", "r").await;
        let bert = principal("bert");
        world.service.enter(&bert, by_number(&record), None).await.unwrap();
        // Its page is open, says it, and is not any more.
        for _ in 0..4 {
            world.clock.advance(Duration::from_secs(60));
            world.service.heard(&bert, by_number(&record)).await.unwrap();
        }
        let status = async || {
            let record = world.service.call(&principal("anna"), &by_number(&record)).await;
            record.unwrap().people()[1].clone()
        };
        assert_eq!(status().await.status, ParticipantStatus::Joined);
        world.clock.advance(CallConfig::default().word);
        let left = eventually("bert is out", async || {
            Some(status().await).filter(|bert| bert.status == ParticipantStatus::Left)
        })
        .await;
        assert_eq!(left.left_at, Some(START + Duration::from_secs(240)));
        drop(anna);
    }

    async fn strangers_learn_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let record = call(&world, "anna", "r", &["bert"]).await;
        let (stranger, it) = (principal("dora"), by_number(&record));
        let service = &world.service;
        let tries = [
            service.call(&stranger, &it).await.map(drop),
            service.enter(&stranger, it.clone(), None).await.map(drop),
            service.accept(&stranger, it.clone()).await.map(drop),
            service.decline(&stranger, it.clone()).await.map(drop),
            service.depart(&stranger, it.clone()).await.map(drop),
            service.hang_up(&stranger, it.clone(), HangUp::Over).await.map(drop),
            service.join(&stranger, room_name("r")).await.map(drop),
        ];
        for refused in tries {
            assert_eq!(refused, Err(CallError::NotMember));
        }
        assert!(service.calls_of(&stranger, &CallFilter { limit: 10, ..CallFilter::default() })
            .await.unwrap().is_empty());
    }

    async fn a_device_comes_for_whoever_entered_by_word(db: TestDb) {
        let world = World::new(&db).await;
        let record = call(&world, "anna", "r", &["bert"]).await;
        world.service.enter(&principal("bert"), by_number(&record), None).await.unwrap();
        let bert = world.join("bert", "r").await;
        let anna = world.join("anna", "r").await;
        assert_eq!(anna.snapshot.you.role, Role::Host);
        assert_eq!(anna.snapshot.participants.len(), 1);
        world.service.leave(bert.participant).await.unwrap();
        world.service.leave(anna.participant).await.unwrap();
        let over = eventually("the call ends", async || {
            let record = world.service.call(&principal("bert"), &by_number(&record)).await.unwrap();
            record.call.end_reason.map(|_| record)
        })
        .await;
        assert_eq!(over.call.end_reason, Some(EndReason::Completed));
        assert_eq!(over.people().len(), 2);
        assert_eq!(over.participants.len(), 2);
    }

    async fn a_missed_call_is_told_later(db: TestDb) {
        let world = World::new(&db).await;
        let record = call(&world, "anna", "r", &["bert"]).await;
        world.service.depart(&principal("anna"), by_number(&record)).await.unwrap();
        let pool = db.pool().await;
        let rows: Vec<(String, String)> = sqlx::query_as("select user_id, kind from notifications")
            .fetch_all(&pool)
            .await
            .unwrap();
        assert_eq!(rows, [("bert".to_owned(), "missed_call".to_owned())]);
        pool.close().await;
    }

    /// Whoever holds a link into one room hears nothing of the user's other calls, and
    /// does not say who the user is.
    async fn a_pass_into_one_room_hears_of_no_other(db: TestDb) {
        let world = World::new(&db).await;
        let pass = Principal { room: Some(room_name("mine")), ..principal("bert") };
        let pass = Principal { name: "Somebody else".to_owned(), ..pass };
        call(&world, "anna", "r", &["bert"]).await;
        let mut feed = world.service.subscribe(&pass).await.unwrap();
        call(&world, "anna", "s", &["bert"]).await;
        call(&world, "anna", "mine", &["bert"]).await;
        let (what, _, news) = ring(&mut feed).await;
        assert_eq!((what, news.call.room.as_str()), (Happening::Ringing, "mine"));
        world.service.enter(&pass, CallRef::Room(room_name("mine")), None).await.unwrap();
        let bert = UserId::try_from("bert").unwrap();
        let users = world.store.users([&bert]).await.unwrap();
        assert_eq!(users[&bert].name, "bert");
    }
}
