//! Fifty join at once; every Slot shows what it was asked to, and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use convoke_media::control::{MediaKind, SlotState, Source, TransportState};

use crate::sim::World;
use crate::sim::participant::Equipment;
use crate::sim::tag::Origin;

const SEED: u64 = 50;
const PARTICIPANTS: usize = 50;
const VIDEO_SLOTS: usize = 9;

/// The `slot`-th camera that `index` looks at: the next ones around the table.
fn neighbour(index: usize, slot: usize) -> usize {
    (index + 1 + slot * 5) % PARTICIPANTS
}

#[test]
fn every_slot_gets_the_right_packets() {
    let mut world = World::new(SEED);
    world.join_many(PARTICIPANTS, Equipment::FULL.slots(3, VIDEO_SLOTS));
    world.connect();
    assert!(
        world.elapsed() < Duration::from_secs(5),
        "{:?}",
        world.elapsed()
    );
    for index in 0..PARTICIPANTS {
        for slot in 0..VIDEO_SLOTS {
            let camera = world.camera_of(neighbour(index, slot));
            world.pin(index, slot, camera, (320, 180));
        }
    }
    world.run(Duration::from_secs(1));
    let (from, until) = (world.now, world.now + Duration::from_secs(2));
    world.run(Duration::from_millis(2200));

    for index in 0..PARTICIPANTS {
        let participant = &world.participants[index];
        assert_eq!(participant.states, [TransportState::Connected]);
        for (slot, receiver) in participant.slots_of(MediaKind::Video).enumerate() {
            let report = receiver.report(from, until);
            let want = Origin {
                publisher: neighbour(index, slot) as u32,
                source: Source::Camera,
                layer: 0,
            };
            assert_eq!(report.segments, [want], "{index} {slot}");
            assert_eq!(report.violations, [""; 0], "{index} {slot}");
            assert_eq!((report.lost, receiver.foreign), (0, 0), "{index} {slot}");
            // 30 frames of at least one packet a second.
            assert!(
                (58..80).contains(&report.packets),
                "{index} {slot}: {}",
                report.packets
            );
        }
        audio_slots_are_distinct(&world, index, from, until);
    }
}

/// Automatic audio: different microphones on the three Slots, never one's own.
fn audio_slots_are_distinct(
    world: &World,
    index: usize,
    from: std::time::Instant,
    until: std::time::Instant,
) {
    let mut heard = BTreeSet::new();
    for receiver in world.participants[index].slots_of(MediaKind::Audio) {
        let report = receiver.report(from, until);
        assert_eq!(report.violations, [""; 0], "{index} {}", receiver.mid);
        assert_eq!(report.lost, 0);
        assert!(
            report.packets >= 95,
            "{index} {}: {}",
            receiver.mid,
            report.packets
        );
        for origin in report.segments {
            assert_eq!(origin.source, Source::Microphone);
            assert_ne!(origin.publisher, index as u32, "one's own voice");
            heard.insert((receiver.mid.clone(), origin.publisher));
        }
    }
    let voices: BTreeSet<u32> = heard.iter().map(|(_, publisher)| *publisher).collect();
    assert!(voices.len() >= 3, "{index} hears {voices:?}");
    let active = world.assignments(index);
    let active = active
        .values()
        .filter(|s| matches!(s, SlotState::Active(_)))
        .count();
    assert_eq!(active, VIDEO_SLOTS + 3);
}

/// Publishers get feedback that their estimates can work with: most packets, soon.
#[test]
fn publishers_get_transport_wide_feedback() {
    let mut world = World::new(SEED);
    world.join_many(3, Equipment::FULL.slots(1, 2));
    world.connect();
    world.run(Duration::from_secs(3));
    for participant in &world.participants {
        let sent: u64 = participant
            .publications
            .iter()
            .flat_map(|p| &p.encodings)
            .map(|e| e.seq - 1000)
            .sum();
        let feedback = participant.feedback;
        assert!(feedback.covered >= sent * 9 / 10, "{feedback:?} of {sent}");
        assert!(feedback.packets >= 25, "{feedback:?}");
    }
}
