use std::time::Duration;

use convoke_signaling::domain::event::Happening;
use convoke_signaling::domain::participant::LeaveReason;
use convoke_signaling::domain::principal::{Principal, Standing};
use convoke_signaling::error::CallError;
use convoke_signaling::service::Page;

use crate::common::{World, principal, room_name};
use crate::on_both_databases;

const SECOND: Duration = Duration::from_secs(1);

on_both_databases! {
    async fn everything_is_on_record_in_order(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        world.clock.advance(SECOND);
        let bert = world.join("bert", "r").await;
        world.clock.advance(SECOND);
        let call = anna.snapshot.call.id;
        let record = world.service.get_call(&principal("bert"), call).await.unwrap();
        // Up to now, while it goes on.
        assert_eq!(record.duration, Some(2 * SECOND));
        assert_eq!(record.participants[1].duration, Some(SECOND));

        world.service.leave(bert.participant).await.unwrap();
        world.service.end_call(anna.participant).await.unwrap();
        let record = world.service.get_call(&principal("bert"), call).await.unwrap();
        let events: Vec<_> = record
            .events
            .iter()
            .map(|e| (e.seq, e.user.as_ref().map(|u| u.as_str()), e.what))
            .collect();
        let ended = record.call.end_reason.unwrap();
        let want = [
            (1, Some("anna"), Happening::Initiated),
            (2, Some("anna"), Happening::Joined),
            (3, Some("bert"), Happening::Joined),
            (4, Some("bert"), Happening::Left(LeaveReason::Left)),
            (5, Some("anna"), Happening::Left(LeaveReason::CallEnded)),
            (6, Some("anna"), Happening::Ended(ended)),
        ];
        assert_eq!(events, want);
        assert_eq!(record.call.initiated_by.unwrap().as_str(), "anna");
    }

    async fn only_those_who_took_part_or_oversee_the_room_see_a_call(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let call = anna.snapshot.call.id;
        let moderator = |only: Option<&str>| Principal {
            room: only.map(room_name),
            moderator: true,
            ..principal("somebody")
        };
        let backend = Principal { standing: Standing::Backend, ..principal("key") };
        let elsewhere = Principal { room: Some(room_name("other")), ..principal("anna") };
        let cases = [
            (principal("anna"), true),
            (principal("stranger"), false),
            (moderator(Some("r")), true),
            (moderator(Some("other")), false),
            (moderator(None), true),
            (backend, true),
            (elsewhere, false),
        ];
        let page = Page { before: None, limit: 10 };
        for (who, sees) in cases {
            let one = world.service.get_call(&who, call).await;
            assert_eq!(one.is_ok(), sees, "{who:?}");
            let list = world.service.list_calls(&who, &room_name("r"), page).await;
            let listed = list.is_ok_and(|list| list.calls.len() == 1);
            assert_eq!(listed, sees, "{who:?}");
        }
    }

    async fn lists_come_in_pages_latest_first(db: TestDb) {
        let world = World::new(&db).await;
        let mut made = Vec::new();
        for n in 0..7 {
            let anna = world.join("anna", "r").await;
            if n % 2 == 0 {
                world.join("bert", "r").await;
            }
            world.join("anna", "other").await;
            world.service.end_call(anna.participant).await.unwrap();
            made.push(anna.snapshot.call.id);
        }
        made.reverse();
        let list = async |user: &str, limit| {
            let (who, room) = (principal(user), room_name("r"));
            let (mut ids, mut before) = (Vec::new(), None);
            loop {
                let page = Page { before, limit };
                let list = world.service.list_calls(&who, &room, page);
                let list = list.await.unwrap();
                assert!(list.calls.iter().all(|call| !call.participants.is_empty()));
                assert!(list.calls.len() <= limit as usize);
                ids.extend(list.calls.iter().map(|record| record.call.id));
                before = list.next;
                if before.is_none() {
                    return ids;
                }
            }
        };
        assert_eq!(list("anna", 3).await, made);
        assert_eq!(list("anna", 7).await, made);
        let with_bert: Vec<_> = made.iter().copied().step_by(2).collect();
        assert_eq!(list("bert", 1).await, with_bert);
        assert_eq!(list("stranger", 5).await, []);

        let unknown = Page { before: Some("00000000-0000-7000-8000-000000000000".parse().unwrap()), limit: 1 };
        let refused = world.service.list_calls(&principal("anna"), &room_name("r"), unknown).await;
        assert_eq!(refused, Err(CallError::UnknownCall));
    }
}
