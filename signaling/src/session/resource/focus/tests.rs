use uuid::Uuid;

use super::*;
use crate::domain::participant::{Connection, LeaveReason, TrackState};
use crate::domain::time::UnixMillis;
use crate::events::notice::{CallView, MediaContinuity};
use crate::ids::{CallId, RoomName, UserId};

fn person(n: u128, user: &str, name: &str, sources: &[Source]) -> ParticipantView {
    let track = |source: &Source| TrackState {
        source: *source,
        muted: false,
    };
    ParticipantView {
        id: ParticipantId::from_uuid(Uuid::from_u128(n)),
        user: UserId::try_from(user).unwrap(),
        name: name.to_owned(),
        avatar_url: None,
        role: Role::Participant,
        connection: Connection::Connected,
        tracks: sources.iter().map(track).collect(),
        joined_at: UnixMillis(0),
    }
}

fn focus(whom: &str, kinds: &[MediaKind], people: &[ParticipantView]) -> Focus {
    let slot = |(at, kind): (usize, &MediaKind)| SlotInfo {
        mid: at.to_string().as_str().try_into().unwrap(),
        kind: *kind,
    };
    let slots: Vec<_> = kinds.iter().enumerate().map(slot).collect();
    let snapshot = Snapshot {
        call: CallView {
            id: CallId::from_uuid(Uuid::nil()),
            number: 1,
            room: RoomName::try_from("r").unwrap(),
            started_at: UnixMillis(0),
        },
        you: person(99, "you", "You", &[]),
        participants: people.to_vec(),
        slots: Vec::new(),
        strain: convoke_media::control::Strain::None,
        speakers: Vec::new(),
        media: MediaContinuity::New,
    };
    Focus::new(whom.to_owned(), &slots, &snapshot)
}

/// Whom and what each Slot shows.
fn shown(wishes: &[SlotRequest]) -> Vec<Option<(u128, Source)>> {
    let target = |wish: &SlotRequest| match wish.target {
        SlotTarget::Pinned(track) => Some((track.participant.0, track.source)),
        SlotTarget::Off => None,
        SlotTarget::Automatic => panic!("nobody else is shown"),
    };
    wishes.iter().map(target).collect()
}

const ONE_EACH: &[MediaKind] = &[MediaKind::Audio, MediaKind::Video];
use Source::{Camera, Microphone, Screen, ScreenAudio};

#[test]
fn sources_and_slots() {
    use MediaKind::{Audio, Video};
    type Case<'a> = (&'a [Source], &'a [MediaKind], &'a [Option<Source>]);
    let cases: [Case<'_>; 6] = [
        (
            &[Microphone, Camera],
            &[Audio, Video],
            &[Some(Microphone), Some(Camera)],
        ),
        (
            &[Microphone, Camera],
            &[Video, Audio],
            &[Some(Camera), Some(Microphone)],
        ),
        (
            &[Microphone, Camera, Screen],
            &[Audio, Video],
            &[Some(Microphone), Some(Screen)],
        ),
        (
            &[Microphone, Camera, Screen, ScreenAudio],
            &[Audio, Video, Video, Audio],
            &[
                Some(Microphone),
                Some(Camera),
                Some(Screen),
                Some(ScreenAudio),
            ],
        ),
        (&[Microphone], &[Audio, Video], &[Some(Microphone), None]),
        (
            &[Camera],
            &[Audio, Video, Video],
            &[None, Some(Camera), None],
        ),
    ];
    for (sources, kinds, want) in cases {
        let focus = focus("Ann", kinds, &[person(1, "1", "Ann", sources)]);
        let want: Vec<_> = want.iter().map(|s| s.map(|source| (1, source))).collect();
        assert_eq!(shown(&focus.wishes()), want, "{sources:?} {kinds:?}");
    }
}

#[test]
fn by_name_or_user_and_nobody_else() {
    let ann = person(1, "u1", "Ann", &[Camera]);
    let cases = [("Ann", true), ("u1", true), ("ann", false), ("Ben", false)];
    for (whom, want) in cases {
        let focus = focus(whom, ONE_EACH, std::slice::from_ref(&ann));
        let shows = shown(&focus.wishes()).iter().any(Option::is_some);
        assert_eq!(shows, want, "{whom}");
    }
}

#[test]
fn it_waits_keeps_to_whom_it_shows_and_goes_over_to_another_device() {
    let mut focus = focus("Ann", ONE_EACH, &[]);
    assert_eq!(shown(&focus.wishes()), [None, None]);
    let silent = Notice::ParticipantJoined(person(1, "u1", "Ann", &[]));
    assert_eq!(focus.noticed(&silent), None);
    let sends = Notice::ParticipantChanged(person(1, "u1", "Ann", &[Microphone, Camera]));
    let wishes = focus.noticed(&sends).unwrap();
    assert_eq!(shown(&wishes), [Some((1, Microphone)), Some((1, Camera))]);
    // Said again, it is no news; a second device does not take over.
    assert_eq!(focus.noticed(&sends), None);
    let second = Notice::ParticipantJoined(person(2, "u1", "Ann", &[Camera]));
    assert_eq!(focus.noticed(&second), None);
    let left = Notice::ParticipantLeft {
        participant: ParticipantId::from_uuid(Uuid::from_u128(1)),
        reason: LeaveReason::Left,
    };
    let wishes = focus.noticed(&left).unwrap();
    assert_eq!(shown(&wishes), [None, Some((2, Camera))]);
}

#[test]
fn a_viewer_is_nobody_to_look_at() {
    let viewer = ParticipantView {
        role: Role::Viewer,
        ..person(1, "u1", "Ann", &[Camera])
    };
    assert_eq!(
        shown(&focus("Ann", ONE_EACH, &[viewer]).wishes()),
        [None, None]
    );
}
