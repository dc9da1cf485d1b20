//! Loudest speakers, redundancy and mute.

use std::time::Duration;

use convoke_media::control::{Event, MediaKind, SlotState, SlotTarget, Source};
use convoke_media::ids::ParticipantId;

use crate::harness::*;

const PACKET: Duration = Duration::from_millis(20);

/// `count` microphones and, as number 0's, `slots` audio Slots.
fn room(count: u32, slots: u32) -> Call {
    let mut call = Call::new();
    for n in 1..=count {
        call.join(&Offer::of(n).publish(0, Source::Microphone, &[opus()]));
    }
    let offer = (0..slots).fold(Offer::of(100), |offer, at| {
        offer.slot(at, MediaKind::Audio, &[opus()])
    });
    call.join(&offer);
    call
}

/// All speak for `packets`, each at its level in -dBov.
fn speak(call: &mut Call, seq: &mut u16, levels: &[(u32, u8)], packets: u16) {
    for _ in 0..packets {
        *seq += 1;
        for (from, level) in levels {
            let packet = Rtp::new(ssrc(*from, 0), OPUS, *seq, u32::from(*seq) * 960, &[1; 60])
                .with(LEVEL_EXT, &[0x80 | level]);
            call.send(*from, &packet);
        }
        call.pass(PACKET);
    }
}

fn shown(call: &Call) -> Vec<SlotState> {
    let assignments = call.router.slot_assignments(key(100));
    assignments.into_iter().map(|slot| slot.state).collect()
}

fn speakers(events: &[Event]) -> Vec<Vec<u128>> {
    let lists = events.iter().filter_map(|event| match event {
        Event::Speaking { speakers, .. } => {
            Some(speakers.iter().map(|s| s.participant.0).collect())
        }
        _ => None,
    });
    lists.collect()
}

#[test]
fn with_enough_slots_everybody_has_one_and_nothing_moves() {
    let mut call = room(3, 4);
    let before = shown(&call);
    assert_eq!(before.iter().filter(|s| **s != SlotState::Empty).count(), 3);
    let mut seq = 0;
    for loud in [1, 2, 3, 1] {
        let levels: Vec<_> = (1..=3)
            .map(|n| (n, if n == loud { 20 } else { 127 }))
            .collect();
        speak(&mut call, &mut seq, &levels, 50);
    }
    assert_eq!(shown(&call), before);
    assert_eq!(call.take_rtp().len(), 600);
}

#[test]
fn a_new_speaker_replaces_the_one_silent_for_longest() {
    let mut call = room(5, 2);
    let mut seq = 0;
    let mut solo = |call: &mut Call, loud: u32| {
        let levels: Vec<_> = (1..=5)
            .map(|n| (n, if n == loud { 20 } else { 127 }))
            .collect();
        speak(call, &mut seq, &levels, 60);
        shown(call)
    };
    let active = |n| SlotState::Active(track(n, Source::Microphone));
    assert_eq!(solo(&mut call, 1), [active(1), active(2)]);
    assert_eq!(solo(&mut call, 4), [active(1), active(4)]);
    assert_eq!(solo(&mut call, 5), [active(5), active(4)]);
    assert_eq!(solo(&mut call, 4), [active(5), active(4)]);
    assert_eq!(solo(&mut call, 2), [active(2), active(4)]);
}

#[test]
fn speakers_are_told_loudest_first_and_the_muted_never() {
    let mut call = room(3, 1);
    call.events();
    let mut seq = 0;
    speak(&mut call, &mut seq, &[(1, 40), (2, 20), (3, 90)], 50);
    let told = speakers(&call.events());
    assert_eq!(told.last().unwrap(), &[2, 1]);
    assert!(told.len() <= 4, "{told:?}");
    call.router
        .set_muted(call.now, key(2), Source::Microphone, true)
        .unwrap();
    call.take_rtp();
    speak(&mut call, &mut seq, &[(1, 40), (2, 10), (3, 90)], 50);
    assert_eq!(speakers(&call.events()).last().unwrap(), &[1]);
    let heard = call.router.stats(key(100)).1[0];
    assert!(heard.packets > 0);
    // The loudest is muted: only the other is on the one Slot.
    assert_eq!(
        shown(&call),
        [SlotState::Active(track(1, Source::Microphone))]
    );
    speak(&mut call, &mut seq, &[(1, 127), (2, 10)], 60);
    assert_eq!(speakers(&call.events()).last().unwrap(), &[] as &[u128]);
}

#[test]
fn a_muted_track_is_not_forwarded_and_told_as_muted() {
    let mut call = room(1, 1);
    call.router
        .set_muted(call.now, key(1), Source::Microphone, true)
        .unwrap();
    let mut seq = 0;
    speak(&mut call, &mut seq, &[(1, 20)], 10);
    assert!(call.take_rtp().is_empty());
    assert_eq!(
        shown(&call),
        [SlotState::Muted(track(1, Source::Microphone))]
    );
    call.router
        .set_muted(call.now, key(1), Source::Microphone, false)
        .unwrap();
    speak(&mut call, &mut seq, &[(1, 20)], 10);
    assert_eq!(call.take_rtp().len(), 10);
}

#[test]
fn redundancy_is_renumbered_or_unwrapped() {
    let mut call = Call::new();
    call.join(&Offer::of(1).publish(0, Source::Microphone, &[red(RED, OPUS), opus()]));
    call.join(&Offer::of(2).slot(0, MediaKind::Audio, &[red(70, 109), codec_opus(109)]));
    call.join(&Offer::of(3).slot(0, MediaKind::Audio, &[codec_opus(120)]));
    let payload = [0x80 | OPUS, 0x0f, 0x00, 2, OPUS, 0xa, 0xb, 0xc, 0xd, 0xe];
    call.send(
        1,
        &Rtp::new(ssrc(1, 0), RED, 1, 960, &payload).with(LEVEL_EXT, &[0x9e]),
    );
    call.send(1, &Rtp::new(ssrc(1, 0), OPUS, 2, 1920, &[7]));
    let sent = call.take_rtp();
    let to = |n: u32| {
        let sent = sent.iter().filter(|s| s.to == key(n));
        sent.map(|s| (s.view().pt().get(), s.view().payload().to_vec()))
            .collect::<Vec<_>>()
    };
    let renumbered = [0x80 | 109, 0x0f, 0x00, 2, 109, 0xa, 0xb, 0xc, 0xd, 0xe].to_vec();
    assert_eq!(to(2), [(70, renumbered), (109, vec![7])]);
    assert_eq!(to(3), [(120, vec![0xc, 0xd, 0xe]), (120, vec![7])]);
    // The level goes along under the receiver's id, beside the Slot's mid.
    let view = sent[0].view();
    let elements: Vec<_> = convoke_media::rtp::ext::elements(&view).collect();
    assert_eq!(elements, [(9, &b"0"[..]), (10, &[0x9e])]);
}

fn codec_opus(pt: u8) -> convoke_media::negotiation::params::CodecParams {
    codec(convoke_media::negotiation::params::Codec::Opus, pt, None)
}

#[test]
fn packets_of_one_slot_are_equally_long_with_and_without_a_level() {
    let mut call = room(1, 1);
    call.send(
        1,
        &Rtp::new(ssrc(1, 0), OPUS, 1, 960, &[1; 60]).with(LEVEL_EXT, &[30]),
    );
    call.send(1, &Rtp::new(ssrc(1, 0), OPUS, 2, 1920, &[1; 60]));
    let sent = call.take_rtp();
    assert_eq!(sent[0].bytes.len(), sent[1].bytes.len());
    assert!(sent[0].view().marker() && !sent[1].view().marker());
}

#[test]
fn who_speaks_is_seen() {
    let mut call = Call::new();
    for n in 1..=3 {
        let offer = Offer::of(n)
            .publish(0, Source::Microphone, &[opus()])
            .publish(1, Source::Camera, &[vp8()]);
        call.join(&offer);
    }
    call.join(&Offer::of(100).slot(0, MediaKind::Video, &[vp8()]));
    let mut seq = 0;
    assert_eq!(shown(&call), [SlotState::Active(track(1, Source::Camera))]);
    speak(&mut call, &mut seq, &[(3, 20)], 10);
    assert_eq!(
        shown(&call),
        [SlotState::Active(track(1, Source::Camera))],
        "a cough"
    );
    speak(&mut call, &mut seq, &[(3, 20)], 50);
    assert_eq!(shown(&call), [SlotState::Active(track(3, Source::Camera))]);
    call.request(100, 0, SlotTarget::Pinned(track(2, Source::Camera)), None);
    speak(&mut call, &mut seq, &[(1, 20)], 50);
    assert_eq!(shown(&call), [SlotState::Active(track(2, Source::Camera))]);
    let _ = ParticipantId(1);
}
