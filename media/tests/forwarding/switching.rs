//! What a Slot is sent is one sequence, whoever it comes from.

use std::time::Duration;

use convoke_media::control::{MediaKind, SlotTarget, Source};
use convoke_media::ids::Ssrc;
use convoke_media::rtp::codec::vp8::Descriptor;

use crate::harness::*;

const FRAME: Duration = Duration::from_millis(33);

fn two_cameras() -> Call {
    let mut call = Call::new();
    for n in [1, 2] {
        call.join(&Offer::of(n).publish(0, Source::Camera, &[vp8()]));
    }
    let receiver = codec(
        convoke_media::negotiation::params::Codec::Vp8,
        120,
        Some(121),
    );
    call.join(&Offer::of(3).slot(0, MediaKind::Video, &[receiver]));
    call
}

fn frame(call: &mut Call, from: u32, n: u16, keyframe: bool) {
    let base = from as u16 * 20_000;
    let payload = vp8_payload(keyframe, (base + n) & 0x7fff, (640, 360));
    let timestamp = u32::from(n) * 2970 + from * 0x7000_0000;
    call.send(
        from,
        &Rtp::new(
            ssrc(from, 0),
            VP8,
            base.wrapping_add(n),
            timestamp,
            &payload,
        ),
    );
}

fn picture_id(sent: &Sent) -> u16 {
    let view = sent.view();
    Descriptor::parse(view.payload())
        .unwrap()
        .picture_id
        .unwrap()
        .value
}

#[test]
fn nothing_is_sent_before_a_keyframe_and_one_is_asked_for() {
    let mut call = two_cameras();
    call.request(3, 0, SlotTarget::Pinned(track(1, Source::Camera)), None);
    call.pass(Duration::ZERO);
    assert_eq!(rtcp_of(&call.take_rtcp(), 1, PLI), 1);
    for n in 0..10 {
        frame(&mut call, 1, n, false);
    }
    assert!(call.take_rtp().is_empty());
    frame(&mut call, 1, 10, true);
    frame(&mut call, 1, 11, false);
    let sent = call.take_rtp();
    assert_eq!(sent.len(), 2);
    assert_eq!(
        (sent[0].view().pt().get(), sent[0].view().ssrc()),
        (120, slot_ssrc(3, 0))
    );
    assert_eq!(sent[1].seq.0, sent[0].seq.0 + 1);
}

#[test]
fn a_source_switch_keeps_sequence_timestamps_and_picture_ids() {
    let mut call = two_cameras();
    let mut sent = Vec::new();
    for n in 0..200u16 {
        let source = 1 + u32::from(n / 20) % 2;
        if n % 20 == 0 {
            call.request(
                3,
                0,
                SlotTarget::Pinned(track(source, Source::Camera)),
                None,
            );
        }
        for from in [1, 2] {
            frame(&mut call, from, n, n % 20 == 3);
        }
        sent.extend(call.take_rtp());
        call.pass(FRAME);
    }
    assert_eq!(sent.len(), 170);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].seq.0, pair[0].seq.0 + 1);
        let step = pair[1]
            .view()
            .timestamp()
            .wrapping_sub(pair[0].view().timestamp());
        assert!((2900..15_000).contains(&step), "{step}");
        assert_eq!(picture_id(&pair[1]), (picture_id(&pair[0]) + 1) & 0x7fff);
    }
}

#[test]
fn not_one_packet_of_the_source_before_follows_a_switch() {
    let mut call = two_cameras();
    call.request(3, 0, SlotTarget::Pinned(track(1, Source::Camera)), None);
    frame(&mut call, 1, 0, true);
    frame(&mut call, 1, 1, false);
    assert_eq!(call.take_rtp().len(), 2);
    call.request(3, 0, SlotTarget::Pinned(track(2, Source::Camera)), None);
    frame(&mut call, 1, 2, true);
    assert!(call.take_rtp().is_empty());
    frame(&mut call, 2, 0, true);
    assert_eq!(call.take_rtp().len(), 1);
}

#[test]
fn loss_and_reordering_upstream_stay_what_they_are() {
    let mut call = two_cameras();
    call.request(3, 0, SlotTarget::Pinned(track(1, Source::Camera)), None);
    // Across the wrap of the source, whose numbers begin at 20000.
    let order = [0u16, 1, 3, 2, 6, 4];
    for n in order {
        frame(&mut call, 1, n, n == 0);
    }
    let sent = call.take_rtp();
    let offsets: Vec<_> = sent.iter().map(|s| s.seq.0 - sent[0].seq.0).collect();
    assert_eq!(offsets, [0, 1, 3, 2, 6, 4]);
}

#[test]
fn sequences_wrap_on_both_sides() {
    let mut call = two_cameras();
    call.request(3, 0, SlotTarget::Pinned(track(2, Source::Camera)), None);
    for n in 0..70_000u32 {
        let payload = if n == 0 {
            vp8_payload(true, 0, (640, 360))
        } else {
            vec![0x10, 0x11]
        };
        let seq = (n as u16).wrapping_add(50_000);
        call.send(
            2,
            &Rtp::new(ssrc(2, 0), VP8, seq, n.wrapping_mul(2970), &payload),
        );
        if n % 1000 == 0 {
            call.pass(FRAME);
        }
    }
    let sent = call.take_rtp();
    assert_eq!(sent.len(), 70_000);
    assert!(
        sent.windows(2)
            .all(|pair| pair[1].seq.0 == pair[0].seq.0 + 1)
    );
    assert!(sent.iter().all(|s| s.view().seq() == s.seq.as_u16()));
    assert!(sent[69_999].seq.0 > 1 << 16);
}

#[test]
fn a_publisher_who_starts_anew_continues_on_the_slot() {
    let mut call = two_cameras();
    call.request(3, 0, SlotTarget::Pinned(track(1, Source::Camera)), None);
    frame(&mut call, 1, 0, true);
    frame(&mut call, 1, 1, false);
    // Another SSRC and sequence for the same m-line (RFC 3550 §8.2).
    for n in 0..5u16 {
        let payload = vp8_payload(n == 2, n, (640, 360));
        let packet = Rtp::new(Ssrc(77), VP8, 9 + n, 5, &payload).with(MID_EXT, b"0");
        call.send(1, &packet);
    }
    let sent = call.take_rtp();
    let seqs: Vec<_> = sent.iter().map(|s| s.seq.0 - sent[0].seq.0).collect();
    assert_eq!(seqs, [0, 1, 2, 3, 4]);
}

#[test]
fn frame_numbers_of_dependency_descriptors_go_on() {
    let mut call = two_cameras();
    let mut numbers = Vec::new();
    for n in 0..40u16 {
        let from = 1 + u32::from(n / 10) % 2;
        if n % 10 == 0 {
            let target = SlotTarget::Pinned(track(from, Source::Camera));
            call.request(3, 0, target, None);
        }
        // The second publisher counts from a lower number on, across its wrap.
        let number = if from == 1 {
            5000 + n
        } else {
            n.wrapping_sub(15)
        };
        let [high, low] = number.to_be_bytes();
        // The structure that marks a keyframe, where the payload does not tell.
        let structure = if n % 10 == 0 { 0x80 } else { 0 };
        let packet = Rtp::new(ssrc(from, 0), VP8, n, u32::from(n) * 3000, &[0x10, 0x11])
            .with(DESCRIPTOR_EXT, &[0xc0, high, low, structure]);
        call.send(from, &packet);
        for sent in call.take_rtp() {
            let view = sent.view();
            let mut elements = convoke_media::rtp::ext::elements(&view);
            let (_, stated) = elements.find(|(id, _)| *id == 11).unwrap();
            numbers.push(u16::from_be_bytes([stated[1], stated[2]]));
        }
        call.pass(FRAME);
    }
    assert_eq!(numbers, (5000..5040).collect::<Vec<_>>());
}

#[test]
fn probes_without_payload_leave_no_gap() {
    let mut call = two_cameras();
    call.request(3, 0, SlotTarget::Pinned(track(1, Source::Camera)), None);
    frame(&mut call, 1, 0, true);
    for n in 1..4 {
        let mut bytes = Rtp::new(ssrc(1, 0), VP8, 20_000 + n, 0, &[0, 0, 0, 4]).bytes();
        bytes[0] |= 0x20;
        call.router
            .handle_rtp(call.now, key(1), &mut bytes, &mut call.sink);
    }
    frame(&mut call, 1, 4, false);
    let sent = call.take_rtp();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1].seq.0, sent[0].seq.0 + 1);
}
