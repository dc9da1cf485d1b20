//! Header extensions (RFC 8285) from a sender's ids to a receiver's: what says something
//! of the picture or the sound travels, what names streams or paths does not.

use std::time::Duration;

use convoke_media::control::{MediaKind, Source};
use convoke_media::negotiation::params::ExtensionIds;
use convoke_media::rtp::ext::elements;

use crate::harness::*;

/// Of a sender that has nothing but these, besides the harness's.
const TIME: u8 = 7;
const ORIENTATION: u8 = 8;
const DELAY: u8 = 10;
const CAPTURE: u8 = 12;
/// Negotiated by nobody.
const UNKNOWN: u8 = 14;

/// 1 publishes a microphone and a camera; 2 has Slots for both, which negotiated `ids`.
fn pair(ids: ExtensionIds) -> Call {
    let mut sender = Offer::of(1)
        .publish(0, Source::Microphone, &[opus()])
        .publish(1, Source::Camera, &[vp8()]);
    for section in &mut sender.negotiated.published {
        section.extensions.abs_send_time = Some(TIME);
        section.extensions.video_orientation = Some(ORIENTATION);
        section.extensions.playout_delay = Some(DELAY);
        section.extensions.abs_capture_time = Some(CAPTURE);
    }
    let mut receiver =
        Offer::of(2)
            .slot(5, MediaKind::Audio, &[opus()])
            .slot(6, MediaKind::Video, &[vp8()]);
    for section in &mut receiver.negotiated.slots {
        section.extensions = ids;
    }
    let mut call = Call::new();
    call.join(&sender);
    call.join(&receiver);
    call
}

fn sound(seq: u16) -> Rtp {
    Rtp::new(ssrc(1, 0), OPUS, seq, u32::from(seq) * 960, &[1; 60])
}

fn picture(seq: u16) -> Rtp {
    let payload = vp8_payload(seq == 1, seq, (640, 360));
    Rtp::new(ssrc(1, 1), VP8, seq, u32::from(seq) * 3000, &payload)
}

/// The elements of the only packet that was forwarded.
fn forwarded(call: &mut Call, packet: &Rtp) -> Vec<(u8, Vec<u8>)> {
    call.send(1, packet);
    let sent = call.take_rtp();
    assert_eq!(sent.len(), 1);
    let view = sent[0].view();
    let mut found: Vec<_> = elements(&view).map(|(id, v)| (id, v.to_vec())).collect();
    found.sort_unstable();
    found
}

#[test]
fn what_describes_the_media_travels_under_the_receiver_s_ids() {
    let mut call = pair(ExtensionIds {
        mid: Some(1),
        audio_level: Some(4),
        video_orientation: Some(2),
        playout_delay: Some(3),
        abs_capture_time: Some(11),
        ..ExtensionIds::default()
    });
    let capture = [1, 2, 3, 4, 5, 6, 7, 8];
    let sound = sound(1)
        .with(LEVEL_EXT, &[0x80 | 30])
        .with(CAPTURE, &capture);
    let want = [
        (1, b"5".to_vec()),
        (4, vec![0x80 | 30]),
        (11, capture.to_vec()),
    ];
    assert_eq!(forwarded(&mut call, &sound), want);

    let picture = picture(1)
        .with(ORIENTATION, &[3])
        .with(DELAY, &[0, 0x10, 0x20]);
    let want = [(1, b"6".to_vec()), (2, vec![3]), (3, vec![0, 0x10, 0x20])];
    assert_eq!(forwarded(&mut call, &picture), want);
}

/// Even to a receiver that would understand it: mid, rids and the numbers of a path are
/// the sender's own, and of nothing else is it known who may see it.
#[test]
fn what_names_the_sender_s_streams_and_path_stays_behind() {
    let mut call = pair(ExtensionIds {
        mid: Some(9),
        rid: Some(RID_EXT),
        repaired_rid: Some(REPAIRED_EXT),
        transport_cc: Some(TWCC_EXT),
        ..ExtensionIds::default()
    });
    let picture = picture(1)
        .with(MID_EXT, b"1")
        .with(RID_EXT, b"h")
        .with(REPAIRED_EXT, b"h")
        .with(TWCC_EXT, &[0, 7])
        .with(UNKNOWN, b"who is this");
    assert_eq!(forwarded(&mut call, &picture), [(9, b"6".to_vec())]);
}

/// 6.18 fixed point seconds; it may not be in what is repeated under its own number.
#[test]
fn the_time_of_sending_is_our_own_and_on_repairable_video_alone() {
    const OURS: u8 = 13;
    let mut call = pair(ExtensionIds {
        abs_send_time: Some(OURS),
        ..ExtensionIds::default()
    });
    let mut time = |seq| {
        let found = forwarded(&mut call, &picture(seq).with(TIME, &[1, 2, 3]));
        call.pass(Duration::from_millis(500));
        let [(OURS, time)] = &found[..] else {
            panic!("{found:?}")
        };
        u32::from_be_bytes([0, time[0], time[1], time[2]])
    };
    let (first, second) = (time(1), time(2));
    assert_eq!(second.wrapping_sub(first) & 0xff_ffff, 1 << 17);
    call.take_rtp();
    let found = forwarded(&mut call, &sound(1).with(TIME, &[1, 2, 3]));
    assert_eq!(found, []);
}

#[test]
fn a_receiver_without_extensions_gets_none() {
    let mut call = pair(ExtensionIds::default());
    let sound = sound(1).with(LEVEL_EXT, &[30]).with(MID_EXT, b"0");
    call.send(1, &sound);
    let sent = call.take_rtp();
    assert!(sent[0].view().extension().is_none());
    assert_eq!(sent[0].view().payload(), &[1; 60]);
}

/// Ids above 14 need the two-byte form (RFC 8285 §4.3).
#[test]
fn large_ids_are_written_in_the_form_that_has_room_for_them() {
    let mut call = pair(ExtensionIds {
        mid: Some(200),
        audio_level: Some(15),
        ..ExtensionIds::default()
    });
    let want = [(15, vec![30]), (200, b"5".to_vec())];
    let sound = sound(1).with(LEVEL_EXT, &[30]);
    assert_eq!(forwarded(&mut call, &sound), want);
}
