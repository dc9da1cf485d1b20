//! What is refused, by which name, and that a refusal changes nothing.

use std::net::SocketAddr;
use std::time::Duration;

use convoke_media::control::{Command, CommandError, Offer, SlotRequest, SlotTarget, Source};
use convoke_media::ids::{ParticipantId, RouterId};
use convoke_media::limits::{Limits, SendRate};

use crate::sim::participant::{Equipment, mid};
use crate::sim::{ROUTER, World};

/// How a handshake ends.
type Ending = fn(&mut World);

const NOBODY: ParticipantId = ParticipantId(u128::MAX);

fn add(world: &mut World, router: RouterId, id: u128) -> Result<(), CommandError> {
    let participant = ParticipantId(id);
    let command = Command::AddParticipant {
        router,
        participant,
    };
    world.request(command).map(|_| ())
}

#[test]
fn a_full_call_and_a_full_server_refuse_and_take_the_next_when_one_leaves() {
    let limits = Limits {
        participants_per_router: 3,
        participants: 5,
        ..Limits::default()
    };
    let mut world = World::with_limits(8001, limits);
    for id in 1..=3 {
        assert_eq!(add(&mut world, ROUTER, id), Ok(()));
    }
    let full = |limit| Err(CommandError::LimitReached { limit });
    assert_eq!(add(&mut world, ROUTER, 4), full("participants of a call"));
    let other = RouterId(1);
    assert_eq!(add(&mut world, other, 4), Ok(()));
    assert_eq!(add(&mut world, other, 5), Ok(()));
    assert_eq!(add(&mut world, other, 6), full("participants"));
    let participant = ParticipantId(1);
    let remove = Command::RemoveParticipant { participant };
    assert!(world.request(remove).is_ok());
    assert_eq!(add(&mut world, ROUTER, 6), Ok(()));
    let duplicate = Err(CommandError::DuplicateParticipant);
    assert_eq!(add(&mut world, other, 6), duplicate);
}

#[test]
fn commands_about_nobody_are_refused() {
    let mut world = World::new(8002);
    world.join(Equipment::FULL.slots(1, 1));
    let participant = NOBODY;
    let commands = [
        Command::RemoveParticipant { participant },
        Command::GetStats { participant },
        Command::SetMuted {
            participant,
            source: Source::Camera,
            muted: true,
        },
        Command::SetSlots {
            participant,
            slots: Vec::new(),
        },
        Command::AddCandidate {
            participant,
            candidate: String::new(),
        },
    ];
    for command in commands {
        let asked = format!("{command:?}");
        let refused = world.request(command).err();
        assert_eq!(refused, Some(CommandError::UnknownParticipant), "{asked}");
    }
    let router = RouterId(99);
    let refused = world.request(Command::CloseRouter { router }).err();
    assert_eq!(refused, Some(CommandError::UnknownRouter));
}

#[test]
fn candidates_are_judged_and_otherwise_unused() {
    let mut world = World::new(8003);
    world.join(Equipment::FULL.slots(1, 1));
    let cases = [
        ("", true),
        (
            "candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host",
            true,
        ),
        (
            "candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
            true,
        ),
        ("nonsense", false),
        ("candidate:1 1 udp\r\na=evil", false),
    ];
    for (candidate, good) in cases {
        let participant = world.id(0);
        let candidate = candidate.to_owned();
        let asked = world.request(Command::AddCandidate {
            participant,
            candidate: candidate.clone(),
        });
        assert_eq!(asked.is_ok(), good, "{candidate:?}: {asked:?}");
    }
}

#[test]
fn refused_commands_leave_a_call_as_it_was() {
    let mut world = World::new(8004);
    world.join_many(2, Equipment::FULL.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(2));
    let from = world.now;
    let participant = world.id(1);
    let good = world.participants[1].offer();
    let spoiled = [
        String::new(),
        "nonsense".to_owned(),
        good.sdp
            .replace("a=fingerprint:sha-256", "a=fingerprint:md5"),
        good.sdp.replace("a=ice-pwd", "a=ice-nothing"),
        good.sdp.replace("a=rtcp-mux\r\n", ""),
        good.sdp.repeat(2000),
        format!(
            "{}{}",
            good.sdp,
            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(10_000)
        ),
    ];
    for sdp in spoiled {
        let publish = good.publish.clone();
        let offer = Offer { sdp, publish };
        let refused = world.request(Command::Offer { participant, offer });
        assert!(
            matches!(refused, Err(CommandError::Offer(_))),
            "{refused:?}"
        );
    }
    let request = |name| SlotRequest {
        mid: mid(name),
        target: SlotTarget::Off,
        max_size: None,
        priority: 0,
    };
    // The second does not exist, so the first stays as well.
    let slots = vec![request("3"), request("77")];
    let refused = world.request(Command::SetSlots { participant, slots });
    assert_eq!(refused.err(), Some(CommandError::UnknownSlot(mid("77"))));
    world.run(Duration::from_secs(2));
    for participant in &world.participants {
        for slot in &participant.slots {
            let report = slot.report(from, world.now);
            assert_eq!((report.lost, report.violations.len()), (0, 0), "{report:?}");
            assert!(report.packets >= 58, "{} {report:?}", slot.mid);
        }
    }
}

/// Handshakes beyond the limit wait for their retransmission and then succeed.
#[test]
fn handshakes_in_flight_are_limited_and_nobody_is_left_out() {
    let limits = Limits {
        handshakes: 2,
        ..Limits::default()
    };
    let mut world = World::with_limits(8005, limits);
    world.join_many(12, Equipment::VIEWER.slots(1, 1));
    world.run(Duration::from_millis(300));
    let soon = world
        .participants
        .iter()
        .filter(|p| p.transport.is_connected());
    assert!((2..12).contains(&soon.count()), "the limit did nothing");
    world.connect();
    assert!(
        world.elapsed() < Duration::from_secs(10),
        "{:?}",
        world.elapsed()
    );
}

/// Handshakes that are begun and left lying give their places back.
#[test]
fn abandoned_handshakes_expire() {
    let limits = Limits {
        handshakes: 2,
        ..Limits::default()
    };
    let mut world = World::with_limits(8006, limits);
    world.join_many(2, Equipment::VIEWER.slots(1, 1));
    // Long enough for the first flight and too short for the last.
    world.run(Duration::from_millis(35));
    for participant in &mut world.participants {
        assert!(!participant.transport.is_connected(), "35 ms were too long");
        participant.asleep = true;
    }
    world.join(Equipment::VIEWER.slots(1, 1));
    world.run(Duration::from_secs(5));
    assert!(
        !world.participants[2].transport.is_connected(),
        "no place was taken"
    );
    world.run(Duration::from_secs(40));
    // The third has given up by then, as a browser does, and comes back.
    world.reload(2);
    world.connect();
}

#[test]
fn one_address_cannot_fill_the_tables() {
    let limits = Limits {
        paths_per_address: 3,
        ..Limits::default()
    };
    let mut world = World::with_limits(8007, limits);
    for index in 0..5_u16 {
        world.join(Equipment::VIEWER.slots(1, 1));
        let same = SocketAddr::from(([192, 0, 2, 44], 1000 + index));
        world.move_to(usize::from(index), same);
    }
    let elsewhere = world.join(Equipment::VIEWER.slots(1, 1));
    world.run(Duration::from_secs(3));
    let connected = |index: usize| world.participants[index].transport.is_connected();
    assert_eq!((0..5).filter(|index| connected(*index)).count(), 3);
    assert!(connected(elsewhere));
}

fn one_handshake(seed: u64) -> World {
    let limits = Limits {
        handshakes: 1,
        ..Limits::default()
    };
    let mut world = World::with_limits(seed, limits);
    world.captured = Some(Vec::new());
    world.join(Equipment::VIEWER.slots(1, 1));
    // Long enough for the first flight and too short for the last.
    world.run(Duration::from_millis(35));
    assert_eq!(world.sfu.handshakes(), 1);
    world
}

/// DTLS of a client whose handshake failed leads nowhere and holds up nobody.
#[test]
fn a_handshake_that_failed_takes_no_place_again() {
    let mut world = one_handshake(8008);
    world.participants[0].asleep = true;
    world.run(Duration::from_secs(31));
    assert_eq!(world.sfu.handshakes(), 0);
    let captured = world.captured.take().expect("a capture");
    let flight = captured.into_iter().filter(|d| d.bytes[0] == 22);
    let replayed = flight.map(|mut datagram| {
        let (to, from) = (datagram.to, datagram.from);
        world
            .sfu
            .handle_packet(world.now, to, from, &mut datagram.bytes);
    });
    assert!(replayed.count() > 0, "no ClientHello was sent");
    assert_eq!(world.sfu.dropped().unvalidated, 0, "the path was forgotten");
    assert_eq!(world.sfu.handshakes(), 0);
    world.join(Equipment::VIEWER.slots(1, 1));
    world.connect();
}

#[test]
fn a_place_is_given_back_however_the_handshake_ends() {
    let endings: [(&str, Ending); 4] = [
        ("success", World::connect),
        ("silence", |world| {
            world.participants[0].asleep = true;
            world.run(Duration::from_secs(31));
        }),
        ("leaving", |world| world.leave(0)),
        ("another client's offer", |world| world.reload(0)),
    ];
    for (ending, end) in endings {
        let mut world = one_handshake(8009);
        end(&mut world);
        assert_eq!(world.sfu.handshakes(), 0, "{ending}");
        world.participants[0].asleep = true;
        world.join(Equipment::VIEWER.slots(1, 1));
        world.connect();
        assert_eq!(world.sfu.handshakes(), 0, "{ending}");
    }
}

/// Otherwise each reload would leave the paths of the page before behind.
#[test]
fn another_clients_offer_gives_up_the_paths_of_the_one_before() {
    let limits = Limits {
        paths_per_address: 1,
        ..Limits::default()
    };
    let mut world = World::with_limits(8010, limits);
    world.join(Equipment::FULL.slots(1, 1));
    world.connect();
    world.reload(0);
    world.connect();
    world.leave(0);
    assert!(world.sfu.is_idle());
}

#[test]
fn a_flood_of_feedback_is_held_to_the_rate_too() {
    let limits = Limits {
        send_rate: SendRate {
            packets_per_second: 60,
            ..SendRate::DEFAULT
        },
        ..Limits::default()
    };
    let mut world = World::with_limits(8012, limits);
    world.join(Equipment::VIEWER.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(3));
    assert_eq!(world.stats(0).transport.over_rate, 0);
    world.participants[0].pli_flood = true;
    world.run(Duration::from_secs(3));
    let flooded = world.stats(0).transport;
    assert!(flooded.over_rate > 50, "{flooded:?}");
}

/// A publisher above the rate loses what is above it, and nobody else loses anything.
#[test]
fn a_publisher_is_held_to_its_rate() {
    let limits = Limits {
        send_rate: SendRate {
            packets_per_second: 60,
            ..SendRate::DEFAULT
        },
        ..Limits::default()
    };
    let mut world = World::with_limits(8011, limits);
    world.join(Equipment::FULL.slots(1, 1));
    world.join(Equipment::VIEWER.slots(1, 1));
    world.connect();
    world.run(Duration::from_secs(3));
    let publisher = world.stats(0).transport;
    assert!(publisher.over_rate > 100, "{publisher:?}");
    assert!(publisher.packets_received > publisher.over_rate);
    assert_eq!(world.stats(1).transport.over_rate, 0);
}
