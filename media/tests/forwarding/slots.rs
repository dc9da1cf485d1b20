//! What each Slot shows, and how its Participant is told.

use std::time::Duration;

use convoke_media::control::{CommandError, MediaKind, SlotRequest, SlotState, SlotTarget, Source};
use convoke_media::ids::ParticipantKey;

use crate::harness::*;

fn full(n: u32, video_slots: u32) -> Offer {
    let offer = Offer::of(n)
        .publish(0, Source::Microphone, &[opus()])
        .publish(1, Source::Camera, &[vp8()]);
    let offer = (2..5).fold(offer, |offer, at| {
        offer.slot(at, MediaKind::Audio, &[opus()])
    });
    (5..5 + video_slots).fold(offer, |offer, at| {
        offer.slot(at, MediaKind::Video, &[vp8()])
    })
}

fn states(call: &Call, who: u32) -> Vec<SlotState> {
    let slots = call.router.slot_assignments(key(who));
    slots.into_iter().map(|slot| slot.state).collect()
}

#[test]
fn fifty_join_and_every_slot_gets_the_right_packets() {
    let mut call = Call::new();
    for n in 1..=50 {
        call.join(&full(n, 25));
    }
    for n in 1..=50 {
        let shown: Vec<_> = states(&call, n).into_iter().skip(3).collect();
        assert!(
            shown
                .iter()
                .all(|s| matches!(s, SlotState::Active(t) if *t != track(n, Source::Camera)))
        );
        let mut tracks: Vec<_> = shown.iter().map(|s| format!("{s:?}")).collect();
        tracks.sort();
        tracks.dedup();
        assert_eq!(tracks.len(), 25);
    }
    for n in 1..=50u32 {
        let mut payload = vp8_payload(true, 1, (640, 360));
        payload.extend(n.to_be_bytes());
        call.send(n, &Rtp::new(ssrc(n, 1), VP8, 1, 3000, &payload));
    }
    let sent = call.take_rtp();
    assert_eq!(sent.len(), 50 * 25);
    for packet in &sent {
        let view = packet.view();
        let payload = view.payload();
        let from = u32::from_be_bytes(payload[payload.len() - 4..].try_into().unwrap());
        let slot = (view.ssrc().0 - slot_ssrc(packet.to.0, 0).0) / 10;
        let state = states(&call, packet.to.0)[slot as usize - 2];
        assert_eq!(state, SlotState::Active(track(from, Source::Camera)));
    }
    for n in 1..=50 {
        call.router.remove_participant(call.now, key(n));
    }
    assert!(call.router.is_empty());
    assert_eq!(call.router.next_timeout(), None);
}

#[test]
fn only_changes_are_told() {
    let mut call = Call::new();
    call.join(&full(1, 2));
    assert!(call.changes(1).is_empty());
    call.join(&full(2, 2));
    assert_eq!(call.changes(1).len(), 2);
    call.router.apply(call.now, key(2), &full(2, 2).negotiated);
    call.router.apply(call.now, key(1), &full(1, 2).negotiated);
    call.request(1, 5, SlotTarget::Automatic, None);
    assert!(call.events().is_empty(), "nothing changed");
    call.router.remove_participant(call.now, key(2));
    let changes = call.changes(1);
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|slot| slot.state == SlotState::Empty));
}

#[test]
fn a_slot_that_an_offer_replaced_or_left_out_is_told_to_be_empty() {
    let mut call = Call::new();
    call.join(&full(1, 2));
    call.join(&full(2, 2));
    call.join(&full(3, 2));
    call.events();
    let told = |call: &mut Call| {
        let changes = call.changes(1).into_iter();
        let pictures = changes.filter(|slot| ["5", "6"].contains(&slot.mid.as_str()));
        pictures
            .map(|slot| (slot.mid.as_str().to_owned(), slot.state))
            .collect::<Vec<_>>()
    };
    // Another RTCPeerConnection: the same m-lines, other SSRCs.
    let mut anew = full(1, 2);
    for slot in &mut anew.negotiated.slots {
        slot.ssrc.0 += 5;
    }
    call.router.apply(call.now, key(1), &anew.negotiated);
    let shown = [2, 3].map(|n| SlotState::Active(track(n, Source::Camera)));
    let (five, six) = ("5".to_owned(), "6".to_owned());
    let want = [
        (five.clone(), SlotState::Empty),
        (six.clone(), SlotState::Empty),
        (five, shown[0]),
        (six.clone(), shown[1]),
    ];
    assert_eq!(told(&mut call), want);
    // And one with fewer m-lines.
    anew.negotiated.slots.retain(|slot| slot.mid != mid("6"));
    call.router.apply(call.now, key(1), &anew.negotiated);
    assert_eq!(told(&mut call), [(six, SlotState::Empty)]);
}

#[test]
fn a_pinned_track_is_shown_when_it_comes_and_not_twice() {
    let mut call = Call::new();
    call.join(&full(1, 2));
    call.join(&full(2, 2));
    call.request(1, 6, SlotTarget::Pinned(track(3, Source::Camera)), None);
    assert_eq!(
        states(&call, 1)[3..],
        [
            SlotState::Active(track(2, Source::Camera)),
            SlotState::Empty
        ]
    );
    call.join(&full(3, 2));
    let want = [2, 3].map(|n| SlotState::Active(track(n, Source::Camera)));
    assert_eq!(states(&call, 1)[3..], want);
    call.request(1, 5, SlotTarget::Off, None);
    assert_eq!(states(&call, 1)[3], SlotState::Empty);
}

#[test]
fn unknown_slots_and_participants_are_refused_and_change_nothing() {
    let mut call = Call::new();
    call.join(&full(1, 1));
    call.join(&full(2, 1));
    let request = |at: &str, target| SlotRequest {
        mid: mid(at),
        target,
        max_size: None,
        priority: 0,
    };
    let requests = [
        request("5", SlotTarget::Off),
        request("99", SlotTarget::Off),
    ];
    let refused = call.router.set_slots(call.now, key(1), &requests);
    assert_eq!(refused, Err(CommandError::UnknownSlot(mid("99"))));
    assert_eq!(
        states(&call, 1)[3],
        SlotState::Active(track(2, Source::Camera))
    );
    let nobody = ParticipantKey(77);
    assert_eq!(
        call.router.set_slots(call.now, nobody, &[]),
        Err(CommandError::UnknownParticipant)
    );
    assert_eq!(
        call.router
            .set_muted(call.now, nobody, Source::Camera, true),
        Err(CommandError::UnknownParticipant)
    );
}

#[test]
fn what_a_slot_cannot_decode_is_not_sent_and_told() {
    let mut call = Call::new();
    call.join(&Offer::of(1).publish(0, Source::Camera, &[h264(), vp8()]));
    call.join(&Offer::of(2).slot(0, MediaKind::Video, &[vp8()]));
    call.events();
    let sps = [
        0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x00, 0xf0,
    ];
    for n in 0..5u16 {
        call.send(1, &Rtp::new(ssrc(1, 0), H264, n, 3000, &sps));
    }
    assert!(call.take_rtp().is_empty());
    let camera = track(1, Source::Camera);
    assert_eq!(call.changes(2)[0].state, SlotState::Undecodable(camera));
    // The publisher turns to a codec that the receiver has.
    call.pass(Duration::from_secs(2));
    call.send(
        1,
        &Rtp::new(ssrc(1, 0), VP8, 5, 9000, &vp8_payload(true, 1, (640, 360))),
    );
    assert_eq!(call.changes(2)[0].state, SlotState::Active(camera));
    call.send(
        1,
        &Rtp::new(
            ssrc(1, 0),
            VP8,
            6,
            12_000,
            &vp8_payload(false, 2, (640, 360)),
        ),
    );
    assert_eq!(call.take_rtp().len(), 2);
}

#[test]
fn sections_come_and_go_with_renegotiation() {
    let mut call = Call::new();
    call.join(&full(1, 1));
    call.join(&full(2, 1));
    let key_frame = |n: u16| {
        Rtp::new(
            ssrc(1, 1),
            VP8,
            n,
            u32::from(n) * 3000,
            &vp8_payload(true, n, (640, 360)),
        )
    };
    call.send(1, &key_frame(1));
    let first = call.take_rtp().pop().unwrap().seq;
    // The receiver grows its layout: the Slot it had goes on as it was.
    call.router.apply(call.now, key(2), &full(2, 4).negotiated);
    call.send(1, &key_frame(2));
    let sent = call.take_rtp();
    assert_eq!((sent.len(), sent[0].seq.0), (1, first.0 + 1));
    // The publisher turns its camera off, and on again.
    let mut off = full(1, 1);
    off.negotiated.published[1].active = false;
    call.router.apply(call.now, key(1), &off.negotiated);
    call.send(1, &key_frame(3));
    assert!(call.take_rtp().is_empty());
    assert_eq!(states(&call, 2)[3], SlotState::Empty);
    call.router.apply(call.now, key(1), &full(1, 1).negotiated);
    call.send(1, &key_frame(4));
    let sent = call.take_rtp();
    assert_eq!((sent.len(), sent[0].seq.0), (1, first.0 + 2));
    // A screen instead of the camera on the same m-line is another Track.
    let screen = Offer::of(1)
        .publish(0, Source::Microphone, &[opus()])
        .publish(1, Source::Screen, &[vp8()]);
    call.router.apply(call.now, key(1), &screen.negotiated);
    assert_eq!(
        states(&call, 2)[3],
        SlotState::Active(track(1, Source::Screen))
    );
    call.send(1, &key_frame(5));
    assert_eq!(call.take_rtp().len(), 1);
}
