use std::time::Duration;

use convoke_media::control::{
    Command, CommandError, Event, Offer, PublishIntent, SlotAssignment, SlotState, Source, Speaker,
    Strain, TrackId, TransportState,
};
use convoke_media::ids::{Mid, Rid};
use convoke_signaling::domain::participant::{PublishState, TrackState};
use convoke_signaling::error::CallError;
use convoke_signaling::events::notice::{MediaContinuity, Notice};
use convoke_signaling::service::{CallConfig, Joined};

use crate::common::{World, eventually, next, principal, room_name};
use crate::on_both_databases;
use crate::ringing::calling;

fn offer() -> Offer {
    Offer {
        sdp: "offer".to_owned(),
        publish: Vec::new(),
    }
}

fn mid(name: &str) -> Mid {
    Mid::try_from(name).unwrap()
}

on_both_databases! {
    async fn what_the_media_core_says_reaches_whom_it_concerns(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let mut bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        let answer = world.service.offer(bert.participant, offer()).await.unwrap();
        assert_eq!(answer.sdp, "answer to offer");

        let track = TrackId { participant: anna.participant.into(), source: Source::Camera };
        let slot = SlotAssignment { mid: mid("3"), state: SlotState::Active(track) };
        let speaker = Speaker { participant: anna.participant.into(), level: 20 };
        let participant = bert.participant.into();
        let router = bert.snapshot.call.id.into();
        let wanted = vec![Rid::try_from("q").unwrap()];
        let layers = Notice::Layers { source: Source::Camera, wanted: wanted.clone() };
        let events = [
            Event::Transport { participant, state: TransportState::Connected },
            Event::Slots { participant, assignments: vec![slot] },
            Event::Layers { participant, source: Source::Camera, wanted: wanted.clone() },
            Event::Speaking { router, speakers: vec![speaker] },
            Event::Strained { router, strain: Strain::FewerPictures },
        ];
        for event in events {
            world.media_events.send(event).await.unwrap();
        }
        let transport = Notice::Transport(TransportState::Connected);
        for want in [&transport, &Notice::Slots(vec![slot]), &layers] {
            assert_eq!(next(&mut bert.notices).await, *want);
        }
        for joined in [&mut anna, &mut bert] {
            assert_eq!(next(&mut joined.notices).await, Notice::Speaking(vec![speaker]));
            let strained = Notice::Strained(Strain::FewerPictures);
            assert_eq!(next(&mut joined.notices).await, strained);
        }

        // Who comes back gets it all at once, and goes on with the media it had.
        let mut back = world.service.resume(bert.participant, bert.epoch).await.unwrap();
        assert_eq!(next(&mut back.notices).await, layers);
        assert_eq!(back.snapshot.media, MediaContinuity::Kept);
        assert_eq!(back.snapshot.slots, [slot]);
        assert_eq!(back.snapshot.speakers, [speaker]);
        assert_eq!(back.snapshot.strain, Strain::FewerPictures);
    }

    async fn everybody_sees_who_publishes_what(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        let steps = [
            (Source::Microphone, PublishState::Live, vec![(Source::Microphone, false)]),
            (
                Source::Camera,
                PublishState::Muted,
                vec![(Source::Microphone, false), (Source::Camera, true)],
            ),
            (Source::Microphone, PublishState::Off, vec![(Source::Camera, true)]),
        ];
        for (source, state, want) in steps {
            world.service.set_publish(bert.participant, source, state).await.unwrap();
            // Said twice, told once.
            world.service.set_publish(bert.participant, source, state).await.unwrap();
            let Notice::ParticipantChanged(bert) = next(&mut anna.notices).await else {
                panic!("nobody was told");
            };
            let want: Vec<_> =
                want.into_iter().map(|(source, muted)| TrackState { source, muted }).collect();
            assert_eq!(bert.tracks, want);
        }
        let late = world.join("late", "r").await;
        assert_eq!(late.snapshot.participants[1].tracks.len(), 1);
    }

    async fn what_is_negotiated_is_live_unless_said_otherwise(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        let bert = world.join("bert", "r").await;
        next(&mut anna.notices).await;
        let sending = |sources: &[Source]| Offer {
            publish: sources
                .iter()
                .map(|source| PublishIntent { mid: mid("0"), source: *source })
                .collect(),
            ..offer()
        };
        let (mic, camera) = (Source::Microphone, Source::Camera);
        let seen = async |anna: &mut Joined| {
            let Notice::ParticipantChanged(bert) = next(&mut anna.notices).await else {
                panic!("nobody was told");
            };
            bert.tracks.iter().map(|t| (t.source, t.muted)).collect::<Vec<_>>()
        };
        world.service.offer(bert.participant, sending(&[mic, camera])).await.unwrap();
        assert_eq!(seen(&mut anna).await, [(mic, false), (camera, false)]);
        world.service.set_publish(bert.participant, mic, PublishState::Muted).await.unwrap();
        assert_eq!(seen(&mut anna).await, [(mic, true), (camera, false)]);
        world.service.offer(bert.participant, sending(&[mic])).await.unwrap();
        assert_eq!(seen(&mut anna).await, [(mic, true)]);
    }

    async fn a_lost_router_is_opened_again_by_the_next_offer(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = world.join("anna", "r").await;
        world.service.offer(anna.participant, offer()).await.unwrap();
        let muted = (Source::Microphone, PublishState::Muted);
        world.service.set_publish(anna.participant, muted.0, muted.1).await.unwrap();
        next(&mut anna.notices).await;

        let router = anna.snapshot.call.id.into();
        world.media.lose(router);
        // Before the news has come the offer fails like any other of a busy server.
        let early = world.service.offer(anna.participant, offer()).await;
        assert_eq!(early.unwrap_err(), CallError::Unavailable);
        world.media_events.send(Event::RouterLost { router }).await.unwrap();
        let Notice::Rejoined(snapshot) = next(&mut anna.notices).await else {
            panic!("anna was not told");
        };
        assert_eq!(snapshot.media, MediaContinuity::New);
        assert_eq!(snapshot.you.tracks.len(), 1);

        world.media.take_log();
        world.service.offer(anna.participant, offer()).await.unwrap();
        assert_eq!(world.media.members(), 1);
        // And what was muted is still muted.
        let log = world.media.take_log();
        let muted = |command: &Command| {
            matches!(command, Command::SetMuted { source: Source::Microphone, muted: true, .. })
        };
        assert!(log.iter().any(muted), "{log:?}");
    }

    async fn what_a_router_leaves_out_is_known_from_its_opening(db: TestDb) {
        let config = CallConfig { linger: Duration::from_secs(60), ..CallConfig::default() };
        let world = World::with(&db, config).await;
        let (plan, room) = (calling("r", &["bert"]), room_name("r"));
        world.service.plan(&principal("anna"), plan).await.unwrap();
        // Whoever answers the ring finds a worker that sheds.
        for strain in [Strain::FewerPictures, Strain::None, Strain::SmallerPictures] {
            world.media.open_with(strain, &world.media_events);
            let mut first = world.service.join(&principal("bert"), room.clone()).await.unwrap();
            let mut known = first.snapshot.strain;
            let router = first.snapshot.call.id.into();
            let last = Event::Speaking { router, speakers: Vec::new() };
            world.media_events.send(last).await.unwrap();
            loop {
                match next(&mut first.notices).await {
                    Notice::Strained(strain) => known = strain,
                    Notice::Speaking(_) => break,
                    _ => {}
                }
            }
            assert_eq!(known, strain);
            let second = world.service.join(&principal("anna"), room.clone()).await.unwrap();
            assert_eq!(second.snapshot.strain, strain);
            // Empty it lingers, without a Router: the next may be on another worker.
            for joined in [first, second] {
                world.service.leave(joined.participant).await.unwrap();
            }
            eventually("the router is empty", async || {
                (world.media.members() == 0).then_some(())
            })
            .await;
        }
    }

    async fn refusals_have_names(db: TestDb) {
        use convoke_media::control::OfferError;
        let world = World::new(&db).await;
        let anna = world.join("anna", "r").await;
        let missing = OfferError::Missing("fingerprint");
        let cases = [
            (CommandError::Offer(missing.clone()), CallError::Offer(missing)),
            (CommandError::UnknownSlot(mid("7")), CallError::UnknownSlot(mid("7"))),
            (CommandError::Unavailable, CallError::Unavailable),
        ];
        for (refusal, want) in cases {
            world.media.refuse(Some(refusal));
            let refused = world.service.offer(anna.participant, offer()).await;
            assert_eq!(refused.unwrap_err(), want);
        }
    }
}
