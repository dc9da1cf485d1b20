//! What the kernel alone takes for what Convoke sends, on this machine: messages of the
//! load tester's scenarios, to as many receivers and as often, with nothing received,
//! decided or sealed. No server that sends so can take less, so a goal in microseconds
//! is worth as much as this figure. `cargo bench -p convoke-media --bench kernel`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program by itself, which measures the system and tells it"
)]

mod clock;

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libc::{c_int, iovec, mmsghdr, sockaddr_in};

use clock::cpu_time;

/// Messages of one sendmmsg.
const BATCH: usize = 64;
const BUFFER: c_int = 4 << 20;
/// How often the receivers look, as the load tester's clients do.
const NAP: Duration = Duration::from_millis(2);
const RUNS: usize = 5;

/// In each turn every receiver gets a run of equal datagrams.
struct Pattern {
    name: &'static str,
    receivers: usize,
    run: usize,
    size: usize,
    turns_per_second: f64,
    turns: u32,
}

/// As counted with `perf stat -e net:net_dev_queue` in these scenarios.
const PATTERNS: [Pattern; 3] = [
    Pattern {
        name: "one_to_many",
        receivers: 50,
        run: 10,
        size: 1200,
        turns_per_second: 30.0,
        turns: 60,
    },
    Pattern {
        name: "audio_room",
        receivers: 50,
        run: 3,
        size: 160,
        turns_per_second: 830.0,
        turns: 1600,
    },
    Pattern {
        name: "meeting_16",
        receivers: 15,
        run: 2,
        size: 1100,
        turns_per_second: 600.0,
        turns: 1200,
    },
];

/// `UDP_SEGMENT`'s control message.
#[repr(C)]
#[derive(Clone, Copy)]
struct Control {
    header: libc::cmsghdr,
    size: u16,
}

struct Sender {
    socket: UdpSocket,
    bytes: Vec<u8>,
    names: Vec<sockaddr_in>,
    vectors: Vec<iovec>,
    controls: Vec<Control>,
    headers: Vec<mmsghdr>,
}

impl Sender {
    /// Messages to `receivers` of a run of datagrams each.
    fn new(receivers: &[SocketAddr], pattern: &Pattern) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUF, BUFFER)?;
        let len = pattern.run * pattern.size;
        let mut sender = Self {
            socket,
            bytes: vec![0x5a; len * receivers.len()],
            names: receivers.iter().map(name).collect(),
            vectors: Vec::new(),
            controls: vec![segments_of(pattern.size); receivers.len()],
            // SAFETY: an mmsghdr is plain integers and null pointers at zero.
            headers: vec![unsafe { zeroed() }; receivers.len()],
        };
        let chunks = sender.bytes.chunks_mut(len);
        sender.vectors = chunks
            .map(|chunk| iovec {
                iov_base: chunk.as_mut_ptr().cast(),
                iov_len: len,
            })
            .collect();
        for (at, header) in sender.headers.iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut sender.names[at]).cast();
            header.msg_namelen = size_of::<sockaddr_in>() as u32;
            header.msg_iov = &raw mut sender.vectors[at];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut sender.controls[at]).cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
        Ok(sender)
    }

    fn turn(&mut self) {
        for batch in self.headers.chunks_mut(BATCH) {
            let fd = self.socket.as_raw_fd();
            let count = batch.len() as u32;
            // SAFETY: the headers point into vectors of `self`, which never change.
            let sent = unsafe { libc::sendmmsg(fd, batch.as_mut_ptr(), count, 0) };
            assert_eq!(sent, count as c_int, "{}", io::Error::last_os_error());
        }
    }
}

fn name(address: &SocketAddr) -> sockaddr_in {
    // SAFETY: a sockaddr_in is plain integers.
    let mut name: sockaddr_in = unsafe { zeroed() };
    name.sin_family = libc::AF_INET as u16;
    name.sin_port = address.port().to_be();
    name.sin_addr.s_addr = u32::from(Ipv4Addr::LOCALHOST).to_be();
    name
}

fn segments_of(size: usize) -> Control {
    Control {
        header: libc::cmsghdr {
            cmsg_len: size_of::<libc::cmsghdr>() + size_of::<u16>(),
            cmsg_level: libc::SOL_UDP,
            cmsg_type: libc::UDP_SEGMENT,
        },
        size: size as u16,
    }
}

fn set(socket: &UdpSocket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let len = size_of::<c_int>() as u32;
    let fd = socket.as_raw_fd();
    // SAFETY: `value` outlives the call and its size is what is passed.
    match unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The calling thread's core; without it the figures are of whichever it finds.
fn pin(core: usize) {
    // SAFETY: zero is an empty set, and the call reads it for its true size.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Takes what comes, whole runs at once, as with a network card that cuts them.
fn drain(receivers: &[UdpSocket], stop: &AtomicBool) {
    pin(0);
    let mut buffer = vec![0; 1 << 16];
    while !stop.load(Ordering::Relaxed) {
        for receiver in receivers {
            while receiver.recv(&mut buffer).is_ok() {}
        }
        thread::sleep(NAP);
    }
}

fn receiver() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, BUFFER)?;
    set(&socket, libc::SOL_UDP, libc::UDP_GRO, 1)?;
    Ok(socket)
}

/// Processor time of the sending thread for one turn.
fn measure(pattern: &Pattern) -> io::Result<Duration> {
    let receivers: Vec<UdpSocket> = (0..pattern.receivers)
        .map(|_| receiver())
        .collect::<io::Result<_>>()?;
    let addresses: Vec<SocketAddr> = receivers
        .iter()
        .map(UdpSocket::local_addr)
        .collect::<io::Result<_>>()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let drainer = thread::spawn(move || drain(&receivers, &stopped));
    let mut sender = Sender::new(&addresses, pattern)?;
    let pause = Duration::from_secs_f64(1.0 / pattern.turns_per_second);
    sender.turn();
    let begun = cpu_time();
    for _ in 0..pattern.turns {
        thread::sleep(pause);
        sender.turn();
    }
    let taken = cpu_time() - begun;
    stop.store(true, Ordering::Relaxed);
    assert!(drainer.join().is_ok(), "the receivers' thread");
    Ok(taken / pattern.turns)
}

fn main() -> io::Result<()> {
    pin(thread::available_parallelism()?.get() - 1);
    println!("medians of {RUNS}: µs of processor time, the wake-up for each turn included");
    println!(
        "| pattern | receivers | datagrams of a message | bytes | turns/s | µs a message | µs a packet |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for pattern in &PATTERNS {
        let mut turns: Vec<Duration> = (0..RUNS)
            .map(|_| measure(pattern))
            .collect::<io::Result<_>>()?;
        turns.sort();
        let message = turns[RUNS / 2].as_secs_f64() * 1e6 / pattern.receivers as f64;
        println!(
            "| {} | {} | {} | {} | {:.0} | {message:.2} | {:.2} |",
            pattern.name,
            pattern.receivers,
            pattern.run,
            pattern.size,
            pattern.turns_per_second,
            message / pattern.run as f64
        );
    }
    Ok(())
}
