//! Losses upstream are asked for, losses downstream are answered from the store.

use std::time::Duration;

use convoke_media::control::{MediaKind, SlotTarget, Source};
use convoke_media::ids::Ssrc;
use convoke_media::rtp::rtcp::{RtcpPacket, RtcpWriter, packets};

use crate::harness::*;

fn camera(receiver: &[convoke_media::negotiation::params::CodecParams]) -> Call {
    let mut call = Call::new();
    call.join(&Offer::of(1).publish(0, Source::Camera, &[vp8()]));
    call.join(&Offer::of(2).slot(0, MediaKind::Video, receiver));
    call
}

fn packet(n: u16) -> Rtp {
    let payload = vp8_payload(n == 0, n, (640, 360));
    let mut packet = Rtp::new(
        ssrc(1, 0),
        VP8,
        n.wrapping_add(65_530),
        5000 + u32::from(n),
        &payload,
    );
    packet.marker = true;
    packet
}

fn nacked(call: &mut Call, to: u32) -> Vec<Vec<u16>> {
    let sent = call.take_rtcp();
    let lists = sent
        .iter()
        .filter(|(key, _)| key.0 == to)
        .filter_map(|(_, bytes)| match packets(bytes).next() {
            Some(Ok(RtcpPacket::Nack { lost, .. })) => Some(lost.collect()),
            _ => None,
        });
    lists.collect()
}

fn nack(call: &mut Call, lost: &[u16]) {
    let mut writer = RtcpWriter::default();
    writer.nack(Ssrc(1), slot_ssrc(2, 0), lost);
    call.send_rtcp(2, writer.bytes());
}

#[test]
fn the_publisher_is_asked_for_losses_and_its_rtx_fills_them() {
    let mut call = camera(&[vp8()]);
    for n in [0, 1, 4, 8, 9] {
        call.send(1, &packet(n));
    }
    assert!(nacked(&mut call, 1).is_empty(), "may still be reordered");
    call.pass(Duration::from_millis(15));
    assert_eq!(nacked(&mut call, 1), [[65_532, 65_533, 65_535, 0, 1]]);
    // Repaired by RTX (RFC 4588), one of them twice, one by the late original.
    for n in [2u16, 3, 3, 5] {
        let mut rtx = packet(n);
        let original = rtx.seq.to_be_bytes();
        rtx.payload.splice(0..0, original);
        (rtx.ssrc, rtx.pt, rtx.seq) = (Ssrc(ssrc(1, 0).0 + 1), VP8_RTX, 100 + n);
        call.send(1, &rtx);
    }
    call.send(1, &packet(6));
    call.send(1, &packet(6));
    let sent = call.take_rtp();
    let mut seqs: Vec<_> = sent.iter().map(|s| s.seq.0 - sent[0].seq.0).collect();
    assert_eq!(seqs, [0, 1, 4, 8, 9, 2, 3, 5, 6]);
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), sent.len());
    assert!(
        sent.iter()
            .all(|s| s.view().pt().get() == VP8 && s.view().marker())
    );
    call.pass(Duration::from_millis(150));
    assert_eq!(nacked(&mut call, 1), [[1]]);
    let stats = call.router.stats(key(1)).0[0];
    assert_eq!((stats.repaired, stats.lost, stats.nacks_sent), (3, 1, 6));
}

#[test]
fn retransmissions_of_simulcast_layers_are_told_by_their_repaired_rid() {
    let mut call = Call::new();
    call.join(&Offer::of(1).simulcast(0, Source::Camera, &["q", "h"]));
    call.join(&Offer::of(2).slot(0, MediaKind::Video, &[vp8()]));
    let layer = |n: u16, at: u32| {
        let payload = vp8_payload(n == 0, n, [(320, 180), (640, 360)][at as usize]);
        Rtp::new(Ssrc(70 + at), VP8, n, u32::from(n) * 3000, &payload)
    };
    let named = |packet: Rtp, id: u8, rid: &[u8]| packet.with(MID_EXT, b"0").with(id, rid);
    for n in [0, 1, 3] {
        call.send(1, &named(layer(n, 0), RID_EXT, b"q"));
        call.send(1, &named(layer(n, 1), RID_EXT, b"h"));
    }
    // The larger layer took over with its keyframe.
    let sent = call.take_rtp();
    assert_eq!(call.router.stats(key(2)).1[0].encoding, Some(1));
    call.pass(Duration::from_millis(15));
    assert_eq!(
        nacked(&mut call, 1),
        [[2]],
        "nobody receives the smaller one"
    );
    let mut rtx = layer(2, 1);
    rtx.payload.splice(0..0, 2u16.to_be_bytes());
    (rtx.ssrc, rtx.pt, rtx.seq) = (Ssrc(4711), VP8_RTX, 9);
    call.send(1, &named(rtx, REPAIRED_EXT, b"h"));
    let repaired = call.take_rtp();
    assert_eq!(repaired.len(), 1);
    let last = sent.last().unwrap();
    assert_eq!(repaired[0].seq.0, last.seq.0 - 1);
    let stats = call.router.stats(key(1)).0;
    assert_eq!(stats.iter().map(|s| s.repaired).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn what_nobody_receives_is_not_asked_for() {
    let mut call = camera(&[vp8()]);
    call.request(2, 0, SlotTarget::Off, None);
    for n in [0, 5] {
        call.send(1, &packet(n));
    }
    call.pass(Duration::from_millis(500));
    assert!(nacked(&mut call, 1).is_empty());
}

#[test]
fn a_receiver_is_answered_by_rtx_in_a_sequence_of_its_own() {
    let mut call = camera(&[codec(
        convoke_media::negotiation::params::Codec::Vp8,
        120,
        Some(121),
    )]);
    for n in 0..40 {
        call.send(1, &packet(n));
    }
    let sent = call.take_rtp();
    let wanted: Vec<u16> = [3, 7, 30].map(|at: usize| sent[at].view().seq()).to_vec();
    nack(&mut call, &wanted);
    let again = call.take_rtp();
    assert_eq!(again.len(), 3);
    for (repair, at) in again.iter().zip([3, 7, 30]) {
        let (repair, original) = (repair.view(), sent[at].view());
        assert_eq!(
            (repair.ssrc().0, repair.pt().get()),
            (slot_ssrc(2, 0).0 + 1, 121)
        );
        assert_eq!(repair.timestamp(), original.timestamp());
        assert_eq!(repair.payload()[..2], original.seq().to_be_bytes());
        assert_eq!(&repair.payload()[2..], original.payload());
    }
    let seqs: Vec<_> = again.iter().map(|s| s.seq.0 - again[0].seq.0).collect();
    assert_eq!(seqs, [0, 1, 2]);
    nack(&mut call, &wanted);
    assert!(call.take_rtp().is_empty(), "once per round trip");
    call.pass(Duration::from_millis(110));
    nack(&mut call, &wanted);
    assert_eq!(call.take_rtp().len(), 3);
    nack(&mut call, &[sent[39].view().seq().wrapping_add(1)]);
    assert!(call.take_rtp().is_empty(), "never sent");
}

#[test]
fn a_receiver_without_rtx_gets_the_very_same_bytes() {
    let mut call = camera(&[codec(
        convoke_media::negotiation::params::Codec::Vp8,
        120,
        None,
    )]);
    for n in 0..5 {
        call.send(1, &packet(n));
    }
    let sent = call.take_rtp();
    call.pass(Duration::from_millis(50));
    nack(&mut call, &[sent[2].view().seq()]);
    let again = call.take_rtp();
    assert_eq!(again.len(), 1);
    assert_eq!(
        (&again[0].bytes, again[0].seq),
        (&sent[2].bytes, sent[2].seq)
    );
}

/// Padding is between two hops: it is cut off, and says nothing of what is repeated.
#[test]
fn what_came_padded_is_repeated_whole() {
    for rtx in [None, Some(121)] {
        let receiver = codec(convoke_media::negotiation::params::Codec::Vp8, 120, rtx);
        let mut call = camera(&[receiver]);
        let mut padded = packet(0);
        // The last byte of the picture would do for a length of padding, too.
        padded.payload.push(9);
        let mut bytes = padded.bytes();
        bytes[0] |= 0x20;
        bytes.extend([0, 0, 0, 4]);
        call.router
            .handle_rtp(call.now, key(1), &mut bytes, &mut call.sink);
        let sent = call.take_rtp();
        assert_eq!(sent[0].view().payload().len(), padded.payload.len());
        call.pass(Duration::from_millis(50));
        nack(&mut call, &[sent[0].view().seq()]);
        let again = call.take_rtp();
        let (original, repair) = (sent[0].view().payload(), again[0].view());
        match rtx {
            Some(_) => assert_eq!(&repair.payload()[2..], original),
            None => assert_eq!(again[0].bytes, sent[0].bytes),
        }
    }
}

/// Its extensions would be others: two texts under one nonce.
#[test]
fn what_was_sent_by_another_offer_is_not_repeated_under_its_own_number() {
    let vp8_alone = codec(convoke_media::negotiation::params::Codec::Vp8, 120, None);
    let publisher = Offer::of(1).publish(0, Source::Camera, &[vp8()]);
    let receiver = Offer::of(2).slot(0, MediaKind::Video, &[vp8_alone]);
    let mut other_ids = receiver.clone();
    other_ids.negotiated.slots[0].extensions.mid = Some(3);
    let mut read_anew = publisher.clone();
    read_anew.negotiated.published[0].extensions.playout_delay = Some(14);
    for (who, offer, repeats) in [
        (2, &receiver, true),
        (2, &other_ids, false),
        (1, &publisher, true),
        (1, &read_anew, false),
    ] {
        let mut call = camera(&[vp8_alone]);
        call.send(1, &packet(0));
        let before = call.take_rtp()[0].view().seq();
        call.router.apply(call.now, key(who), &offer.negotiated);
        call.send(1, &packet(1));
        let after = call.take_rtp()[0].view().seq();
        call.pass(Duration::from_millis(50));
        nack(&mut call, &[before, after]);
        let again: Vec<_> = call.take_rtp().iter().map(|s| s.view().seq()).collect();
        let want = [before, after];
        assert_eq!(again, want[usize::from(!repeats)..], "{who}");
    }
}

/// Its padding may have been another then: two texts under one nonce.
#[test]
fn a_voice_is_not_repeated_under_its_own_number_even_if_that_was_negotiated() {
    let mut call = Call::new();
    call.join(&Offer::of(1).publish(0, Source::Microphone, &[opus()]));
    let repairable = convoke_media::negotiation::params::CodecParams {
        nack: true,
        ..opus()
    };
    call.join(&Offer::of(2).slot(0, MediaKind::Audio, &[repairable]));
    for n in 0..5 {
        let voice = Rtp::new(ssrc(1, 0), OPUS, n, u32::from(n) * 960, &[1; 60]);
        call.send(1, &voice);
    }
    let sent = call.take_rtp();
    assert_eq!(sent.len(), 5);
    call.pass(Duration::from_millis(50));
    nack(&mut call, &[sent[2].view().seq()]);
    assert_eq!(call.take_rtp().len(), 0);
}

#[test]
fn an_endless_request_is_bounded_in_bytes() {
    let mut call = camera(&[vp8()]);
    for n in 0..120 {
        call.send(1, &packet(n));
    }
    let seqs: Vec<u16> = call.take_rtp().iter().map(|s| s.view().seq()).collect();
    for _ in 0..1000 {
        nack(&mut call, &seqs);
        call.pass(Duration::from_millis(10));
    }
    let bytes: usize = call.take_rtp().iter().map(|s| s.bytes.len()).sum();
    assert!(bytes < 3_200_000, "{bytes} in ten seconds");
}

#[test]
fn a_datagram_may_ask_for_only_so_many_numbers() {
    let mut call = camera(&[vp8()]);
    call.send(1, &packet(0));
    call.take_rtp();
    let everything: Vec<u16> = (0..4000).collect();
    let mut writer = RtcpWriter::default();
    // In several NACKs of one compound as well.
    for lost in everything.chunks(1000) {
        writer.nack(Ssrc(1), slot_ssrc(2, 0), lost);
    }
    call.send_rtcp(2, writer.bytes());
    let asked = call.router.stats(key(2)).1[0].nacks_received;
    assert_eq!(asked, convoke_media::limits::MAX_NACKED as u64);
}

#[test]
fn a_thousand_requests_for_a_keyframe_are_two_upstream() {
    let mut call = camera(&[vp8()]);
    call.send(1, &packet(0));
    call.pass(Duration::from_secs(1));
    call.take_rtcp();
    let mut writer = RtcpWriter::default();
    writer.pli(Ssrc(1), slot_ssrc(2, 0));
    for _ in 0..990 {
        call.send_rtcp(2, writer.bytes());
        call.pass(Duration::from_millis(1));
    }
    assert_eq!(rtcp_of(&call.take_rtcp(), 1, PLI), 2);
    // It is asked until it comes, and no more.
    call.pass(Duration::from_secs(2));
    assert_eq!(rtcp_of(&call.take_rtcp(), 1, PLI), 4);
    let payload = vp8_payload(true, 1, (640, 360));
    call.send(1, &Rtp::new(ssrc(1, 0), VP8, 65_531, 9000, &payload));
    call.pass(Duration::from_secs(2));
    assert_eq!(rtcp_of(&call.take_rtcp(), 1, PLI), 0);
}

#[test]
fn strangers_ssrcs_and_payload_types_go_nowhere() {
    let mut call = camera(&[vp8()]);
    call.send(1, &packet(0));
    call.take_rtp();
    let mut unknown = packet(1);
    unknown.pt = 50;
    call.send(1, &unknown);
    let mut unknown = packet(1);
    unknown.ssrc = Ssrc(1234);
    unknown.pt = 50;
    call.send(1, &unknown);
    call.send(7, &packet(1));
    assert!(call.take_rtp().is_empty());
}
