//! Whoever leads a call mutes everybody else in it, and each may unmute itself again.

use convoke_media::control::{Command, CommandError, Event, Offer, PublishIntent, Source, Speaker};
use convoke_media::ids::Mid;
use convoke_signaling::domain::participant::PublishState;
use convoke_signaling::domain::principal::{Principal, Standing};
use convoke_signaling::error::CallError;
use convoke_signaling::events::notice::{Actor, Muted, Notice};
use convoke_signaling::ids::ParticipantId;
use convoke_signaling::service::{CallRef, Joined, Silenced};

use crate::common::{World, next, principal};
use crate::on_both_databases;

const MIC: Source = Source::Microphone;

/// Joins and sends a microphone and a camera, the microphone in this state.
async fn publishing(world: &World, user: &str, mic: PublishState) -> Joined {
    let joined = world.join(user, "r").await;
    let line = |mid, source| PublishIntent {
        mid: Mid::try_from(mid).unwrap(),
        source,
    };
    let publish = vec![line("0", MIC), line("1", Source::Camera)];
    let offer = Offer {
        sdp: "offer".to_owned(),
        publish,
    };
    world
        .service
        .offer(joined.participant, offer)
        .await
        .unwrap();
    world
        .service
        .set_publish(joined.participant, MIC, mic)
        .await
        .unwrap();
    joined
}

fn silenced(who: &[&Joined]) -> Vec<Silenced> {
    let one = |joined: &&Joined| Silenced {
        participant: joined.participant,
        user: joined.snapshot.you.user.clone(),
    };
    who.iter().map(one).collect()
}

fn by_anna() -> Muted {
    let anna = principal("anna");
    Muted {
        source: MIC,
        by: Some(Actor {
            user: anna.user,
            name: anna.name,
        }),
    }
}

/// Everything told so far, with everything that was asked for told.
async fn heard(world: &World, joined: &mut Joined) -> Vec<Notice> {
    let (participant, router) = (joined.participant.into(), joined.snapshot.call.id.into());
    let last = vec![Speaker {
        participant,
        level: 1,
    }];
    let event = Event::Speaking {
        router,
        speakers: last.clone(),
    };
    world.media_events.send(event).await.unwrap();
    let mut heard = Vec::new();
    loop {
        match next(&mut joined.notices).await {
            Notice::Speaking(speakers) if speakers == last => return heard,
            Notice::Speaking(_) => {}
            notice => heard.push(notice),
        }
    }
}

/// Of whom it was told that its microphone is now so.
fn told_of(notices: &[Notice], muted: bool) -> Vec<ParticipantId> {
    let changed = notices.iter().filter_map(|notice| match notice {
        Notice::ParticipantChanged(view) => Some(view),
        _ => None,
    });
    let so = |track: &convoke_signaling::domain::participant::TrackState| {
        track.source == MIC && track.muted == muted
    };
    changed
        .filter(|view| view.tracks.iter().any(so))
        .map(|view| view.id)
        .collect()
}

fn told_to(notices: &[Notice]) -> Vec<Muted> {
    let muted = notices.iter().filter_map(|notice| match notice {
        Notice::Muted(muted) => Some(muted.clone()),
        _ => None,
    });
    muted.collect()
}

/// Whom the media core was told to mute or not, by microphone alone.
fn commanded(world: &World) -> Vec<(ParticipantId, bool)> {
    let log = world.media.take_log().into_iter();
    let muting = log.filter_map(|command| match command {
        Command::SetMuted {
            participant,
            source,
            muted,
        } => {
            assert_eq!(source, MIC);
            Some((participant.into(), muted))
        }
        _ => None,
    });
    muting.collect()
}

on_both_databases! {
    async fn everybody_else_is_muted_and_told_and_may_unmute(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = publishing(&world, "anna", PublishState::Live).await;
        let mut bert = publishing(&world, "bert", PublishState::Live).await;
        let mut cara = publishing(&world, "cara", PublishState::Muted).await;
        let second = publishing(&world, "anna", PublishState::Live).await;
        let mut dora = publishing(&world, "dora", PublishState::Live).await;
        let listener = world.join("emil", "r").await;
        for joined in [&mut anna, &mut bert, &mut cara, &mut dora] {
            heard(&world, joined).await;
        }
        world.media.take_log();

        // Not who asks, on whatever device, nor who is muted or sends nothing.
        let muted = world.service.mute_others(anna.participant).await.unwrap();
        assert_eq!(muted, silenced(&[&bert, &dora]));
        let both = [bert.participant, dora.participant];
        assert_eq!(commanded(&world), both.map(|id| (id, true)));
        for (joined, want) in [
            (&mut anna, vec![]),
            (&mut bert, vec![by_anna()]),
            (&mut cara, vec![]),
            (&mut dora, vec![by_anna()]),
        ] {
            let notices = heard(&world, joined).await;
            assert_eq!(told_of(&notices, true), both);
            assert_eq!(told_to(&notices), want);
            // Its button is not to say otherwise than its tile.
            let own = |n: &Notice| matches!(n, Notice::ParticipantChanged(p) if p.id == joined.participant);
            let told = |n: &Notice| matches!(n, Notice::Muted(_));
            assert!(notices.iter().position(own) <= notices.iter().position(told));
        }
        let late = world.join("late", "r").await;
        let live: Vec<_> = late.snapshot.participants.iter()
            .filter(|p| p.tracks.iter().any(|t| t.source == MIC && !t.muted))
            .map(|p| p.id)
            .collect();
        assert_eq!(live, [anna.participant, second.participant]);
        drop(listener);

        // Twice is once.
        assert_eq!(world.service.mute_others(anna.participant).await.unwrap(), []);
        assert_eq!(commanded(&world), []);
        heard(&world, &mut anna).await;
        world.service.set_publish(bert.participant, MIC, PublishState::Live).await.unwrap();
        assert_eq!(commanded(&world), [(bert.participant, false)]);
        let notices = heard(&world, &mut anna).await;
        assert_eq!(told_of(&notices, false), [bert.participant]);
        heard(&world, &mut bert).await;
        // And may be muted anew.
        let again = world.service.mute_others(anna.participant).await.unwrap();
        assert_eq!(again, silenced(&[&bert]));
        assert_eq!(told_to(&heard(&world, &mut bert).await), [by_anna()]);
    }

    async fn only_those_who_lead_the_call_may(db: TestDb) {
        let world = World::new(&db).await;
        let mut anna = publishing(&world, "anna", PublishState::Live).await;
        let bert = publishing(&world, "bert", PublishState::Live).await;
        let call = anna.snapshot.call.id;
        let by_id = || CallRef::Id(call);
        heard(&world, &mut anna).await;
        world.media.take_log();

        let service = &world.service;
        let refused = service.mute_others(bert.participant).await;
        assert_eq!(refused, Err(CallError::Forbidden));
        let refused = service.mute_others_as(&principal("bert"), by_id()).await;
        assert_eq!(refused, Err(CallError::Forbidden));
        let refused = service.mute_others_as(&principal("stranger"), by_id()).await;
        assert_eq!(refused, Err(CallError::NotMember));
        assert_eq!(commanded(&world), []);

        let host = service.mute_others_as(&principal("anna"), by_id()).await;
        assert_eq!(host, Ok(silenced(&[&bert])));
        service.set_publish(bert.participant, MIC, PublishState::Live).await.unwrap();
        // A moderator by its proof need not be inside.
        let moderator = Principal { moderator: true, ..principal("olga") };
        let all = silenced(&[&anna, &bert]);
        assert_eq!(service.mute_others_as(&moderator, by_id()).await, Ok(all));
        let by = Actor { user: moderator.user, name: moderator.name };
        let told = told_to(&heard(&world, &mut anna).await);
        assert_eq!(told, [Muted { source: MIC, by: Some(by) }]);
        // The host application is nobody in person, and nobody is left out for it.
        for id in [anna.participant, bert.participant] {
            service.set_publish(id, MIC, PublishState::Live).await.unwrap();
        }
        let backend = Principal { standing: Standing::Backend, ..principal("anna") };
        let all = silenced(&[&anna, &bert]);
        assert_eq!(service.mute_others_as(&backend, by_id()).await, Ok(all));
        let told = told_to(&heard(&world, &mut anna).await);
        assert_eq!(told, [Muted { source: MIC, by: None }]);

        service.leave(bert.participant).await.unwrap();
        assert_eq!(service.mute_others(bert.participant).await, Err(CallError::NotInCall));
        service.end_call(anna.participant).await.unwrap();
        assert_eq!(service.mute_others(anna.participant).await, Err(CallError::NotInCall));
        let over = service.mute_others_as(&principal("anna"), by_id()).await;
        assert_eq!(over, Err(CallError::Over));
    }

    async fn who_was_away_learns_of_it_on_coming_back(db: TestDb) {
        let world = World::new(&db).await;
        let anna = publishing(&world, "anna", PublishState::Live).await;
        let bert = publishing(&world, "bert", PublishState::Live).await;
        world.service.disconnected(bert.participant, bert.epoch).await;
        let muted = world.service.mute_others(anna.participant).await.unwrap();
        assert_eq!(muted, silenced(&[&bert]));

        // Once more when the news is lost again, until it says what it does now.
        let mut epoch = bert.epoch;
        for state in [None, Some(PublishState::Muted), Some(PublishState::Live)] {
            let back = world.service.resume(bert.participant, epoch).await.unwrap();
            epoch = back.epoch;
            let told = (state != Some(PublishState::Live)).then(by_anna);
            assert_eq!(back.muted, told, "{state:?}");
            assert!(back.snapshot.you.tracks.iter().any(|t| t.source == MIC && t.muted));
            if let Some(state) = state {
                // What it says of its camera is no answer.
                for source in [Source::Camera, MIC] {
                    let said = world.service.set_publish(bert.participant, source, state);
                    said.await.unwrap();
                }
            } else {
                let camera = (Source::Camera, PublishState::Muted);
                let said = world.service.set_publish(bert.participant, camera.0, camera.1);
                said.await.unwrap();
            }
            world.service.disconnected(bert.participant, epoch).await;
        }
        let back = world.service.resume(bert.participant, epoch).await.unwrap();
        assert_eq!(back.muted, None);
        assert!(back.snapshot.you.tracks.iter().any(|t| t.source == MIC && !t.muted));
    }

    async fn a_lost_worker_does_not_unmute(db: TestDb) {
        let world = World::new(&db).await;
        let anna = publishing(&world, "anna", PublishState::Live).await;
        let mut bert = publishing(&world, "bert", PublishState::Live).await;
        heard(&world, &mut bert).await;
        let router = anna.snapshot.call.id.into();
        world.media.lose(router);
        // The worker that knows nothing of Bert has nothing to send of it either.
        let muted = world.service.mute_others(anna.participant).await.unwrap();
        assert_eq!(muted, silenced(&[&bert]));
        world.media_events.send(Event::RouterLost { router }).await.unwrap();
        while !matches!(next(&mut bert.notices).await, Notice::Rejoined(_)) {}
        world.media.take_log();
        let offer = Offer { sdp: "offer".to_owned(), publish: Vec::new() };
        world.service.offer(bert.participant, offer).await.unwrap();
        let again = |command: &Command| {
            let bert = bert.participant.into();
            matches!(command, Command::SetMuted { participant, source: MIC, muted: true }
                if *participant == bert)
        };
        let log = world.media.take_log();
        assert!(log.iter().any(again), "{log:?}");
    }

    async fn what_the_worker_does_not_do_is_told_to_nobody(db: TestDb) {
        let world = World::new(&db).await;
        let anna = publishing(&world, "anna", PublishState::Live).await;
        let mut bert = publishing(&world, "bert", PublishState::Live).await;
        heard(&world, &mut bert).await;
        world.media.refuse(Some(CommandError::Unavailable));
        let failed = world.service.mute_others(anna.participant).await;
        assert_eq!(failed, Err(CallError::Unavailable));
        assert_eq!(heard(&world, &mut bert).await, []);
        world.media.refuse(None);
        let muted = world.service.mute_others(anna.participant).await.unwrap();
        assert_eq!(muted, silenced(&[&bert]));
    }
}
