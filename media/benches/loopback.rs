//! What forwarding costs with sockets: one worker, its system calls and the kernel's
//! send path, and nothing of signaling. Virtual participants on loopback, on real time.
//!
//! `cargo bench -p convoke-media --bench loopback -- [scenario] [seconds]` prints the
//! worker's processor time for each forwarded packet. The generator shares the
//! machine, so give it a core of its own. The complete server is measured by
//! `convoke bench`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a tool for developers"
)]

#[path = "../tests/simulation/sim/mod.rs"]
mod sim;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke_media::control::{Command, Response, Source};
use convoke_media::ids::{ParticipantId, RouterId};
use convoke_media::runtime::{MediaConfig, start};
use convoke_media::transport::dtls::DtlsIdentity;

use sim::netem::Datagram;
use sim::participant::{Equipment, VirtualParticipant};

struct Scenario {
    name: &'static str,
    publishers: usize,
    participants: usize,
    video: Option<(u8, usize)>,
    layers: usize,
    audio: bool,
    slots: (usize, usize),
}

const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "one50",
        publishers: 1,
        participants: 51,
        video: Some((10, 1160)),
        layers: 1,
        audio: false,
        slots: (0, 1),
    },
    Scenario {
        name: "one50x5",
        publishers: 1,
        participants: 51,
        video: Some((50, 1160)),
        layers: 1,
        audio: false,
        slots: (0, 1),
    },
    Scenario {
        name: "one50x10",
        publishers: 1,
        participants: 51,
        video: Some((100, 1160)),
        layers: 1,
        audio: false,
        slots: (0, 1),
    },
    Scenario {
        name: "one50x20",
        publishers: 1,
        participants: 51,
        video: Some((200, 1160)),
        layers: 1,
        audio: false,
        slots: (0, 1),
    },
    Scenario {
        name: "audio50",
        publishers: 50,
        participants: 50,
        video: None,
        layers: 0,
        audio: true,
        slots: (49, 0),
    },
    Scenario {
        name: "meet16",
        publishers: 16,
        participants: 16,
        video: Some((10, 1160)),
        layers: 1,
        audio: true,
        slots: (15, 15),
    },
    Scenario {
        name: "meet50",
        publishers: 50,
        participants: 50,
        video: None,
        layers: 3,
        audio: true,
        slots: (3, 25),
    },
    Scenario {
        name: "all50",
        publishers: 50,
        participants: 50,
        video: None,
        layers: 3,
        audio: true,
        slots: (49, 49),
    },
];

#[expect(clippy::disallowed_methods, reason = "the point of this bench")]
fn clock() -> Instant {
    Instant::now()
}

struct Device {
    socket: UdpSocket,
    participant: VirtualParticipant,
    received: u64,
}

fn pin(core: usize) {
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let name = args.next().unwrap_or("one50".into());
    let seconds: u64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(5);
    for scenario in SCENARIOS
        .iter()
        .filter(|s| name == "all" || name.split(',').any(|n| n == s.name))
    {
        run(scenario, Duration::from_secs(seconds));
    }
}

fn run(scenario: &Scenario, window: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut limits = convoke_media::limits::Limits::default();
    limits.send_rate.packets_per_second = u32::MAX;
    limits.send_rate.bytes_per_second = u32::MAX;
    let config = MediaConfig {
        port: 0,
        advertised: vec![Ipv4Addr::LOCALHOST.into()],
        limits,
        ..MediaConfig::default()
    };
    pin(0);
    let (handle, mut events, media) = start(config).unwrap();
    pin(1);
    let tid = worker_tid();
    let origin = clock();
    let identity = Arc::new(DtlsIdentity::generate().unwrap());
    let mut devices = Vec::new();
    for index in 0..scenario.participants {
        let publishes = index < scenario.publishers;
        let equipment = Equipment {
            microphone: publishes && scenario.audio,
            camera: publishes && scenario.layers > 0,
            ..Equipment::FULL.slots(
                scenario.slots.0,
                if publishes && scenario.publishers == 1 {
                    0
                } else {
                    scenario.slots.1
                },
            )
        };
        let mut seed = [index as u8; 32];
        seed[11] = index as u8;
        let mut participant =
            VirtualParticipant::new(index, origin, identity.clone(), seed, equipment);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let one: libc::c_int = 1;
        let buffer: libc::c_int = 4 << 20;
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_UDP,
                libc::UDP_GRO,
                (&raw const one).cast(),
                4,
            );
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                (&raw const buffer).cast(),
                4,
            );
        }
        participant.address = socket.local_addr().unwrap();
        participant.id = ParticipantId(index as u128 + 1);
        if publishes && scenario.layers > 0 {
            let camera = participant.publication(Source::Camera);
            for (at, encoding) in camera.encodings.iter_mut().enumerate() {
                encoding.active = at < scenario.layers;
                if let Some((parts, len)) = scenario.video {
                    (encoding.parts, encoding.part_len) = (parts, len);
                }
            }
        }
        if publishes && scenario.audio {
            participant.publication(Source::Microphone).encodings[0].part_len = 120;
        }
        let id = participant.id;
        runtime
            .block_on(handle.request(Command::AddParticipant {
                router: RouterId(1),
                participant: id,
            }))
            .unwrap();
        let offer = participant.offer();
        let Ok(Response::Answer(answer)) = runtime.block_on(handle.request(Command::Offer {
            participant: id,
            offer,
        })) else {
            panic!()
        };
        participant.handle_answer(clock(), answer);
        if scenario.layers == 3 {
            let slots = participant
                .slots
                .iter()
                .filter(|s| s.kind == convoke_media::control::MediaKind::Video)
                .map(|s| convoke_media::control::SlotRequest {
                    mid: sim::participant::mid(&s.mid),
                    target: convoke_media::control::SlotTarget::Automatic,
                    max_size: Some(convoke_media::control::FrameSize {
                        width: 320,
                        height: 180,
                    }),
                    priority: 0,
                })
                .collect();
            runtime
                .block_on(handle.request(Command::SetSlots {
                    participant: id,
                    slots,
                }))
                .unwrap();
        }
        devices.push(Device {
            socket,
            participant,
            received: 0,
        });
    }
    let mut buffer = vec![0_u8; 65536];
    let settle = clock();
    let mut begun: Option<(Instant, f64, u64, u64)> = None;
    let mut turn = 0_u64;
    let mut noise = 7_u64;
    loop {
        let now = clock();
        turn += 1;
        for device in &mut devices {
            if device
                .participant
                .next_timeout()
                .is_some_and(|at| at <= now)
            {
                if scenario.audio
                    && device
                        .participant
                        .publications
                        .first()
                        .is_some_and(|p| p.source == Source::Microphone)
                {
                    // As Opus at 32 kbit/s varies.
                    noise = noise
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    device.participant.publication(Source::Microphone).encodings[0].part_len =
                        100 + (noise >> 59) as usize + (noise >> 54) as usize % 32;
                }
                device.participant.handle_timeout(now);
            }
            if !device.participant.outgoing.is_empty() {
                send(device);
            }
            drain(device, now, &mut buffer);
        }
        while let Ok(_event) = events.try_recv() {}
        let media = || devices.iter().map(|d| d.received).sum::<u64>();
        let published = || {
            devices
                .iter()
                .flat_map(|d| &d.participant.publications)
                .flat_map(|p| &p.encodings)
                .map(|e| e.seq)
                .sum::<u64>()
        };
        match begun {
            None if now - settle > Duration::from_secs(3) => {
                begun = Some((now, cpu(tid), media(), published()))
            }
            Some((at, cpu_at, media_at, published_at)) if now - at > window => {
                let elapsed = (now - at).as_secs_f64();
                let spent = cpu(tid) - cpu_at;
                let forwarded = media() - media_at;
                let out: BTreeMap<&str, f64> = BTreeMap::new();
                drop(out);
                println!(
                    "{:9} in {:7.0}/s out {:8.0}/s  worker {:5.1} %  {:6.3} us/packet  {:8.0} packets/CPU-s  generator turns {}",
                    scenario.name,
                    (published() - published_at) as f64 / elapsed,
                    forwarded as f64 / elapsed,
                    spent / elapsed * 100.0,
                    spent * 1e6 / forwarded as f64,
                    forwarded as f64 / spent,
                    turn
                );
                break;
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    runtime.block_on(media.stop());
}

fn send(device: &mut Device) {
    let all = std::mem::take(&mut device.participant.outgoing);
    let mut messages: Vec<libc::mmsghdr> = Vec::new();
    let mut vectors: Vec<libc::iovec> = all
        .iter()
        .map(|d| libc::iovec {
            iov_base: d.bytes.as_ptr().cast_mut().cast(),
            iov_len: d.bytes.len(),
        })
        .collect();
    let SocketAddr::V4(to) = all[0].to else {
        panic!()
    };
    let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    name.sin_family = libc::AF_INET as _;
    name.sin_port = to.port().to_be();
    name.sin_addr.s_addr = u32::from(*to.ip()).to_be();
    for vector in &mut vectors {
        let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        header.msg_hdr.msg_name = (&raw mut name).cast();
        header.msg_hdr.msg_namelen = size_of_val(&name) as _;
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        messages.push(header);
    }
    let mut from = 0;
    while from < messages.len() {
        let sent = unsafe {
            libc::sendmmsg(
                device.socket.as_raw_fd(),
                messages[from..].as_mut_ptr(),
                (messages.len() - from) as u32,
                0,
            )
        };
        if sent <= 0 {
            break;
        }
        from += sent as usize;
    }
}

fn drain(device: &mut Device, now: Instant, buffer: &mut [u8]) {
    loop {
        let mut control = [0_u64; 16];
        let mut vector = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = size_of_val(&control);
        let mut name: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        header.msg_name = (&raw mut name).cast();
        header.msg_namelen = size_of_val(&name) as _;
        let len = unsafe { libc::recvmsg(device.socket.as_raw_fd(), &raw mut header, 0) };
        if len <= 0 {
            return;
        }
        let len = len as usize;
        let mut segment = len;
        unsafe {
            let cmsg = libc::CMSG_FIRSTHDR(&raw const header);
            if !cmsg.is_null()
                && (*cmsg).cmsg_level == libc::SOL_UDP
                && (*cmsg).cmsg_type == libc::UDP_GRO
            {
                segment = libc::CMSG_DATA(cmsg).cast::<libc::c_int>().read_unaligned() as usize;
            }
        }
        let from = SocketAddr::from((
            Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr)),
            u16::from_be(name.sin_port),
        ));
        for bytes in buffer[..len].chunks(segment) {
            if (128..=191).contains(&bytes[0]) && !(192..=223).contains(&bytes[1]) {
                device.received += 1;
            } else {
                let datagram = Datagram {
                    from,
                    to: device.participant.address,
                    bytes: bytes.to_vec(),
                };
                device.participant.handle_packet(now, datagram);
            }
        }
    }
}

fn worker_tid() -> u32 {
    for entry in std::fs::read_dir("/proc/self/task").unwrap() {
        let path = entry.unwrap().path();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        if name.starts_with("convoke-media") {
            return path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        }
    }
    panic!("no worker")
}

/// Seconds on a processor.
fn cpu(tid: u32) -> f64 {
    let mut text = String::new();
    std::fs::File::open(format!("/proc/self/task/{tid}/schedstat"))
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
