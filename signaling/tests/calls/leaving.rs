use std::time::Duration;

use convoke_media::control::Command;
use convoke_signaling::domain::call::{Backend, CallStatus, EndReason, Origin};
use convoke_signaling::domain::lifecycle::HangUp;
use convoke_signaling::domain::participant::LeaveReason;
use convoke_signaling::domain::principal::{Principal, Standing};
use convoke_signaling::domain::tenancy::Wish;
use convoke_signaling::error::CallError;
use convoke_signaling::events::hub::Closed;
use convoke_signaling::events::notice::Notice;
use convoke_signaling::service::{CallRef, RoomRequest};

use crate::common::{World, eventually, next, principal, room_name};
use crate::on_both_databases;
use crate::ringing::calling;

on_both_databases! {
    async fn others_hear_of_it_and_the_last_one_ends_the_call(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let mut bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        world.clock.advance(Duration::from_secs(10));
        world.service.leave(anna.participant).await.unwrap();
        let left = Notice::ParticipantLeft {
            participant: anna.participant,
            reason: LeaveReason::Left,
        };
        assert_eq!(next(&mut bert.notices).await, left);
        assert_eq!(anna.notices.recv().await, Err(Closed::Over));
        let gone = Command::RemoveParticipant { participant: anna.participant.into() };
        eventually("anna is removed from the media", async || {
            let log = world.media.take_log();
            log.iter().any(|c| format!("{c:?}") == format!("{gone:?}")).then_some(())
        })
        .await;

        world.clock.advance(Duration::from_secs(5));
        // Twice is once.
        world.service.leave(bert.participant).await.unwrap();
        world.service.leave(bert.participant).await.unwrap();
        let call = anna.snapshot.call.id;
        let record = world.service.get_call(&principal("bert"), call).await.unwrap();
        assert_eq!(record.call.status, CallStatus::Ended);
        assert_eq!(record.call.end_reason, Some(EndReason::Completed));
        assert_eq!(record.duration, Some(Duration::from_secs(15)));
        let durations: Vec<_> = record.participants.iter().map(|p| p.duration).collect();
        assert_eq!(durations, [10, 15].map(|s| Some(Duration::from_secs(s))));
        eventually("the router is closed", async || {
            (world.media.members() == 0).then_some(())
        })
        .await;

        let again = world.join("anna", "r").await;
        assert_ne!(again.snapshot.call.id, call);
        assert_eq!(again.snapshot.participants, []);
    }

    async fn hosts_end_for_everybody_and_others_may_not(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let mut bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        let refused = world.service.end_call(bert.participant).await;
        assert_eq!(refused, Err(CallError::Forbidden));
        world.service.end_call(anna.participant).await.unwrap();
        for joined in [&mut anna, &mut bert] {
            let last = next(&mut joined.notices).await;
            assert_eq!(last, Notice::CallEnded(EndReason::Completed));
            assert_eq!(joined.notices.recv().await, Err(Closed::Over));
        }
        let again = world.service.end_call(anna.participant).await;
        assert_eq!(again, Err(CallError::NotInCall));
        eventually("everybody is out of the media", async || {
            (world.media.members() == 0).then_some(())
        })
        .await;
    }

    /// As by REST: either of two hangs up where the call is as much the one's as the other's.
    async fn either_of_two_hangs_up_on_a_device(db: TestDb) {
        let world = World::new(&db).await;
        for (origin, may) in [(Origin::ChatRoom, true), (Origin::Chat, false)] {
            let room = origin.as_str();
            let mut new = calling(room, &["bert"]);
            new.nature.origin = origin;
            let call = world.service.plan(&principal("anna"), new).await.unwrap().record.call;
            let anna = world.join("anna", room).await;
            let bert = world.join("bert", room).await;
            let ended = world.service.end_call(bert.participant).await;
            assert_eq!(ended, if may { Ok(()) } else { Err(CallError::Forbidden) });
            // The same by its word.
            let by_word = CallRef::Id(call.id);
            let ended = world.service.hang_up(&principal("bert"), by_word, HangUp::Over).await;
            assert_eq!(ended.is_ok(), may, "{origin:?}");
            drop((anna, bert));
        }
    }

    /// Who says that it is a guest of the room is that, also where it comes first.
    async fn whoever_comes_first_by_an_invitation_leads_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let room = room_name("r");
        let invited = Principal { room: Some(room.clone()), ..principal("anna") };
        let anna = world.service.join(&invited, room.clone()).await.unwrap();
        let _bert = world.join("bert", "r").await;
        let call = anna.snapshot.call.id;
        let refused = Err(CallError::Forbidden);
        assert_eq!(world.service.end_call(anna.participant).await, refused);
        assert_eq!(world.service.end_call_as(&invited, call).await, refused);
        let moderates = RoomRequest {
            room,
            backend: Backend::Sfu,
            wishes: vec![Wish { user: invited.user.clone(), moderator: true }],
            making: false,
        };
        let given = world.service.admit(&principal("anna"), moderates).await;
        assert_eq!(given.unwrap_err(), CallError::Forbidden);
        world.service.leave(anna.participant).await.unwrap();
        assert_eq!(world.service.end_call_as(&invited, call).await, refused);
    }

    async fn a_caller_who_hangs_up_on_its_device_cancels(db: TestDb) {
        let world = World::new(&db).await;
        let new = calling("r", &["bert"]);
        let call = world.service.plan(&principal("anna"), new).await.unwrap().record.call;
        let anna = world.join("anna", "r").await;
        world.service.end_call(anna.participant).await.unwrap();
        let record = world.service.get_call(&principal("anna"), call.id).await.unwrap();
        assert_eq!(record.call.end_reason, Some(EndReason::Cancelled));
    }

    async fn from_outside_only_those_who_oversee_the_room_end(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let _bert = world.join("bert", "r").await;
        let call = anna.snapshot.call.id;
        let elsewhere = Principal {
            room: Some(room_name("other")),
            moderator: true,
            ..principal("anna")
        };
        let cases = [
            (principal("stranger"), Err(CallError::NotMember)),
            (elsewhere, Err(CallError::NotMember)),
            (principal("bert"), Err(CallError::Forbidden)),
            (Principal { standing: Standing::Backend, ..principal("key") }, Ok(())),
        ];
        for (who, want) in cases {
            let got = world.service.end_call_as(&who, call).await;
            assert_eq!(got, want, "{who:?}");
        }
        // Ending it twice is ending it once, for whoever might have.
        let again = world.service.end_call_as(&principal("anna"), call).await;
        assert_eq!(again, Ok(()));
    }

    async fn who_is_gone_can_do_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let _bert = world.join("bert", "r").await;
        world.service.leave(anna.participant).await.unwrap();
        let candidate = world.service.candidate(anna.participant, String::new()).await;
        assert_eq!(candidate, Err(CallError::NotInCall));
        let slots = world.service.set_slots(anna.participant, Vec::new()).await;
        assert_eq!(slots, Err(CallError::NotInCall));
        let ended = world.service.end_call(anna.participant).await;
        assert_eq!(ended, Err(CallError::NotInCall));
        let resumed = world.service.resume(anna.participant, anna.epoch).await;
        assert_eq!(resumed.unwrap_err(), CallError::ResumeFailed);
    }
}
