//! What sealing and opening one SRTP packet costs, with keys of a real handshake:
//! the part of forwarding that no cleverness removes. 1200 bytes are a packet of
//! video, 120 one of audio.

mod clock;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use convoke_media::ids::SeqNo;
use convoke_media::negotiation::params::TransportParams;
use convoke_media::transport::client::ClientTransport;
use convoke_media::transport::{DtlsIdentity, Path, Profile, RTP_OVERHEAD, Transport, stun};

use clock::cpu_time_of;

const LENGTHS: [usize; 2] = [1200, 120];
const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];
/// Packets between two readings of the clock, and buffers: few enough to stay in cache.
const BATCH: usize = 64;
/// A round trip of the handshake each; it needs three.
const ROUNDS: usize = 50;

struct Link {
    server: Transport,
    client: ClientTransport,
}

impl Link {
    fn connected(profile: Profile) -> Self {
        let identity = || Arc::new(DtlsIdentity::generate().expect("a certificate"));
        let (ours, theirs) = (identity(), identity());
        let fingerprint = ours.fingerprint().clone();
        let mut link = Self {
            server: Transport::new(ours, 0, [1; 32]),
            client: ClientTransport::new(theirs, &[profile], [2; 32]),
        };
        let mut now = arbitrary_instant();
        link.server.set_remote(
            now,
            &TransportParams {
                remote_ufrag: link.client.local_ufrag().to_owned(),
                remote_pwd: link.client.local_pwd().to_owned(),
                fingerprint: link.client.fingerprint().clone(),
            },
        );
        let server = TransportParams {
            remote_ufrag: link.server.local_ufrag().to_owned(),
            remote_pwd: link.server.local_pwd().to_owned(),
            fingerprint,
        };
        link.client.set_remote(now, server, up());
        for _ in 0..ROUNDS {
            link.exchange(now);
            now += Duration::from_millis(20);
        }
        assert_eq!(link.client.profile(), Some(profile), "connected");
        link
    }

    fn exchange(&mut self, now: Instant) {
        self.client.handle_timeout(now);
        while let Some(datagram) = self.client.poll_control() {
            if !stun::is_stun(&datagram.bytes) {
                self.server.handle_dtls(now, down(), &datagram.bytes);
                continue;
            }
            self.server.handle_stun(now, down(), &datagram.bytes);
        }
        self.server.handle_timeout(now);
        while let Some(datagram) = self.server.poll_control() {
            self.client.handle_control(now, up(), &datagram.bytes);
        }
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn up() -> Path {
    Path {
        local: address(1),
        remote: address(2),
    }
}

fn down() -> Path {
    Path {
        local: address(2),
        remote: address(1),
    }
}

#[expect(clippy::disallowed_methods, reason = "an origin of virtual time")]
fn arbitrary_instant() -> Instant {
    Instant::now()
}

/// A packet of its length's stream, with room for its tag.
fn write_packet(buffer: &mut Vec<u8>, seq: SeqNo, length: usize) {
    buffer.clear();
    buffer.extend([0x80, 96]);
    buffer.extend((seq.0 as u16).to_be_bytes());
    buffer.extend((seq.0 as u32).to_be_bytes());
    buffer.extend((length as u32).to_be_bytes());
    buffer.resize(length + RTP_OVERHEAD, 0x5a);
}

/// Sealed packets of one stream whose numbers go on from batch to batch.
struct Packets {
    buffers: Vec<Vec<u8>>,
    next: u64,
    length: usize,
}

impl Packets {
    fn new(length: usize) -> Self {
        Self {
            buffers: vec![Vec::new(); BATCH],
            next: 1,
            length,
        }
    }

    fn renew(&mut self) -> impl Iterator<Item = (SeqNo, &mut Vec<u8>)> {
        let (first, length) = (self.next, self.length);
        self.next += BATCH as u64;
        let numbered = self.buffers.iter_mut().zip(first..);
        numbered.map(move |(buffer, number)| {
            write_packet(buffer, SeqNo(number), length);
            (SeqNo(number), buffer)
        })
    }
}

fn seal_batch(link: &mut Link, packets: &mut Packets) -> Duration {
    let length = packets.length;
    let mut fresh: Vec<_> = packets.renew().collect();
    cpu_time_of(|| {
        for (seq, buffer) in &mut fresh {
            let sealed = link.server.seal_rtp(*seq, buffer, length);
            assert!(sealed.is_ok(), "{sealed:?}");
        }
    })
}

fn open_batch(link: &mut Link, packets: &mut Packets) -> Duration {
    let length = packets.length;
    for (seq, buffer) in packets.renew() {
        let sealed = link.client.seal_rtp(seq, buffer, length);
        buffer.truncate(sealed.expect("there is room"));
    }
    cpu_time_of(|| {
        for buffer in &mut packets.buffers {
            let opened = link.server.open_rtp(buffer);
            assert_eq!(opened, Ok(length));
        }
    })
}

type Batch = fn(&mut Link, &mut Packets) -> Duration;

fn srtp(criterion: &mut Criterion) {
    let works: [(&str, Batch); 2] = [("seal", seal_batch), ("open", open_batch)];
    for (name, work) in works {
        let mut group = criterion.benchmark_group(format!("srtp {name}"));
        for profile in PROFILES {
            let mut link = Link::connected(profile);
            for length in LENGTHS {
                let mut packets = Packets::new(length);
                group.throughput(Throughput::Bytes(length as u64));
                group.bench_function(BenchmarkId::new(profile.name(), length), |bencher| {
                    bencher.iter_custom(|iterations| {
                        let batches = iterations.div_ceil(BATCH as u64);
                        let mut spent = Duration::ZERO;
                        for _ in 0..batches {
                            spent += work(&mut link, &mut packets);
                        }
                        spent.mul_f64(iterations as f64 / (batches * BATCH as u64) as f64)
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, srtp);
criterion_main!(benches);
