//! Who is there by its word: how long it is believed, and what ends that.

use super::ringing::{called, depart, enter, person, plan};
use super::*;
use crate::domain::call::{Backend, CallMode, Origin};

/// A talk of two who entered by REST, at time 10; their rows are 101 and 102.
fn talk(backend: Backend) -> CallState {
    let mut state = called(Origin::Chat, CallMode::Direct);
    state.call.nature.backend = backend;
    for transition in [plan(&[2], &[], true), enter(1), enter(2)] {
        state.apply(transition, UnixMillis(10), &RULES).unwrap();
    }
    state
}

fn at(state: &mut CallState, time: i64, transition: Transition) -> Outcome {
    state.apply(transition, UnixMillis(time), &RULES).unwrap()
}

fn set_word(n: u8, due: i64) -> DeadlineChange {
    DeadlineChange::Set(Deadline::Word(id(n)), UnixMillis(due))
}

fn clear_word(n: u8) -> DeadlineChange {
    DeadlineChange::Clear(Deadline::Word(id(n)))
}

fn heard(n: u8) -> Transition {
    Transition::Heard { user: person(n) }
}

fn word_over(n: u8) -> Transition {
    Transition::WordOver { participant: id(n) }
}

fn supersede(n: u8) -> Transition {
    Transition::Supersede { by: person(n) }
}

#[test]
fn a_word_is_believed_for_a_while() {
    for (backend, due) in [(Backend::Sfu, 8_010), (Backend::Jitsi, 9_010)] {
        let mut state = called(Origin::Chat, CallMode::Direct);
        state.call.nature.backend = backend;
        at(&mut state, 1, plan(&[2], &[], true));
        let entered = at(&mut state, 10, enter(2));
        assert!(
            entered.deadlines.contains(&set_word(102, due)),
            "{backend:?}"
        );
        at(&mut state, due, word_over(102));
        let left = state.people().find(|p| p.id == id(102)).unwrap();
        assert_eq!(left.leave_reason, Some(LeaveReason::TimedOut));
        assert_eq!(left.left_at, Some(UnixMillis(10)), "when it was last heard");
    }
}

#[test]
fn every_sign_of_life_renews_it_but_not_every_one_is_written() {
    let mut state = talk(Backend::Sfu);
    assert!(at(&mut state, 1_000, heard(2)).is_empty());
    for (time, sign) in [
        (2_000, heard(2)),
        (4_000, enter(2)),
        (
            6_000,
            Transition::SetMedia {
                user: person(2),
                change: MediaChange::default(),
            },
        ),
        (
            8_000,
            Transition::Start {
                by: Some(person(2)),
            },
        ),
    ] {
        let outcome = at(&mut state, time, sign);
        assert!(
            outcome.deadlines.contains(&set_word(102, time + 8_000)),
            "{time}"
        );
        assert_eq!(outcome.events, []);
    }
}

#[test]
fn what_stands_for_it_needs_no_word() {
    let mut state = talk(Backend::Sfu);
    let back = at(&mut state, 20, Transition::Back { user: person(2) });
    assert_eq!(
        (back.events.len(), back.deadlines),
        (0, vec![clear_word(102)])
    );
    // The one that comes late, the pages that close, and a word more.
    for transition in [
        word_over(102),
        Transition::Gone { user: person(2) },
        heard(2),
    ] {
        let outcome = at(&mut state, 9_000, transition);
        assert_eq!(outcome.changed, []);
    }
    let device = at(&mut state, 9_001, join(1));
    assert_eq!(device.deadlines, [clear_word(101)]);
    assert!(state.present.iter().all(|p| !p.unheld()));
}

#[test]
fn a_page_that_is_closed_may_be_opened_again() {
    let mut state = talk(Backend::Sfu);
    let gone = at(&mut state, 20, Transition::Gone { user: person(2) });
    let grace = DeadlineChange::Set(Deadline::Grace(id(102)), UnixMillis(120));
    assert_eq!(gone.deadlines, [grace, clear_word(102)]);
    let mut reloaded = state.clone();
    let again = at(&mut reloaded, 30, heard(2));
    assert!(again.deadlines.contains(&set_word(102, 8_030)));
    let grace = Transition::GraceOver {
        participant: id(102),
    };
    at(&mut reloaded, 120, grace.clone());
    assert_eq!(reloaded.present.len(), 2);
    at(&mut state, 120, grace);
    assert_eq!(state.present.len(), 1);
}

#[test]
fn calling_anew_ends_what_nobody_is_known_to_be_in() {
    let held = |n| Transition::Back { user: person(n) };
    // what happened since, who calls anew → whether the talk is over
    let cases = [
        ("both in a Jitsi, or gone", vec![], 1, true),
        ("the one who was called calls back", vec![], 2, true),
        ("the other has left", vec![depart(2)], 2, true),
        ("the caller is known to be there", vec![held(1)], 2, false),
        ("on a device", vec![join(2)], 1, false),
        ("a stranger", vec![], 9, false),
    ];
    for (what, since, by, over) in cases {
        let mut state = talk(Backend::Jitsi);
        for transition in since {
            at(&mut state, 20, transition);
        }
        at(&mut state, 30, supersede(by));
        let completed = state.call.end_reason == Some(EndReason::Completed);
        assert_eq!(completed, over, "{what}");
    }
    let mut rings = called(Origin::Chat, CallMode::Direct);
    at(&mut rings, 1, plan(&[2], &[], true));
    at(&mut rings, 2, enter(1));
    at(&mut rings, 3, supersede(2));
    assert_eq!(rings.call.end_reason, None, "it rings");
    let mut group = called(Origin::ChatRoom, CallMode::Group);
    for transition in [plan(&[2, 3], &[], true), enter(2), enter(3)] {
        at(&mut group, 1, transition);
    }
    at(&mut group, 60, Transition::RingOver);
    at(&mut group, 70, supersede(1));
    assert_eq!(group.call.end_reason, None, "others may be in it");
}

#[test]
fn a_restart_loses_what_stood_for_it_and_not_its_word() {
    let recover = || Transition::Recover {
        last_alive: UnixMillis(15),
    };
    for backend in [Backend::Sfu, Backend::Jitsi] {
        let mut state = talk(backend);
        at(&mut state, 20, Transition::Back { user: person(1) });
        let outcome = at(&mut state, 30, recover());
        let (grace, word) = (Deadline::Grace(id(101)), Deadline::Word(id(101)));
        let want = match backend {
            Backend::Sfu => DeadlineChange::Set(grace, UnixMillis(130)),
            Backend::Jitsi => DeadlineChange::Set(word, UnixMillis(9_030)),
        };
        assert_eq!(outcome.deadlines, [want], "{backend:?}");
    }
}
