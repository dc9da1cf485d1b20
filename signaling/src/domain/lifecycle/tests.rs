//! Tables of what transitions do; those of ringing and of viewers are files of their own.

mod presence;
mod ringing;
mod watching;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::call::Nature;
use crate::domain::participant::LeaveReason;
use crate::ids::{CallId, Epoch, RoomName};

const RULES: Rules = Rules {
    max_participants: 3,
    grace: Duration::from_millis(100),
    linger: Duration::ZERO,
    planned_linger: Duration::from_millis(500),
    ring: Duration::from_millis(50),
    word: Duration::from_millis(8_000),
    word_elsewhere: Duration::from_millis(9_000),
    max_duration: Duration::from_millis(10_000),
};

fn id(n: u8) -> ParticipantId {
    ParticipantId::from_uuid(Uuid::from_u128(n.into()))
}

fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

fn state() -> CallState {
    let call = CallId::from_uuid(Uuid::nil());
    let room = RoomName::try_from("r").unwrap();
    CallState::new(Call::pending(call, room, Nature::AD_HOC, UnixMillis(0)))
}

fn join(n: u8) -> Transition {
    Transition::Join(Newcomer {
        id: id(n),
        user: user(&format!("user-{n}")),
        name: format!("User {n}"),
        avatar_url: None,
        role: Role::Participant,
        admitted: false,
        by_word: false,
    })
}

fn watch(n: u8) -> Transition {
    match join(n) {
        Transition::Join(newcomer) => Transition::Watch(newcomer),
        other => other,
    }
}

fn lose(n: u8, epoch: u32) -> Transition {
    Transition::Disconnect {
        participant: id(n),
        epoch: Epoch(epoch),
    }
}

fn resume(n: u8) -> Transition {
    resume_from(n, 1)
}

fn resume_from(n: u8, epoch: u32) -> Transition {
    Transition::Resume {
        participant: id(n),
        epoch: Epoch(epoch),
    }
}

fn leave(n: u8) -> Transition {
    Transition::Leave {
        participant: id(n),
        reason: LeaveReason::Left,
    }
}

fn grace_over(n: u8) -> Transition {
    Transition::GraceOver { participant: id(n) }
}

fn end() -> Transition {
    Transition::End {
        by: None,
        reason: EndReason::Completed,
    }
}

fn recover(last_alive: i64) -> Transition {
    Transition::Recover {
        last_alive: UnixMillis(last_alive),
    }
}

/// Plays `script`, (time, transition) each; every transition must be possible.
fn play(rules: &Rules, script: Vec<(i64, Transition)>) -> (CallState, Vec<Outcome>) {
    let mut state = state();
    let outcomes = script
        .into_iter()
        .map(|(at, transition)| state.apply(transition, UnixMillis(at), rules).unwrap())
        .collect();
    (state, outcomes)
}

fn happenings(outcomes: &[Outcome]) -> Vec<Happening> {
    let events = outcomes.iter().flat_map(|outcome| &outcome.events);
    events.map(|event| event.what).collect()
}

#[test]
fn what_each_script_records() {
    use Happening::{Disconnected, Ended, Initiated, Joined, Left, Resumed};
    let left = Left(LeaveReason::Left);
    let timed_out = Left(LeaveReason::TimedOut);
    let done = Ended(EndReason::Completed);
    let cases = [
        (
            "the last to leave ends the call",
            vec![(1, join(1)), (2, join(2)), (3, leave(1)), (4, leave(2))],
            vec![Initiated, Joined, Joined, left, left, done],
        ),
        (
            "leaving twice is leaving once",
            vec![(1, join(1)), (2, join(2)), (3, leave(1)), (4, leave(1))],
            vec![Initiated, Joined, Joined, left],
        ),
        (
            "a lost one that returns stays",
            vec![
                (1, join(1)),
                (2, lose(1, 1)),
                (3, resume(1)),
                (102, grace_over(1)),
            ],
            vec![Initiated, Joined, Disconnected, Resumed],
        ),
        (
            "a lost one that does not return has left",
            vec![(1, join(1)), (2, lose(1, 1)), (102, grace_over(1))],
            vec![Initiated, Joined, Disconnected, timed_out, done],
        ),
        (
            "losing a session twice is losing it once",
            vec![(1, join(1)), (2, lose(1, 1)), (3, lose(1, 1))],
            vec![Initiated, Joined, Disconnected],
        ),
        (
            "an old session's death does not hurt the new one",
            vec![(1, join(1)), (2, resume(1)), (3, lose(1, 1))],
            vec![Initiated, Joined, Resumed],
        ),
        (
            "ending takes everybody out",
            vec![
                (1, join(1)),
                (2, join(2)),
                (3, end()),
                (4, end()),
                (5, leave(1)),
            ],
            vec![
                Initiated,
                Joined,
                Joined,
                Left(LeaveReason::CallEnded),
                Left(LeaveReason::CallEnded),
                done,
            ],
        ),
        (
            "nobody's session survives the server",
            vec![
                (1, join(1)),
                (2, join(2)),
                (3, lose(1, 1)),
                (50, recover(9)),
            ],
            vec![Initiated, Joined, Joined, Disconnected, Disconnected],
        ),
        (
            "what was never there cannot leave",
            vec![(1, leave(1)), (2, lose(2, 1))],
            vec![],
        ),
    ];
    for (name, script, want) in cases {
        let (_, outcomes) = play(&RULES, script);
        assert_eq!(happenings(&outcomes), want, "{name}");
    }
}

#[test]
fn a_full_call_refuses_and_takes_another_after_somebody_left() {
    let (mut state, _) = play(&RULES, vec![(1, join(1)), (1, join(2)), (1, join(3))]);
    let refused = state.apply(join(4), UnixMillis(2), &RULES);
    assert_eq!(refused, Err(Refusal::Full { limit: 3 }));
    // Those who may return keep their place.
    state.apply(lose(2, 1), UnixMillis(3), &RULES).unwrap();
    let refused = state.apply(join(4), UnixMillis(4), &RULES);
    assert_eq!(refused, Err(Refusal::Full { limit: 3 }));
    state.apply(grace_over(2), UnixMillis(103), &RULES).unwrap();
    assert!(state.apply(join(4), UnixMillis(104), &RULES).is_ok());
}

#[test]
fn who_does_not_return_left_when_it_was_lost() {
    let script = vec![
        (10, join(1)),
        (20, join(2)),
        (30, lose(2, 1)),
        (70, leave(1)),
        (130, grace_over(2)),
    ];
    let (state, outcomes) = play(&RULES, script);
    let gone = outcomes.last().unwrap().changed.first().unwrap();
    assert_eq!(gone.left_at, Some(UnixMillis(30)));
    assert_eq!(gone.duration(), Some(Duration::from_millis(10)));
    // The call was still going on while the other one was there.
    assert_eq!(state.call.times.ended, Some(UnixMillis(70)));
    assert_eq!(state.call.duration(), Some(Duration::from_millis(60)));
}

#[test]
fn after_a_crash_the_end_is_when_the_server_was_last_alive() {
    let script = vec![
        (10, join(1)),
        (40, join(2)),
        (9_000, recover(500)),
        (9_100, grace_over(1)),
        (9_100, grace_over(2)),
    ];
    let (state, outcomes) = play(&RULES, script);
    assert_eq!(state.call.times.ended, Some(UnixMillis(500)));
    assert_eq!(state.call.end_reason, Some(EndReason::Completed));
    let recovered = &outcomes[2];
    let due = UnixMillis(9_100);
    let fresh = [1, 2].map(|n| DeadlineChange::Set(Deadline::Grace(id(n)), due));
    assert_eq!(recovered.deadlines, fresh);
    // A heartbeat that lies beyond either end of the stay is not believed.
    for (last_alive, want) in [(5, 10), (20_000, 9_000)] {
        let script = vec![
            (10, join(1)),
            (9_000, recover(last_alive)),
            (9_100, grace_over(1)),
        ];
        let (state, _) = play(&RULES, script);
        assert_eq!(state.call.times.ended, Some(UnixMillis(want)));
    }
}

#[test]
fn an_empty_call_lingers_as_long_as_it_may() {
    let rules = Rules {
        linger: Duration::from_millis(50),
        ..RULES
    };
    let (state, outcomes) = play(&rules, vec![(1, join(1)), (10, leave(1))]);
    assert_eq!(state.call.status, CallStatus::Ongoing);
    let set = DeadlineChange::Set(Deadline::Linger, UnixMillis(60));
    assert_eq!(outcomes[1].deadlines, [set]);

    let mut returned = state.clone();
    returned.apply(join(2), UnixMillis(20), &rules).unwrap();
    let late = returned.apply(Transition::LingerOver, UnixMillis(60), &rules);
    assert!(late.unwrap().events.is_empty());
    assert_eq!(returned.call.status, CallStatus::Ongoing);

    let mut empty = state;
    empty
        .apply(Transition::LingerOver, UnixMillis(60), &rules)
        .unwrap();
    assert_eq!(empty.call.times.ended, Some(UnixMillis(10)));
    assert_eq!(
        empty.apply(join(3), UnixMillis(61), &rules),
        Err(Refusal::Ended)
    );
}

#[test]
fn an_attachment_that_never_was_resumes_nothing() {
    let (mut state, _) = play(&RULES, vec![(1, join(1)), (2, resume(1)), (3, resume(1))]);
    assert_eq!(state.present[0].presence.epoch, Epoch(3));
    let refused = state.apply(resume_from(1, 4), UnixMillis(4), &RULES);
    assert_eq!(refused, Err(Refusal::NotPresent));
    let refused = state.apply(resume(2), UnixMillis(4), &RULES);
    assert_eq!(refused, Err(Refusal::NotPresent));
    // Two attachments ago: whoever holds that has been replaced, and not by itself.
    let refused = state.apply(resume_from(1, 1), UnixMillis(4), &RULES);
    assert_eq!(refused, Err(Refusal::NotPresent));
    assert_eq!(state.present[0].presence.epoch, Epoch(3));
    state
        .apply(resume_from(1, 2), UnixMillis(4), &RULES)
        .unwrap();
}

#[test]
fn a_call_that_media_refused_has_failed() {
    let failed = Transition::Leave {
        participant: id(1),
        reason: LeaveReason::Failed,
    };
    let (state, _) = play(&RULES, vec![(1, join(1)), (2, failed)]);
    assert_eq!(state.call.end_reason, Some(EndReason::Failed));
}

#[test]
fn a_clock_set_back_makes_no_time_run_backwards() {
    let (state, outcomes) = play(&RULES, vec![(5_000, join(1)), (1_000, join(2)), (0, end())]);
    assert_eq!(state.call.duration(), Some(Duration::ZERO));
    let events: Vec<_> = outcomes.iter().flat_map(|o| &o.events).collect();
    assert!(events.iter().all(|event| event.at == UnixMillis(5_000)));
}

fn anything() -> impl Strategy<Value = Transition> {
    prop_oneof![
        4 => (1u8..6).prop_map(join),
        2 => (1u8..6).prop_map(watch),
        3 => (1u8..6, 1u32..4).prop_map(|(n, epoch)| lose(n, epoch)),
        3 => (1u8..6, 1u32..4).prop_map(|(n, epoch)| resume_from(n, epoch)),
        3 => (1u8..6).prop_map(leave),
        2 => (1u8..6).prop_map(grace_over),
        1 => Just(end()),
        1 => Just(Transition::LingerOver),
        1 => (0i64..2_000).prop_map(recover),
    ]
}

proptest! {
    /// Whatever is asked, in whatever order, how often, and whatever the clock says.
    #[test]
    fn any_sequence_keeps_the_books(
        script in proptest::collection::vec((0i64..2_000, anything()), 1..80),
        linger in prop_oneof![Just(0u64), Just(40)],
    ) {
        let rules = Rules { linger: Duration::from_millis(linger), ..RULES };
        let mut state = state();
        let mut events: Vec<CallEvent> = Vec::new();
        let mut grace = std::collections::HashSet::new();
        for (now, transition) in script {
            // A participant's id is made once.
            if let Transition::Join(newcomer) | Transition::Watch(newcomer) = &transition
                && events.iter().any(|event| event.participant == Some(newcomer.id)) {
                continue;
            }
            let mut next = state.clone();
            let Ok(outcome) = next.apply(transition, UnixMillis(now), &rules) else { continue };
            state = next;
            for change in &outcome.deadlines {
                match change {
                    DeadlineChange::Set(Deadline::Grace(id), _) => { grace.insert(*id); }
                    DeadlineChange::Clear(Deadline::Grace(id)) => { grace.remove(id); }
                    _ => {}
                }
            }
            for gone in outcome.changed.iter().filter(|p| p.left_at.is_some()) {
                prop_assert!(gone.left_at >= gone.joined_at);
                prop_assert!(gone.presence.lost_at.is_none());
            }
            events.extend(outcome.events);

            // Exactly those who may return have a deadline.
            let lost = state.present.iter().filter(|p| p.presence.lost_at.is_some()).map(|p| p.id);
            let lost: std::collections::HashSet<_> = lost.collect();
            prop_assert_eq!(&grace, &lost);
            prop_assert!(state.present.len() <= 3);
        }
        let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
        prop_assert_eq!(seqs, (1..=state.call.last_event).collect::<Vec<_>>());
        prop_assert!(events.is_sorted_by_key(|event| event.at));
        for n in 1..6 {
            let about = |what: fn(&Happening) -> bool| {
                events.iter().filter(|e| e.participant == Some(id(n)) && what(&e.what)).count()
            };
            let joined = about(|what| matches!(what, Happening::Joined));
            let left = about(|what| matches!(what, Happening::Left(_)));
            let there = usize::from(state.find(id(n)).is_some());
            prop_assert_eq!(joined, left + there);
        }
        let ended = events.iter().filter(|e| matches!(e.what, Happening::Ended(_))).count();
        prop_assert_eq!(ended, usize::from(state.call.status == CallStatus::Ended));
        if ended == 1 {
            prop_assert!(state.present.is_empty());
            prop_assert!(state.call.times.ended >= state.call.times.last_left);
        }
    }
}
