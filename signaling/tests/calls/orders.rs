//! Requests of several people about one Call, at once, twice and in any order: what
//! comes of them is what comes of some order of them one after another.

use std::collections::BTreeSet;
use std::time::Duration;

use convoke_signaling::domain::call::{Admission, Call, CallStatus, EndReason, Origin};
use convoke_signaling::domain::lifecycle::{
    CallState, HangUp, Invitee, Newcomer, Plan, Rules, Transition,
};
use convoke_signaling::domain::participant::{ParticipantStatus, Role};
use convoke_signaling::domain::time::UnixMillis;
use convoke_signaling::ids::{CallId, ParticipantId, UserId};
use convoke_signaling::service::CallRef;
use futures_util::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::common::{Engine, START, TestDb, World, principal, room_name};
use crate::ringing::calling;

/// The first one calls the others.
const USERS: [&str; 3] = ["anna", "bert", "chris"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Enter(usize),
    Accept(usize),
    Decline(usize),
    Depart(usize),
    End,
    Cancel,
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let who = 0..USERS.len();
    let request = prop_oneof![
        4 => who.clone().prop_map(Request::Enter),
        2 => who.clone().prop_map(Request::Accept),
        3 => who.clone().prop_map(Request::Decline),
        3 => who.prop_map(Request::Depart),
        1 => Just(Request::End),
        1 => Just(Request::Cancel),
    ];
    // Each perhaps twice: seven requests have five thousand orders.
    let twice = (request, any::<bool>());
    proptest::collection::vec(twice, 1..5).prop_map(|all| {
        let all = all.into_iter();
        let mut all: Vec<_> = all
            .flat_map(|(request, twice)| std::iter::repeat_n(request, 1 + usize::from(twice)))
            .collect();
        all.truncate(7);
        all
    })
}

/// All that an order of requests can make a difference to.
type Result = (CallStatus, Option<EndReason>, Vec<ParticipantStatus>);

async fn really(world: &World, room: &str, requests: &[Request]) -> Result {
    let planned = world
        .service
        .plan(&principal(USERS[0]), calling(room, &USERS[1..]))
        .await;
    let call = CallRef::Id(planned.unwrap().record.call.id);
    // A refusal is an answer as good as any: only what comes of it counts.
    join_all(requests.iter().map(async |request| {
        let (service, call) = (&world.service, call.clone());
        let user = |n: usize| principal(USERS[n]);
        let done = match *request {
            Request::Enter(n) => service.enter(&user(n), call, None).await,
            Request::Accept(n) => service.accept(&user(n), call).await,
            Request::Decline(n) => service.decline(&user(n), call).await,
            Request::Depart(n) => service.depart(&user(n), call).await,
            Request::End => service.hang_up(&user(0), call, HangUp::Over).await,
            Request::Cancel => service.hang_up(&user(0), call, HangUp::Cancel).await,
        };
        drop(done);
    }))
    .await;
    let record = world
        .service
        .call(&principal(USERS[0]), &call)
        .await
        .unwrap();
    let people = record.people();
    let status = |user: &&str| {
        people
            .iter()
            .find(|p| p.user.as_str() == *user)
            .unwrap()
            .status
    };
    let statuses = USERS.iter().map(status).collect();
    (record.call.status, record.call.end_reason, statuses)
}

fn user(n: usize) -> UserId {
    UserId::try_from(USERS[n]).unwrap()
}

fn rules() -> Rules {
    Rules {
        max_participants: 50,
        grace: Duration::from_secs(20),
        linger: Duration::ZERO,
        planned_linger: Duration::ZERO,
        word: Duration::from_secs(3_600),
        word_elsewhere: Duration::from_secs(3_600),
        ring: Duration::from_secs(45),
        max_duration: Duration::from_secs(86_400),
    }
}

/// The same Call, in nothing but the domain.
fn planned() -> CallState {
    let nature = calling("r", &USERS[1..]).nature;
    assert_eq!(nature.origin, Origin::Chat);
    let id = CallId::from_uuid(Uuid::nil());
    let mut call = Call::pending(id, room_name("r"), nature, START);
    call.about.admission = Admission::Members;
    let members = (0..USERS.len()).map(|n| Invitee {
        id: ParticipantId::from_uuid(Uuid::new_v4()),
        user: user(n),
        name: USERS[n].to_owned(),
        avatar_url: None,
        role: if n == 0 {
            Role::Host
        } else {
            Role::Participant
        },
        busy: false,
    });
    let plan = Plan {
        by: Some(user(0)),
        members: members.collect(),
        ring: true,
        scheduled: None,
        over_at: None,
    };
    let mut state = CallState::new(call);
    state
        .apply(Transition::Plan(plan), START, &rules())
        .unwrap();
    state
}

fn transition(request: Request) -> Transition {
    match request {
        Request::Enter(n) => Transition::Join(Newcomer {
            id: ParticipantId::from_uuid(Uuid::new_v4()),
            user: user(n),
            name: USERS[n].to_owned(),
            avatar_url: None,
            role: Role::Participant,
            admitted: false,
            by_word: true,
        }),
        Request::Accept(n) => Transition::Accept { user: user(n) },
        Request::Decline(n) => Transition::Decline { user: user(n) },
        Request::Depart(n) => Transition::Depart { user: user(n) },
        Request::End | Request::Cancel => Transition::HangUp {
            by: Some(user(0)),
            how: match request {
                Request::End => HangUp::Over,
                _ => HangUp::Cancel,
            },
        },
    }
}

/// What comes of every order of `left`, one request after another.
fn in_some_order(state: &CallState, left: &[Request], results: &mut Vec<Result>) {
    if left.is_empty() {
        let latest = |n: usize| {
            let rows = state.people().filter(|p| p.user == user(n));
            rows.max_by_key(|p| p.status == ParticipantStatus::Joined)
                .unwrap()
                .status
        };
        let statuses = (0..USERS.len()).map(latest).collect();
        let result = (state.call.status, state.call.end_reason, statuses);
        if !results.contains(&result) {
            results.push(result);
        }
        return;
    }
    let mut tried = BTreeSet::new();
    for (n, request) in left.iter().enumerate() {
        if !tried.insert(format!("{request:?}")) {
            continue;
        }
        let mut next = state.clone();
        if next
            .apply(transition(*request), UnixMillis(START.0 + 1), &rules())
            .is_err()
        {
            next = state.clone();
        }
        let mut rest = left.to_vec();
        rest.remove(n);
        in_some_order(&next, &rest, results);
    }
}

fn run(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (db, world) = runtime.block_on(async {
        let db = TestDb::new(engine).await;
        let world = World::new(&db).await;
        (db, world)
    });
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let room = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&requests(), |requests| {
        room.set(room.get() + 1);
        let got = runtime.block_on(really(&world, &format!("r{}", room.get()), &requests));
        let mut possible = Vec::new();
        in_some_order(&planned(), &requests, &mut possible);
        prop_assert!(possible.contains(&got), "{got:?} is none of {possible:?}");
        // Nobody stays behind who would be busy in the next case.
        runtime.block_on(async {
            let call = CallRef::Room(room_name(&format!("r{}", room.get())));
            let ended = world
                .service
                .hang_up(&principal(USERS[0]), call, HangUp::Over)
                .await;
            drop(ended);
        });
        Ok(())
    });
    outcome.unwrap();
    drop(db);
}

#[test]
fn any_order_at_once_on_sqlite() {
    run(Engine::Sqlite, 64);
}

#[test]
fn any_order_at_once_on_postgres() {
    run(Engine::Postgres, 24);
}
