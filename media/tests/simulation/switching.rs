//! A Slot's stream stays one stream, whatever it shows: sequence numbers without
//! gaps, timestamps that only grow, picture ids one by one, and a keyframe wherever
//! something new begins.

use std::time::Duration;

use convoke_media::control::{MediaKind, SlotTarget, Source, TrackId};

use crate::sim::World;
use crate::sim::participant::Equipment;
use crate::sim::receiver::Report;
use crate::sim::tag::Origin;

/// What video Slot 0 of participant 0 showed in the whole run.
fn first_slot(world: &World) -> Report {
    let participant = &world.participants[0];
    let receiver = participant
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot");
    assert_eq!(receiver.foreign, 0);
    receiver.report(world.origin, world.now - Duration::from_millis(100))
}

fn continuous(report: &Report) {
    assert_eq!(report.violations, [""; 0]);
    assert_eq!(report.lost, 0, "{report:?}");
}

#[test]
fn source_switches_keep_continuity() {
    let mut world = World::new(2001);
    world.join_many(4, Equipment::FULL.slots(1, 1));
    world.connect();
    for round in 0..9 {
        let camera = world.camera_of(1 + round % 3);
        world.pin(0, 0, camera, (320, 180));
        world.run(Duration::from_millis(700));
    }
    let report = first_slot(&world);
    continuous(&report);
    let mut shown: Vec<u32> = report.segments.iter().map(|o| o.publisher).collect();
    shown.dedup();
    let want: Vec<u32> = (0..9).map(|round| 1 + round % 3).collect();
    assert!(shown.ends_with(&want), "{shown:?}");
}

#[test]
fn layer_switches_keep_continuity_and_reach_the_size_asked_for() {
    let mut world = World::new(2002);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    let camera = world.camera_of(1);
    let sizes = [
        ((320, 180), 0),
        ((1280, 720), 2),
        ((640, 360), 1),
        ((320, 180), 0),
        ((1280, 720), 2),
    ];
    for (size, _) in sizes {
        world.pin(0, 0, camera, size);
        world.run(Duration::from_millis(1500));
    }
    let report = first_slot(&world);
    continuous(&report);
    let mut layers: Vec<u8> = report.segments.iter().map(|o| o.layer).collect();
    layers.dedup();
    assert!(
        layers.ends_with(&sizes.map(|(_, layer)| layer)),
        "{layers:?}"
    );
}

#[test]
fn a_hidden_slot_is_silent_and_returns_with_a_keyframe() {
    let mut world = World::new(2003);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    let camera = world.camera_of(1);
    world.pin(0, 0, camera, (640, 360));
    world.run(Duration::from_secs(2));
    world.pin(0, 0, camera, (0, 0));
    world.run(Duration::from_millis(200));
    let hidden_from = world.now;
    world.run(Duration::from_secs(1));
    let slot = world.participants[0]
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot");
    assert_eq!(slot.report(hidden_from, world.now).packets, 0);
    let back = world.now;
    world.pin(0, 0, camera, (640, 360));
    world.run(Duration::from_secs(2));
    continuous(&first_slot(&world));
    let slot = world.participants[0]
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot");
    let after = slot.report(back, world.now);
    assert!(after.packets > 60 && after.keyframes >= 1, "{after:?}");
}

#[test]
fn muting_stops_and_unmuting_continues() {
    let mut world = World::new(2004);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    let camera = world.camera_of(1);
    world.pin(0, 0, camera, (640, 360));
    world.run(Duration::from_secs(2));
    for muted in [true, false, true, false] {
        world.mute(1, Source::Camera, muted);
        world.mute(1, Source::Microphone, muted);
        world.run(Duration::from_millis(100));
        let from = world.now;
        world.run(Duration::from_secs(1));
        for slot in &world.participants[0].slots {
            let report = slot.report(from, world.now);
            assert_eq!(
                report.packets == 0,
                muted,
                "{muted} {} {report:?}",
                slot.mid
            );
        }
    }
    continuous(&first_slot(&world));
    for slot in world.participants[0].slots_of(MediaKind::Audio) {
        let report = slot.report(world.origin, world.now);
        continuous(&report);
    }
}

#[test]
fn automatic_video_follows_the_speaker() {
    let mut world = World::new(2005);
    world.join_many(4, Equipment::FULL.slots(3, 1));
    for participant in &mut world.participants {
        participant.publication(Source::Microphone).level = 100;
    }
    world.connect();
    for speaker in [1, 3, 2] {
        world.participants[speaker]
            .publication(Source::Microphone)
            .level = 20;
        world.run(Duration::from_secs(4));
        let from = world.now - Duration::from_millis(500);
        let slot = world.participants[0]
            .slots_of(MediaKind::Video)
            .next()
            .expect("a slot");
        let shown = slot.report(from, world.now).segments;
        let shown: Vec<u32> = shown.iter().map(|o: &Origin| o.publisher).collect();
        assert_eq!(shown, [speaker as u32]);
        world.participants[speaker]
            .publication(Source::Microphone)
            .level = 100;
    }
    continuous(&first_slot(&world));
}

#[test]
fn a_publisher_who_leaves_and_another_who_comes_keep_the_stream() {
    let mut world = World::new(2006);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(2));
    world.leave(1);
    world.run(Duration::from_millis(500));
    world.join(Equipment::FULL.slots(1, 1));
    world.connect();
    let newcomer = TrackId {
        participant: world.id(2),
        source: Source::Camera,
    };
    let name = world.participants[0]
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot")
        .mid
        .clone();
    world.set_slot(0, &name, SlotTarget::Pinned(newcomer), (1280, 720));
    world.run(Duration::from_secs(2));
    let report = first_slot(&world);
    continuous(&report);
    let mut shown: Vec<u32> = report.segments.iter().map(|o| o.publisher).collect();
    shown.dedup();
    assert_eq!(shown, [1, 2]);
}

/// Lip sync: the timestamps of a Slot map to the publisher's capture times, audio
/// and video alike, through the sender reports.
#[test]
fn sender_reports_keep_audio_and_video_together() {
    let mut world = World::new(2007);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    let camera = world.camera_of(1);
    world.pin(0, 0, camera, (640, 360));
    world.run(Duration::from_secs(8));
    let mut offsets = Vec::new();
    for slot in &world.participants[0].slots {
        let &(ntp, timestamp) = slot.reports.last().expect("a sender report");
        let (_, last) = slot.arrived.last_key_value().expect("packets");
        let rate = if slot.kind == MediaKind::Audio {
            48.0
        } else {
            90.0
        };
        let behind = timestamp.wrapping_sub(last.timestamp) as i32;
        let ntp_ms = (ntp >> 32) as f64 * 1000.0 + (ntp as u32) as f64 / 4_294_967.296;
        offsets.push(ntp_ms - f64::from(behind) / rate - f64::from(last.tag.captured));
    }
    let skew = (offsets[0] - offsets[1]).abs();
    assert!(skew < 20.0, "{skew} ms: {offsets:?}");
}
