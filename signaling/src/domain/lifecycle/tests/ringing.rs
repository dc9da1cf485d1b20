//! Calls that people are asked into: what each script of requests makes of one.

use super::*;
use crate::domain::call::{Admission, Backend, CallKind, CallMode, Nature, Origin};
use crate::domain::participant::MediaFlag;

const CALLER: u8 = 1;

fn nature(origin: Origin, mode: CallMode) -> Nature {
    Nature {
        kind: CallKind::Video,
        mode,
        backend: Backend::Sfu,
        origin,
    }
}

pub(super) fn called(origin: Origin, mode: CallMode) -> CallState {
    let mut state = state();
    state.call.nature = nature(origin, mode);
    state.call.about.admission = Admission::Members;
    state
}

pub(super) fn plan(callees: &[u8], busy: &[u8], ring: bool) -> Transition {
    let members = std::iter::once(&CALLER).chain(callees);
    Transition::Plan(Plan {
        by: Some(person(CALLER)),
        members: members
            .map(|n| Invitee {
                id: id(100 + n),
                user: person(*n),
                name: format!("User {n}"),
                avatar_url: None,
                role: if *n == CALLER {
                    Role::Host
                } else {
                    Role::Participant
                },
                busy: busy.contains(n),
            })
            .collect(),
        ring,
        scheduled: None,
        over_at: Some(UnixMillis(1_000)),
    })
}

pub(super) fn person(n: u8) -> UserId {
    user(&format!("user-{n}"))
}

pub(super) fn enter(n: u8) -> Transition {
    match join(n) {
        Transition::Join(newcomer) => Transition::Join(Newcomer {
            by_word: true,
            ..newcomer
        }),
        other => other,
    }
}

fn accept(n: u8) -> Transition {
    Transition::Accept { user: person(n) }
}

fn decline(n: u8) -> Transition {
    Transition::Decline { user: person(n) }
}

pub(super) fn depart(n: u8) -> Transition {
    Transition::Depart { user: person(n) }
}

fn miss(n: u8) -> Transition {
    Transition::Miss { user: person(n) }
}

fn hang_up(n: u8) -> Transition {
    Transition::HangUp {
        by: Some(person(n)),
        how: HangUp::Over,
    }
}

/// Plays a script from time 1 on, a millisecond a step unless it is a deadline.
fn run(mut state: CallState, script: Vec<Transition>) -> (CallState, Vec<(String, &'static str)>) {
    let mut told = Vec::new();
    for (n, transition) in script.into_iter().enumerate() {
        let at = UnixMillis(i64::try_from(n).unwrap() + 1);
        let outcome = state.apply(transition, at, &RULES).unwrap();
        for event in outcome.events {
            let user = event.user.map_or("-".to_owned(), |user| {
                user.as_str().trim_start_matches("user-").to_owned()
            });
            told.push((user, event.what.word()));
        }
    }
    (state, told)
}

fn status_of(state: &CallState, n: u8) -> ParticipantStatus {
    state.people().find(|p| p.user == person(n)).unwrap().status
}

/// As the host's backend plans it, for somebody to lead and somebody else.
fn made_ahead(origin: Origin) -> (CallState, Transition) {
    let mut planned = plan(&[2], &[], false);
    if let Transition::Plan(plan) = &mut planned {
        plan.by = None;
    }
    let mut state = called(origin, CallMode::Group);
    state.call.about.admission = Admission::Open;
    (state, planned)
}

#[test]
fn what_the_backend_planned_nobody_starts_by_coming_first() {
    for origin in [Origin::Chat, Origin::Meeting, Origin::AdHoc] {
        let (state, planned) = made_ahead(origin);
        let (mut state, told) = run(state, vec![planned, enter(2)]);
        assert_eq!(state.call.initiated_by, None, "{origin:?}");
        let initiated = told.iter().filter(|(_, what)| *what == "initiated");
        assert_eq!(initiated.count(), 1, "{told:?}");
        assert!(!state.is_started_by(&person(2)) && !state.is_started_by(&person(3)));
        // One alone has not been answered, whoever it is.
        assert_eq!(state.call.times.answered, None);
        state.apply(enter(1), UnixMillis(9), &RULES).unwrap();
        assert_eq!(state.call.times.answered, Some(UnixMillis(9)));
    }
}

#[test]
fn a_room_made_ahead_outlives_whoever_comes_and_goes_before_it_is_led() {
    let (state, planned) = made_ahead(Origin::AdHoc);
    let (mut state, _) = run(state, vec![planned, join(2), leave(102), join(3), leave(3)]);
    assert_eq!(state.call.status, CallStatus::Pending);
    state.apply(join(CALLER), UnixMillis(20), &RULES).unwrap();
    assert_eq!(state.call.status, CallStatus::Ongoing);
    let led = state.present[0].id;
    let gone = Transition::Leave {
        participant: led,
        reason: LeaveReason::Left,
    };
    state.apply(gone, UnixMillis(30), &RULES).unwrap();
    assert_eq!(state.call.end_reason, Some(EndReason::Completed));
}

#[test]
fn how_a_call_between_two_ends() {
    use EndReason::{Cancelled, Completed, Missed, Rejected};
    let ring_over = || Transition::RingOver;
    // what is done after the ring has begun → how it ended
    let cases: Vec<(&str, Vec<Transition>, Option<EndReason>)> = vec![
        ("it rings", vec![], None),
        ("nobody answers", vec![ring_over()], Some(Missed)),
        ("declined", vec![decline(2)], Some(Rejected)),
        (
            "declined twice",
            vec![decline(2), decline(2)],
            Some(Rejected),
        ),
        (
            "the caller waits inside",
            vec![enter(1), ring_over()],
            Some(Missed),
        ),
        (
            "the caller cancels by ending",
            vec![hang_up(1)],
            Some(Cancelled),
        ),
        (
            "the caller cancels by leaving",
            vec![enter(1), depart(1)],
            Some(Cancelled),
        ),
        (
            "the caller never came, and leaves",
            vec![depart(1)],
            Some(Cancelled),
        ),
        (
            "the callee hangs up while it rings",
            vec![hang_up(2)],
            Some(Rejected),
        ),
        ("accepted, and on the way", vec![accept(2)], None),
        (
            "accepted, and never came",
            vec![accept(2), ring_over()],
            Some(Missed),
        ),
        ("answered", vec![enter(1), enter(2)], None),
        ("answered in time", vec![enter(2), ring_over()], None),
        (
            "talked",
            vec![enter(1), enter(2), hang_up(2)],
            Some(Completed),
        ),
        (
            "both leave",
            vec![enter(1), enter(2), depart(1), depart(2)],
            Some(Completed),
        ),
        (
            "a device comes for whoever entered by word",
            vec![enter(1), enter(2), join(2)],
            None,
        ),
        (
            "declining comes too late",
            vec![enter(1), enter(2), decline(2)],
            None,
        ),
    ];
    for (what, after, want) in cases {
        let mut script = vec![plan(&[2], &[], true)];
        script.extend(after);
        let (state, _) = run(called(Origin::Chat, CallMode::Direct), script);
        assert_eq!(state.call.end_reason, want, "{what}");
        let waiting = state
            .people()
            .any(|p| p.status == ParticipantStatus::Ringing);
        assert!(want.is_none() || !waiting, "{what}: it rings on");
    }
}

#[test]
fn saying_that_nobody_answers() {
    use EndReason::Missed;
    // what is said after the ring has begun → how it ended
    let cases = [
        ("of the callee's phone", vec![miss(2)], Some(Missed)),
        ("of the call", vec![enter(1), miss(1)], Some(Missed)),
        ("too late", vec![enter(1), enter(2), miss(2), miss(1)], None),
    ];
    for (what, after, want) in cases {
        let mut script = vec![plan(&[2], &[], true)];
        script.extend(after);
        let (state, _) = run(called(Origin::ChatRoom, CallMode::Direct), script);
        assert_eq!(state.call.end_reason, want, "{what}");
    }
    let group = vec![plan(&[2, 3], &[], true), miss(2)];
    let (state, _) = run(called(Origin::ChatRoom, CallMode::Group), group);
    assert_eq!(status_of(&state, 2), ParticipantStatus::Missed);
    assert_eq!(status_of(&state, 3), ParticipantStatus::Ringing);
}

#[test]
fn what_is_told_of_a_call_between_two() {
    let script = vec![
        plan(&[2], &[], true),
        enter(1),
        accept(2),
        accept(2),
        enter(2),
        enter(2),
        hang_up(1),
    ];
    let (_, told) = run(called(Origin::Chat, CallMode::Direct), script);
    let told: Vec<_> = told
        .iter()
        .map(|(user, what)| (user.as_str(), *what))
        .collect();
    let want = [
        ("1", "initiated"),
        ("2", "ringing"),
        ("1", "joined"),
        ("2", "accepted"),
        ("2", "joined"),
        ("1", "left"),
        ("2", "left"),
        ("1", "ended"),
    ];
    assert_eq!(told, want);
}

#[test]
fn a_group_rings_each_for_itself() {
    use ParticipantStatus::{Declined, Joined, Missed, Ringing};
    let group = || called(Origin::Chat, CallMode::Group);
    let (state, told) = run(group(), vec![plan(&[2, 3, 4], &[4], true)]);
    assert_eq!(told.last().unwrap(), &("4".to_owned(), "busy"));
    assert_eq!(status_of(&state, 2), Ringing);
    assert_eq!(status_of(&state, 4), Missed);

    let script = vec![
        plan(&[2, 3, 4], &[4], true),
        enter(1),
        decline(2),
        enter(3),
        Transition::RingOver,
    ];
    let (state, _) = run(group(), script);
    assert_eq!(state.call.status, CallStatus::Ongoing);
    assert_eq!(status_of(&state, 2), Declined);
    assert_eq!(status_of(&state, 3), Joined);
    assert_eq!(state.call.times.rings_until, None);

    // One declined and one did not hear: nobody refused the Call as a whole.
    let script = vec![plan(&[2, 3], &[], true), decline(2), Transition::RingOver];
    let (state, _) = run(group(), script);
    assert_eq!(state.call.end_reason, Some(EndReason::Missed));
    let script = vec![plan(&[2, 3], &[], true), decline(2), decline(3)];
    let (state, _) = run(group(), script);
    assert_eq!(state.call.end_reason, Some(EndReason::Rejected));
}

#[test]
fn an_appointment_begins_with_both_and_knows_who_never_came() {
    let appointment = || called(Origin::Appointment, CallMode::Direct);
    let both = vec![plan(&[2], &[], false), enter(1), enter(2)];
    let (state, _) = run(appointment(), both.clone());
    assert_eq!(state.call.status, CallStatus::Ongoing);
    assert_eq!(state.call.times.started, Some(UnixMillis(3)));

    let one = vec![plan(&[2], &[], false), enter(1)];
    let (state, _) = run(appointment(), one.clone());
    assert_eq!(state.call.status, CallStatus::Scheduled);

    for (mut script, over, want) in [
        (one.clone(), vec![], Some(EndReason::NoShow)),
        (one, vec![depart(1)], Some(EndReason::NoShow)),
        (both.clone(), vec![], None),
        (
            both.clone(),
            vec![depart(1), depart(2)],
            Some(EndReason::Completed),
        ),
        (both, vec![hang_up(2)], Some(EndReason::Completed)),
    ] {
        script.extend(over);
        script.push(Transition::PlanOver);
        let (state, _) = run(appointment(), script.clone());
        assert_eq!(state.call.end_reason, want, "{script:?}");
    }
}

#[test]
fn a_meeting_outlives_an_empty_moment() {
    let script = vec![plan(&[2], &[], true), enter(1), depart(1)];
    let (mut state, _) = run(called(Origin::Meeting, CallMode::Group), script);
    assert_eq!(state.call.status, CallStatus::Ongoing);
    let outcome = state.apply(Transition::LingerOver, UnixMillis(503), &RULES);
    assert!(!outcome.unwrap().is_empty());
    assert_eq!(state.call.end_reason, Some(EndReason::Completed));
    assert_eq!(state.call.times.ended, Some(UnixMillis(3)));
}

#[test]
fn a_meeting_that_nobody_comes_to_is_not_for_ever() {
    let meeting = || called(Origin::Meeting, CallMode::Group);
    // The ring, and then as long as one that everybody left.
    let due = DeadlineChange::Set(Deadline::Linger, UnixMillis(1 + 50 + 500));
    for callees in [&[2][..], &[]] {
        let mut state = meeting();
        let planned = state.apply(plan(callees, &[], true), UnixMillis(1), &RULES);
        assert!(planned.unwrap().deadlines.contains(&due), "{callees:?}");
        let over = [Transition::RingOver, Transition::LingerOver];
        for (at, transition) in [51, 551].into_iter().zip(over) {
            state.apply(transition, UnixMillis(at), &RULES).unwrap();
        }
        assert_eq!(state.call.end_reason, Some(EndReason::NoShow));
        assert_eq!(state.call.times.ended, Some(UnixMillis(551)));
    }
    let script = vec![plan(&[2], &[], true), enter(2), Transition::LingerOver];
    let (state, _) = run(meeting(), script);
    assert_eq!(state.call.status, CallStatus::Ongoing);
    let mut scheduled = plan(&[2], &[], false);
    if let Transition::Plan(plan) = &mut scheduled {
        plan.scheduled = Some(UnixMillis(5_000));
    }
    let outcome = meeting().apply(scheduled, UnixMillis(1), &RULES).unwrap();
    let lingers =
        |change: &DeadlineChange| matches!(change, DeadlineChange::Set(Deadline::Linger, _));
    assert!(!outcome.deadlines.iter().any(lingers));
}

#[test]
fn strangers_stay_outside() {
    let mut state = called(Origin::Chat, CallMode::Direct);
    let now = UnixMillis(1);
    state.apply(plan(&[2], &[], true), now, &RULES).unwrap();
    for transition in [enter(3), join(3), accept(3), decline(3), depart(3)] {
        let refused = state.clone().apply(transition.clone(), now, &RULES);
        assert_eq!(refused, Err(Refusal::NotMember), "{transition:?}");
    }
    let admitted = match enter(3) {
        Transition::Join(newcomer) => Transition::Join(Newcomer {
            admitted: true,
            ..newcomer
        }),
        other => other,
    };
    assert!(state.apply(admitted, now, &RULES).is_ok());
}

#[test]
fn who_is_there_by_word_is_one_with_its_device() {
    let script = vec![plan(&[2], &[], true), enter(1), enter(2), join(2)];
    let (mut state, told) = run(called(Origin::Chat, CallMode::Direct), script);
    assert_eq!(told.iter().filter(|(_, what)| *what == "joined").count(), 2);
    let own = state.present.iter().find(|p| p.user == person(2)).unwrap();
    assert!(!own.presence.by_word);
    let row = own.id;
    // A second device is a Participant of its own, in the role of its user.
    let seated = state.apply(join(2), UnixMillis(9), &RULES).unwrap().seated;
    assert_ne!(seated, Some(row));
    state.apply(depart(2), UnixMillis(10), &RULES).unwrap();
    assert!(!state.is_present(&person(2)));
    assert!(state.is_member(&person(2)));
}

#[test]
fn silence_of_who_is_there_by_word() {
    let absent = Transition::Absent { user: person(2) };
    let grace_over = Transition::GraceOver {
        participant: id(102),
    };
    let base = vec![plan(&[2], &[], true), enter(1), enter(2), absent];
    let mut gone = base.clone();
    gone.push(grace_over.clone());
    let (state, told) = run(called(Origin::Chat, CallMode::Direct), gone);
    assert!(!state.is_present(&person(2)));
    assert_eq!(told.last().unwrap().1, "left");
    for back in [Transition::Back { user: person(2) }, enter(2), join(2)] {
        let mut script = base.clone();
        script.extend([back, grace_over.clone()]);
        let (state, _) = run(called(Origin::Chat, CallMode::Direct), script);
        assert!(state.is_present(&person(2)));
    }
}

#[test]
fn media_and_recording_are_told_when_they_change() {
    let muted = |on| Transition::SetMedia {
        user: person(1),
        change: MediaChange::default().and(MediaFlag::MicMuted, Some(on)),
    };
    let recording = |on| Transition::SetRecording {
        by: Some(person(1)),
        on,
    };
    let mut state = called(Origin::Chat, CallMode::Direct);
    state.call.about.recording_allowed = true;
    let script = vec![
        plan(&[2], &[], true),
        enter(1),
        muted(false),
        muted(true),
        muted(true),
        recording(true),
        recording(true),
        recording(false),
    ];
    let (state, told) = run(state, script);
    let told: Vec<_> = told.iter().skip(3).map(|(_, what)| *what).collect();
    assert_eq!(told, ["media", "recording_started", "recording_stopped"]);
    assert!(state.present[0].media.has(MediaFlag::MicMuted));
}
