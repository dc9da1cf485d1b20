//! What is reported to whom, read by an independent decoder.

use std::time::Duration;

use convoke_media::control::{MediaKind, Source};
use convoke_media::ids::Ssrc;
use convoke_media::rtp::rtcp::RtcpWriter;
use convoke_media::rtp::rtcp::report::SenderInfo;
use rtc_rtcp::packet::unmarshal;
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::sender_report::SenderReport;

use crate::harness::*;

fn call() -> Call {
    let mut call = Call::new();
    let offer = Offer::of(1)
        .publish(0, Source::Microphone, &[opus()])
        .publish(1, Source::Camera, &[vp8()]);
    call.join(&offer);
    let offer =
        Offer::of(2)
            .slot(0, MediaKind::Audio, &[opus()])
            .slot(1, MediaKind::Video, &[vp8()]);
    call.join(&offer);
    call
}

fn reports<T: Clone + 'static>(call: &mut Call, to: u32) -> Vec<T> {
    let sent = call.take_rtcp();
    let mut found = Vec::new();
    for (_, bytes) in sent.iter().filter(|(key, _)| key.0 == to) {
        let mut bytes = bytes::Bytes::copy_from_slice(bytes);
        for packet in unmarshal(&mut bytes).unwrap() {
            found.extend(packet.as_any().downcast_ref::<T>().cloned());
        }
    }
    found
}

#[test]
fn a_publisher_learns_its_losses_and_round_trip() {
    let mut call = call();
    let mut writer = RtcpWriter::default();
    let info = SenderInfo {
        ntp: 0x1111_2222_3333_4444,
        rtp: 0,
        packets: 0,
        octets: 0,
    };
    for n in (0..100u16).filter(|n| n % 10 != 5) {
        call.send(
            1,
            &Rtp::new(ssrc(1, 0), OPUS, n, u32::from(n) * 960, &[1; 80]),
        );
        call.pass(Duration::from_millis(20));
    }
    call.take_rtcp();
    writer.sender_report(ssrc(1, 0), &info);
    call.send_rtcp(1, writer.bytes());
    call.pass(Duration::from_millis(1000));
    let report = reports::<ReceiverReport>(&mut call, 1).pop().unwrap();
    let block = &report.reports[0];
    assert_eq!(
        (
            block.ssrc,
            block.total_lost,
            block.last_sequence_number & 0xffff
        ),
        (ssrc(1, 0).0, 10, 99)
    );
    assert_eq!(block.last_sender_report, 0x2222_3333);
    assert!((1..=65_536).contains(&block.delay), "{}", block.delay);
}

#[test]
fn lip_sync_holds_on_the_slots() {
    let mut call = call();
    // The publisher's clock is an hour off, its audio began at 5000, its video at
    // 90; both were captured at its time 100 s, 40 ms before they arrive.
    let publisher = 100u64 << 32;
    let rate = [48_000u32, 90_000];
    let origin = [5000u32, 90];
    for n in 0..300u16 {
        let millis = u32::from(n) * 20;
        call.send(
            1,
            &Rtp::new(ssrc(1, 0), OPUS, n, origin[0] + millis * 48, &[1; 80]),
        );
        let payload = vp8_payload(n == 0, n, (640, 360));
        call.send(
            1,
            &Rtp::new(ssrc(1, 1), VP8, n, origin[1] + millis * 90, &payload),
        );
        if n % 50 == 10 {
            for at in [0, 1] {
                let mut writer = RtcpWriter::default();
                let info = SenderInfo {
                    ntp: publisher + (u64::from(millis) << 32) / 1000,
                    rtp: origin[at] + millis * (rate[at] / 1000),
                    packets: 1,
                    octets: 1,
                };
                writer.sender_report(ssrc(1, at as u32), &info);
                call.send_rtcp(1, writer.bytes());
            }
        }
        call.pass(Duration::from_millis(20));
    }
    // What was sent of the same instant, n = 100, on either Slot.
    let sent = call.take_rtp();
    let at = |ssrc: Ssrc| {
        let mut sent = sent.iter().filter(|s| s.view().ssrc() == ssrc);
        sent.nth(100).unwrap().view().timestamp()
    };
    let stamped = [at(slot_ssrc(2, 0)), at(slot_ssrc(2, 1))];
    let reports = reports::<SenderReport>(&mut call, 2);
    let captured: Vec<f64> = [0, 1]
        .into_iter()
        .map(|slot| {
            let of_slot = |report: &&SenderReport| report.ssrc == slot_ssrc(2, slot as u32).0;
            let report = reports.iter().rfind(of_slot).unwrap();
            let ntp = report.ntp_time as f64 / 2f64.powi(32);
            let ticks = stamped[slot].wrapping_sub(report.rtp_time) as i32;
            ntp + f64::from(ticks) / f64::from(rate[slot])
        })
        .collect();
    assert!((captured[0] - captured[1]).abs() < 0.001, "{captured:?}");
    // In the server's time, which began at 1000 s, 2 s before; a single report may
    // have been delayed.
    assert!((captured[0] - 1002.0).abs() < 0.050, "{captured:?}");
    let audio = reports.iter().filter(|r| r.ssrc == slot_ssrc(2, 0).0);
    assert!((4..=8).contains(&audio.count()));
}

#[test]
fn nothing_is_reported_before_the_publisher_reported() {
    let mut call = call();
    for n in 0..100u16 {
        call.send(
            1,
            &Rtp::new(ssrc(1, 0), OPUS, n, u32::from(n) * 960, &[1; 80]),
        );
        call.pass(Duration::from_millis(20));
    }
    assert!(reports::<SenderReport>(&mut call, 2).is_empty());
}

#[test]
fn transport_wide_feedback_comes_while_packets_do() {
    let mut call = call();
    for n in 0..100u16 {
        let packet = Rtp::new(ssrc(1, 0), OPUS, n, u32::from(n) * 960, &[1; 80])
            .with(TWCC_EXT, &(n.wrapping_add(65_500)).to_be_bytes());
        call.send(1, &packet);
        call.pass(Duration::from_millis(20));
    }
    let sent = call.take_rtcp();
    let count = rtcp_of(&sent, 1, TWCC);
    assert!((20..=50).contains(&count), "{count} in two seconds");
    call.pass(Duration::from_secs(2));
    assert!(rtcp_of(&call.take_rtcp(), 1, TWCC) <= 1);
}

#[test]
fn the_unconnected_are_sent_nothing() {
    let mut call = call();
    call.router.set_connected(call.now, key(2), false);
    call.router.set_connected(call.now, key(1), false);
    call.send(
        1,
        &Rtp::new(ssrc(1, 0), OPUS, 1, 960, &[1; 80]).with(TWCC_EXT, &[0, 1]),
    );
    call.pass(Duration::from_secs(3));
    assert!(call.take_rtp().is_empty() && call.take_rtcp().is_empty());
    call.router.set_connected(call.now, key(2), true);
    call.send(1, &Rtp::new(ssrc(1, 0), OPUS, 2, 1920, &[1; 80]));
    assert_eq!(call.take_rtp().len(), 1);
}
