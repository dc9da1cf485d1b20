//! What a Router leaves out when its worker has too much to do.

use convoke_media::control::{
    Event, MediaKind, SlotRequest, SlotState, SlotTarget, Source, Strain,
};
use convoke_media::router::Relief;

use crate::harness::*;

fn full(n: u32) -> Offer {
    let offer = Offer::of(n)
        .publish(0, Source::Microphone, &[opus()])
        .publish(1, Source::Camera, &[vp8()]);
    let offer = (2..5).fold(offer, |offer, at| {
        offer.slot(at, MediaKind::Audio, &[opus()])
    });
    (5..14).fold(offer, |offer, at| {
        offer.slot(at, MediaKind::Video, &[vp8()])
    })
}

fn states(call: &Call, who: u32) -> Vec<SlotState> {
    let slots = call.router.slot_assignments(key(who));
    slots.into_iter().map(|slot| slot.state).collect()
}

fn strain(call: &mut Call, levels: usize) {
    let relief = (0..levels).fold(Relief::NONE, |relief, _| relief.more());
    call.router.set_relief(call.now, relief);
}

fn withheld(states: &[SlotState]) -> Vec<usize> {
    let withheld = |at: &usize| matches!(states[*at], SlotState::Withheld(_));
    (0..states.len()).filter(withheld).collect()
}

#[test]
fn far_pictures_go_first_sound_never_and_all_comes_back() {
    let mut call = Call::new();
    for n in 1..=10 {
        call.join(&full(n));
    }
    // The last Slot matters most to this one.
    let request = SlotRequest {
        mid: mid("13"),
        target: SlotTarget::Automatic,
        max_size: None,
        priority: 200,
    };
    call.router.set_slots(call.now, key(1), &[request]).unwrap();
    let before = states(&call, 1);
    for n in 1..=10u32 {
        call.send(
            n,
            &Rtp::new(ssrc(n, 1), VP8, 1, 3000, &vp8_payload(true, 1, (640, 360))),
        );
    }
    call.take_rtp();
    call.events();
    for (levels, hidden) in [
        (2, vec![]),
        (3, vec![]),
        (4, vec![6, 7, 8, 9, 10]),
        (5, vec![3, 4, 5, 6, 7, 8, 9, 10]),
        (9, vec![3, 4, 5, 6, 7, 8, 9, 10]),
    ] {
        strain(&mut call, levels);
        assert_eq!(withheld(&states(&call, 1)), hidden, "{levels}");
    }
    // What is left: one picture, and everybody who speaks.
    for n in 1..=10u32 {
        call.send(
            n,
            &Rtp::new(ssrc(n, 1), VP8, 2, 6000, &vp8_payload(false, 2, (640, 360))),
        );
        call.send(n, &Rtp::new(ssrc(n, 0), OPUS, 1, 960, &[1; 80]));
    }
    let sent = call.take_rtp();
    let of = |pt: u8| {
        sent.iter()
            .filter(|s| s.to.0 == 1 && s.view().pt().get() == pt)
            .count()
    };
    assert_eq!((of(VP8), of(OPUS)), (1, 3));
    strain(&mut call, 0);
    assert_eq!(states(&call, 1), before);
    let told: Vec<_> = call.events().into_iter().collect();
    let strains: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            Event::Strained { strain, .. } => Some(*strain),
            _ => None,
        })
        .collect();
    assert_eq!(
        strains,
        [Strain::SmallerPictures, Strain::FewerPictures, Strain::None]
    );
}

#[test]
fn what_is_not_sent_takes_no_place_of_what_is() {
    let mut call = Call::new();
    for n in 1..=8 {
        call.join(&full(n));
    }
    // Slot 5 is hidden, and the receiver has no decoder for what 6 shows.
    call.request(1, 5, SlotTarget::Automatic, Some((0, 0)));
    let undecodable = Offer::of(9).publish(1, Source::Camera, &[h264()]);
    call.join(&undecodable);
    let h264_of_9 = Rtp::new(ssrc(9, 1), H264, 1, 3000, &[0x67; 12]);
    call.send(9, &h264_of_9);
    call.request(1, 6, SlotTarget::Pinned(track(9, Source::Camera)), None);
    strain(&mut call, 4);
    let states = states(&call, 1);
    assert!(matches!(states[4], SlotState::Undecodable(_)));
    assert_eq!(withheld(&states), [9, 10], "{states:?}");
}
