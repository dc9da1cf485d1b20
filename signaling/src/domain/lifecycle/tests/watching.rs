//! Who only receives: counted and recorded, and a reason for nothing.

use super::*;
use crate::domain::call::{About, Admission};

/// What the last transition of a script set or cleared.
fn deadlines(script: Vec<(i64, Transition)>) -> (CallState, Vec<DeadlineChange>) {
    let (state, outcomes) = play(&RULES, script);
    (state, outcomes.last().unwrap().deadlines.clone())
}

#[test]
fn what_becomes_of_a_call_with_viewers() {
    use CallStatus::{Ended, Ongoing, Pending};
    // script → status, whether anybody is the initiator, how many are present
    let cases = [
        (vec![watch(1)], Pending, false, 1),
        (vec![watch(1), leave(1)], Ended, false, 0),
        (vec![watch(1), watch(2), leave(1)], Pending, false, 1),
        (vec![watch(1), join(2)], Ongoing, true, 2),
        (vec![join(2), watch(1), leave(1)], Ongoing, true, 1),
        (vec![join(2), watch(1), leave(2)], Ongoing, true, 1),
        (vec![join(2), watch(1), leave(2), leave(1)], Ended, true, 0),
        (
            vec![join(2), watch(1), leave(2), Transition::LingerOver],
            Ended,
            true,
            0,
        ),
        (
            vec![join(2), watch(1), leave(2), join(3), Transition::LingerOver],
            Ongoing,
            true,
            2,
        ),
        (vec![watch(1), lose(1, 1), grace_over(1)], Ended, false, 0),
    ];
    for (script, status, initiated, present) in cases {
        let shown = format!("{script:?}");
        let script = (0..).zip(script).collect();
        let (state, _) = play(&RULES, script);
        let call = &state.call;
        let got = (
            call.status,
            call.initiated_by.is_some(),
            state.present.len(),
        );
        assert_eq!(got, (status, initiated, present), "{shown}");
    }
}

#[test]
fn viewers_wait_a_minute_for_their_broadcaster() {
    let (_, set) = deadlines(vec![(0, join(1)), (1, watch(2)), (10, leave(1))]);
    let due = UnixMillis(10 + 60_000);
    assert_eq!(set, [DeadlineChange::Set(Deadline::Linger, due)]);
    let back = vec![(0, join(1)), (1, watch(2)), (10, leave(1)), (20, join(1))];
    let (_, cleared) = deadlines(back);
    assert_eq!(cleared, [DeadlineChange::Clear(Deadline::Linger)]);
    let over = vec![
        (0, join(1)),
        (1, watch(2)),
        (10, leave(1)),
        (70_000, Transition::LingerOver),
    ];
    let (state, _) = deadlines(over);
    assert_eq!(
        state.call.times.ended,
        Some(UnixMillis(10)),
        "with who took part"
    );
    // Another viewer is not whom they wait for.
    let more = vec![(0, join(1)), (1, watch(2)), (10, leave(1)), (20, watch(3))];
    let (_, none) = deadlines(more);
    assert_eq!(none, []);
}

#[test]
fn a_viewer_counts_and_is_nobody() {
    let (mut state, _) = play(&RULES, vec![(0, join(1)), (1, watch(2)), (2, watch(3))]);
    let full = state.clone().apply(join(4), UnixMillis(3), &RULES);
    assert_eq!(full, Err(Refusal::Full { limit: 3 }));
    assert_eq!(state.role_of(&user("user-2")), None);
    assert!(!state.is_member(&user("user-2")) && state.is_member(&user("user-1")));
    assert_eq!(
        state.call.times.answered, None,
        "nobody came to be talked to"
    );
    // Its user may come in person, as whoever it is.
    state.apply(leave(3), UnixMillis(4), &RULES).unwrap();
    let in_person = Transition::Join(Newcomer {
        id: id(5),
        user: user("user-2"),
        name: "User 2".to_owned(),
        avatar_url: None,
        role: Role::Moderator,
        admitted: false,
        by_word: false,
    });
    state.apply(in_person, UnixMillis(5), &RULES).unwrap();
    assert_eq!(state.role_of(&user("user-2")), Some(Role::Moderator));
    assert!(state.call.times.answered.is_some());
}

#[test]
fn what_is_for_members_is_not_for_viewers() {
    let mut state = state();
    state.call.about = About {
        admission: Admission::Members,
        ..About::NOTHING
    };
    let refused = state.apply(watch(1), UnixMillis(0), &RULES);
    assert_eq!(refused, Err(Refusal::NotMember));
}
