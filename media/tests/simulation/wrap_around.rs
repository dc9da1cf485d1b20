//! Sequence numbers, timestamps and picture ids that wrap in mid-call, with loss,
//! so that repairs cross the wrap as well.

use std::time::Duration;

use convoke_media::control::MediaKind;

use crate::sim::World;
use crate::sim::netem::Conditions;
use crate::sim::participant::Equipment;
use crate::sim::publisher::Start;

#[test]
fn wraps_are_seamless() {
    for (seed, loss) in [(3001, 0.0), (3002, 0.05)] {
        let mut world = World::new(seed);
        // After two to three seconds of video, and of audio: 50 packets a second.
        let start = Start {
            seq: (65_536_u32 - 130) as u16,
            timestamp: 0_u32.wrapping_sub(150_000),
            picture: 0x7fff - 70,
        };
        let equipment = Equipment {
            start,
            ..Equipment::FULL.slots(1, 1)
        };
        for _ in 0..2 {
            let index = world.join(equipment);
            world.network.set_both(index, Conditions::with_loss(loss));
        }
        world.connect();
        let camera = world.camera_of(1);
        world.pin(0, 0, camera, (640, 360));
        world.run(Duration::from_secs(8));
        for slot in &world.participants[0].slots {
            let report = slot.report(world.origin, world.now - Duration::from_secs(1));
            assert_eq!(report.violations, [""; 0], "{seed} {}", slot.mid);
            assert!(report.packets > 250, "{seed} {report:?}");
            if slot.kind == MediaKind::Video || loss == 0.0 {
                assert!(report.lost * 200 <= report.span, "{seed} {report:?}");
            }
        }
        let publisher = &world.participants[1];
        let mut encodings = publisher.publications.iter().flat_map(|p| &p.encodings);
        assert!(encodings.all(|e| e.seq > 65_536), "nothing wrapped");
    }
}

/// The Slot's own numbers start anywhere and wrap as well; 65,536 packets are too
/// many to wait for, so this only runs the faster of the two: a screen at 90 pps.
#[test]
fn a_slots_own_sequence_wraps() {
    let mut world = World::new(3003);
    world.join(Equipment::VIEWER.slots(0, 1));
    world.join(Equipment::FULL.slots(0, 0));
    world.connect();
    let camera = world.camera_of(1);
    world.pin(0, 0, camera, (1280, 720));
    // 92 packets a second: 12 minutes for a whole turn.
    world.run(Duration::from_secs(730));
    let slot = world.participants[0]
        .slots_of(MediaKind::Video)
        .next()
        .expect("a slot");
    let report = slot.report(world.origin, world.now - Duration::from_millis(100));
    assert!(report.span > 65_536, "{}", report.span);
    assert_eq!((report.lost, report.violations), (0, Vec::new()));
}
