//! Forwarding without a network, for what measures the Sfu alone: the benchmark
//! and the count of allocations.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use convoke_media::control::Source;
use convoke_media::limits::{Limits, SendRate};

use super::netem::Datagram;
use super::participant::Equipment;
use super::{World, server_address};

/// Virtual time between batches: much less than in a call, so that a measurement
/// of minutes stays within everybody's consent.
const TICK: Duration = Duration::from_micros(50);

/// Packets that are handled between two flushes, as in a busy millisecond.
pub const BATCH: usize = 32;

/// One publisher with a 1200-byte VP8 stream and its receivers.
pub struct Broadcast {
    world: World,
    elapsed: Duration,
    sealed: Vec<Datagram>,
}

impl Broadcast {
    pub fn new(receivers: usize) -> Self {
        let limits = Limits {
            participants_per_router: receivers + 1,
            // As fast as it goes.
            send_rate: SendRate {
                packets_per_second: u32::MAX,
                bytes_per_second: u32::MAX,
            },
            ..Limits::default()
        };
        let mut world = World::with_limits(1, limits);
        world.join(Equipment::FULL.slots(0, 0));
        world.join_many(receivers, Equipment::VIEWER.slots(0, 1));
        let camera = world.participants[0].publication(Source::Camera);
        camera.encodings[1].active = false;
        camera.encodings[2].active = false;
        camera.encodings[0].part_len = 1160;
        camera.encodings[0].parts = BATCH as u8 / 2;
        world.connect();
        for index in 1..=receivers {
            let camera = world.camera_of(0);
            world.pin(index, 0, camera, (1280, 720));
        }
        world.run(Duration::from_secs(1));
        let elapsed = world.elapsed();
        Self {
            world,
            elapsed,
            sealed: Vec::new(),
        }
    }

    /// Sealed packets of the publisher.
    pub fn produce(&mut self) -> Vec<Datagram> {
        let publisher = &mut self.world.participants[0];
        while self.sealed.len() < BATCH {
            self.elapsed += Duration::from_millis(34);
            let mut packets = Vec::new();
            let camera = publisher.publication(Source::Camera);
            camera.produce(self.world.origin + self.elapsed, self.elapsed, &mut packets);
            for packet in packets {
                publisher.send_rtp(packet);
            }
            self.sealed.append(&mut publisher.outgoing);
        }
        self.sealed.drain(..BATCH).collect()
    }

    /// Hands a batch to the Sfu and takes what it sends; how many datagrams.
    #[inline(never)]
    pub fn forward(&mut self, batch: &mut [Datagram]) -> usize {
        self.world.now += TICK;
        let (now, sfu) = (self.world.now, &mut self.world.sfu);
        for datagram in batch {
            sfu.handle_packet(now, server_address(), datagram.from, &mut datagram.bytes);
        }
        if sfu.next_timeout().is_some_and(|at| at <= now) {
            sfu.handle_timeout(now);
        }
        let mut sent = 0;
        while let Some(burst) = sfu.next_burst() {
            let runs = burst.runs();
            sent += runs
                .map(|run| black_box(run).datagrams().count())
                .sum::<usize>();
        }
        sent
    }

    /// A datagram from anywhere.
    pub fn receive(&mut self, from: SocketAddr, bytes: &[u8]) {
        let mut buffer = [0; 2048];
        let datagram = &mut buffer[..bytes.len()];
        datagram.copy_from_slice(bytes);
        let now = self.world.now;
        self.world
            .sfu
            .handle_packet(now, server_address(), from, datagram);
    }
}
