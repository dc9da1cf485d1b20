//! Whatever is asked of the service in whatever order, the books are right: exactly
//! one `left` for each `joined`, events numbered without gaps, and memory, database
//! and media core agree on who is there.

use std::collections::HashMap;
use std::time::Duration;

use convoke_signaling::domain::call::CallStatus;
use convoke_signaling::domain::event::Happening;
use convoke_signaling::domain::principal::{Principal, Standing};
use convoke_signaling::ids::{CallId, Epoch, ParticipantId};
use convoke_signaling::service::{CallConfig, CallRecord, Joined};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{Engine, TestDb, World, eventually, principal, room_name};

const USERS: [&str; 3] = ["anna", "bert", "chris"];
const ROOMS: [&str; 2] = ["r", "s"];

/// One request, or one stroke of fate. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Join(usize, usize),
    Leave(usize),
    Lose(usize),
    DropReceiver(usize),
    Resume(usize, u32),
    End(usize),
    EndAs(usize),
    Wait(u64),
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..USERS.len(), 0..ROOMS.len()).prop_map(|(user, room)| Step::Join(user, room)),
        3 => any::<usize>().prop_map(Step::Leave),
        3 => any::<usize>().prop_map(Step::Lose),
        2 => any::<usize>().prop_map(Step::DropReceiver),
        3 => (any::<usize>(), 1u32..4).prop_map(|(who, epoch)| Step::Resume(who, epoch)),
        1 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::EndAs),
        3 => (0u64..40).prop_map(Step::Wait),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..30)
}

fn config() -> CallConfig {
    CallConfig {
        max_participants: 4,
        ..CallConfig::default()
    }
}

/// Everybody who ever joined, and the attachments that the test holds.
#[derive(Default)]
struct Known {
    joined: Vec<(ParticipantId, Epoch, CallId)>,
    attached: HashMap<ParticipantId, Joined>,
}

impl Known {
    fn choose(&self, number: usize) -> Option<(ParticipantId, Epoch, CallId)> {
        let index = number.checked_rem(self.joined.len())?;
        self.joined.get(index).copied()
    }

    fn hold(&mut self, joined: Joined) {
        let entry = (joined.participant, joined.epoch, joined.snapshot.call.id);
        match self.joined.iter_mut().find(|(id, _, _)| *id == entry.0) {
            Some(known) => *known = entry,
            None => self.joined.push(entry),
        }
        self.attached.insert(entry.0, joined);
    }
}

async fn take(world: World, db: &TestDb, known: &mut Known, step: Step) -> World {
    let service = &world.service;
    match step {
        Step::Join(user, room) => {
            let joined = service
                .join(&principal(USERS[user]), room_name(ROOMS[room]))
                .await;
            joined.into_iter().for_each(|joined| known.hold(joined));
        }
        Step::Wait(seconds) => world.clock.advance(Duration::from_secs(seconds)),
        Step::Crash => {
            let world = world.crash(db, config()).await;
            known.attached.clear();
            return world;
        }
        Step::Leave(n)
        | Step::Lose(n)
        | Step::DropReceiver(n)
        | Step::Resume(n, _)
        | Step::End(n)
        | Step::EndAs(n) => {
            if let Some((id, epoch, call)) = known.choose(n) {
                act(&world, known, &step, (id, epoch, call)).await;
            }
        }
    }
    world
}

/// A refusal is an answer as good as any: only the books count.
async fn act(
    world: &World,
    known: &mut Known,
    step: &Step,
    (id, epoch, call): (ParticipantId, Epoch, CallId),
) {
    let service = &world.service;
    match step {
        Step::Leave(_) => service.leave(id).await.unwrap(),
        Step::Lose(_) => service.disconnected(id, epoch).await,
        Step::DropReceiver(_) => drop(known.attached.remove(&id)),
        Step::Resume(_, claimed) => {
            let resumed = service.resume(id, Epoch(*claimed)).await;
            resumed.into_iter().for_each(|joined| known.hold(joined));
        }
        Step::End(_) => drop(service.end_call(id).await),
        _ => drop(service.end_call_as(&principal(USERS[0]), call).await),
    }
}

async fn play(db: &TestDb, steps: Vec<Step>) {
    let mut world = World::with(db, config()).await;
    let mut known = Known::default();
    for step in steps {
        world = take(world, db, &mut known, step).await;
    }
    // Everybody hangs up: whoever is left has left when the grace is over.
    known.attached.clear();
    eventually("all calls end", async || {
        world.clock.advance(CallConfig::MAX_GRACE);
        world
            .store
            .live_calls()
            .await
            .unwrap()
            .is_empty()
            .then_some(())
    })
    .await;
    let backend = Principal {
        standing: Standing::Backend,
        ..principal("key")
    };
    for (_, _, call) in &known.joined {
        check(&world.service.get_call(&backend, *call).await.unwrap());
    }
    assert_eq!(world.store.next_deadline().await.unwrap(), None);
    eventually("the media core is empty", async || {
        (world.media.members() == 0).then_some(())
    })
    .await;
    world.store.close().await;
}

fn check(record: &CallRecord) {
    assert_eq!(record.call.status, CallStatus::Ended);
    let seqs: Vec<_> = record.events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=record.call.last_event).collect::<Vec<_>>());
    assert!(record.events.is_sorted_by_key(|event| event.at));
    for entry in &record.participants {
        let participant = &entry.participant;
        let count = |what: fn(&Happening) -> bool| {
            let about = |id| id == Some(participant.id);
            let events = record.events.iter();
            events
                .filter(|e| about(e.participant) && what(&e.what))
                .count()
        };
        assert_eq!(count(|what| matches!(what, Happening::Joined)), 1);
        assert_eq!(count(|what| matches!(what, Happening::Left(_))), 1);
        assert!(participant.left_at >= participant.joined_at);
        assert!(participant.left_at <= record.call.times.ended);
    }
    let ended = record
        .events
        .iter()
        .filter(|e| matches!(e.what, Happening::Ended(_)));
    assert_eq!(ended.count(), 1);
    assert!(record.call.times.ended >= record.call.times.started);
}

fn run(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let db = TestDb::new(engine).await;
            play(&db, steps).await;
        });
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_sequence_on_sqlite() {
    run(Engine::Sqlite, 48);
}

#[test]
fn any_sequence_on_postgres() {
    run(Engine::Postgres, 12);
}
