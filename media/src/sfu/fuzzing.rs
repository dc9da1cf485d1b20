//! Body of the fuzz target on sequences of operations, compiled in every build so
//! that it keeps up with the code. Any bytes are a sequence of commands, datagrams,
//! authentic packets with any content, and time; a panic or a failed assertion is
//! a finding.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::control::{
    Command, CommandError, FrameSize, Offer, PublishIntent, Response, SlotRequest, SlotTarget,
    Source, TrackId,
};
use crate::ids::{Mid, ParticipantId, RouterId, SeqNo};
use crate::limits::Limits;
use crate::negotiation::params::TransportParams;
use crate::router::{ClockAnchor, ForwardingConfig};
use crate::transport::client::ClientTransport;
use crate::transport::dtls::DtlsIdentity;
use crate::transport::{Path, Profile, RTCP_OVERHEAD, RTP_OVERHEAD, SrtpError};

use super::{Sfu, SfuConfig};

const PARTICIPANTS: u8 = 6;

static IDENTITY: LazyLock<Option<Arc<DtlsIdentity>>> =
    LazyLock::new(|| DtlsIdentity::generate().ok().map(Arc::new));

/// See the module.
pub fn fuzz_sfu_ops(bytes: &[u8]) {
    let Some(identity) = IDENTITY.clone() else {
        return;
    };
    let mut scene = Scene::new(identity);
    scene.open();
    let mut input = Input(bytes);
    while let Some(op) = input.byte() {
        scene.apply(op, &mut input);
        scene.settle();
    }
    scene.close();
}

/// Consumes the fuzzer's bytes; zeroes once they are used up.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn any(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    /// A short or a long piece.
    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.any()) * if self.any() & 1 == 0 { 1 } else { 6 };
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

struct Caller {
    transport: ClientTransport,
    /// Of its Slots, as the answer names them.
    ssrcs: Vec<u32>,
}

struct Scene {
    now: Instant,
    sfu: Sfu,
    clients: Vec<Option<Caller>>,
    identity: Arc<DtlsIdentity>,
    present: Vec<bool>,
}

impl Scene {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin")]
    fn new(identity: Arc<DtlsIdentity>) -> Self {
        let now = Instant::now();
        let config = SfuConfig {
            identity: identity.clone(),
            candidates: vec![server()],
            limits: Limits {
                participants_per_router: 3,
                participants: 5,
                handshakes: 2,
                ..Limits::default()
            },
            forwarding: ForwardingConfig::default(),
            worker: 0,
        };
        let clock = ClockAnchor {
            instant: now,
            ntp: 0xEAE0_0000_0000_0000,
        };
        Self {
            now,
            sfu: Sfu::new(config, clock, [7; 32]),
            clients: (0..PARTICIPANTS).map(|_| None).collect(),
            identity,
            present: vec![false; usize::from(PARTICIPANTS)],
        }
    }

    /// Two who see each other, so that the operations find a call to disturb.
    fn open(&mut self) {
        for who in 0..2 {
            self.add(who, 0);
            self.offer(who, &[]);
            self.connect(who);
            let caller = self.clients[usize::from(who)].as_ref();
            assert!(caller.is_some_and(|c| c.transport.is_connected()));
        }
    }

    fn apply(&mut self, op: u8, input: &mut Input<'_>) {
        let who = input.any() % PARTICIPANTS;
        match op % 12 {
            0 => self.add(who, input.any() % 2),
            1 => self.remove(who),
            2 if input.any() & 3 == 0 => self.offer(who, input.bytes()),
            2 => self.offer(who, &[]),
            3 => self.command(who, input),
            4 | 5 => self.datagram(who, input.bytes()),
            6..=8 => self.rtp(who, input),
            9 => self.rtcp(who, input),
            10 => self.now += Duration::from_millis(u64::from(input.any())),
            _ => self.connect(who),
        }
    }

    fn request(&mut self, command: Command) -> Result<Response, CommandError> {
        self.sfu.handle_command(self.now, command)
    }

    fn add(&mut self, who: u8, router: u8) {
        let added = self.request(Command::AddParticipant {
            router: RouterId(u128::from(router)),
            participant: participant(who),
        });
        let known = &mut self.present[usize::from(who)];
        assert!(!(*known && added.is_ok()), "added twice");
        *known |= added.is_ok();
    }

    fn remove(&mut self, who: u8) {
        let removed = self.request(Command::RemoveParticipant {
            participant: participant(who),
        });
        let known = &mut self.present[usize::from(who)];
        assert_eq!(removed.is_ok(), *known, "what was added can be removed");
        *known = false;
        self.clients[usize::from(who)] = None;
    }

    /// A good offer, or one with bytes of the fuzzer's in it.
    fn offer(&mut self, who: u8, spoiled: &[u8]) {
        let seed = [who; 32];
        let client = ClientTransport::new(self.identity.clone(), &[Profile::AeadAes128Gcm], seed);
        let mut sdp = offer_sdp(&client, who);
        for pair in spoiled.chunks_exact(2) {
            let at = usize::from(pair[0]) * 7 % sdp.len();
            if sdp.is_char_boundary(at) {
                sdp.insert(at, char::from(pair[1] & 0x7f));
            }
        }
        let publish = [("0", Source::Microphone), ("1", Source::Camera)];
        let publish = publish.iter().filter_map(|(mid, source)| {
            let mid = Mid::try_from(*mid).ok()?;
            Some(PublishIntent {
                mid,
                source: *source,
            })
        });
        let offer = Offer {
            sdp,
            publish: publish.collect(),
        };
        let answer = self.request(Command::Offer {
            participant: participant(who),
            offer,
        });
        if let Ok(Response::Answer(answer)) = answer {
            self.begin(who, client, &answer.sdp);
        }
    }

    fn begin(&mut self, who: u8, mut client: ClientTransport, answer: &str) {
        let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name));
        let (Some(ufrag), Some(pwd)) = (value("a=ice-ufrag:"), value("a=ice-pwd:")) else {
            return;
        };
        let remote = TransportParams {
            remote_ufrag: ufrag.to_owned(),
            remote_pwd: pwd.to_owned(),
            fingerprint: self.identity.fingerprint().clone(),
        };
        client.set_remote(self.now, remote, path(who));
        let ssrcs = answer.lines().filter_map(|line| {
            line.strip_prefix("a=ssrc:")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        });
        self.clients[usize::from(who)] = Some(Caller {
            transport: client,
            ssrcs: ssrcs.collect(),
        });
    }

    fn command(&mut self, who: u8, input: &mut Input<'_>) {
        let participant = participant(who);
        let (a, b) = (input.any(), input.any());
        let sources = [
            Source::Microphone,
            Source::Camera,
            Source::Screen,
            Source::ScreenAudio,
        ];
        let source = sources[usize::from(a % 4)];
        let command = match a % 5 {
            0 => Command::SetMuted {
                participant,
                source,
                muted: b & 1 == 0,
            },
            1 => Command::CloseRouter {
                router: RouterId(u128::from(b % 2)),
            },
            2 => Command::GetStats { participant },
            3 => Command::AddCandidate {
                participant,
                candidate: String::from_utf8_lossy(input.bytes()).into_owned(),
            },
            _ => {
                let Ok(mid) = Mid::try_from(["2", "3", "4", "9"][usize::from(b % 4)]) else {
                    return;
                };
                let slots = vec![slot_request(mid, source, input)];
                Command::SetSlots { participant, slots }
            }
        };
        let closed = match &command {
            Command::CloseRouter { router } => Some(*router),
            _ => None,
        };
        let done = self.request(command).is_ok();
        if closed.is_some() && done {
            self.forget_the_gone();
        }
    }

    /// Who went with a Router.
    fn forget_the_gone(&mut self) {
        for who in 0..PARTICIPANTS {
            let gone = self.request(Command::GetStats {
                participant: participant(who),
            });
            self.present[usize::from(who)] = gone.is_ok();
        }
    }

    fn datagram(&mut self, who: u8, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let from = path(who).local;
        self.sfu.handle_packet(self.now, server(), from, &mut bytes);
    }

    /// What only a participant can send: anything, under its own keys. Most of it
    /// begins like a packet of its Tracks, or it would not get far.
    fn rtp(&mut self, who: u8, input: &mut Input<'_>) {
        let (shape, seq, step) = (input.any(), input.any(), input.any());
        let mut packet = match shape % 4 {
            0 => Vec::new(),
            1 => header(0x80, 111, 1000 + u32::from(who), seq, step),
            layer => {
                let mut packet = header(0x90, 96, 2000 + u32::from(layer), seq, step);
                // mid 1 and the rid of the layer (RFC 8285 §4.2).
                packet.extend([
                    0xBE,
                    0xDE,
                    0,
                    1,
                    0x40,
                    b'1',
                    0xA0,
                    b"lh"[usize::from(layer - 2)],
                ]);
                packet
            }
        };
        packet.extend_from_slice(input.bytes());
        packet.resize(packet.len().max(12), 0);
        packet[0] = 0x80 | packet[0] & 0x3f;
        let index = SeqNo(u64::from(u16::from_be_bytes([packet[2], packet[3]])));
        let len = packet.len();
        packet.resize(len + RTP_OVERHEAD, 0);
        self.sealed(who, &mut packet, |t, packet| t.seal_rtp(index, packet, len));
    }

    fn rtcp(&mut self, who: u8, input: &mut Input<'_>) {
        let (kind, about) = (input.any(), usize::from(input.any()));
        let mut packet = vec![0x80 | kind & 0x1f, 200 + (kind >> 5), 0, 0, 0, 0, 0, 1];
        let caller = self.clients[usize::from(who)].as_ref();
        let ssrcs = caller.map_or(&[][..], |caller| &caller.ssrcs);
        if let Some(ssrc) = ssrcs.get(about % (ssrcs.len() + 1)) {
            packet.extend_from_slice(&ssrc.to_be_bytes());
        }
        packet.extend_from_slice(input.bytes());
        packet.resize(packet.len().next_multiple_of(4), 0);
        let words = (packet.len() / 4 - 1) as u16;
        packet[2..4].copy_from_slice(&words.to_be_bytes());
        let len = packet.len();
        packet.resize(len + RTCP_OVERHEAD, 0);
        self.sealed(who, &mut packet, |t, packet| t.seal_rtcp(packet, len));
    }

    fn sealed(
        &mut self,
        who: u8,
        packet: &mut [u8],
        seal: impl FnOnce(&mut ClientTransport, &mut [u8]) -> Result<usize, SrtpError>,
    ) {
        let Some(caller) = &mut self.clients[usize::from(who)] else {
            return;
        };
        if let Ok(len) = seal(&mut caller.transport, packet) {
            let from = path(who).local;
            self.sfu
                .handle_packet(self.now, server(), from, &mut packet[..len]);
        }
    }

    /// Lets ICE and DTLS of one participant run.
    fn connect(&mut self, who: u8) {
        for _ in 0..12 {
            self.now += Duration::from_millis(20);
            self.settle();
            let Some(caller) = &mut self.clients[usize::from(who)] else {
                return;
            };
            if caller.transport.is_connected() {
                return;
            }
            caller.transport.handle_timeout(self.now);
        }
    }

    /// Carries what waits to the other side, and calls what is due.
    fn settle(&mut self) {
        if self.sfu.next_timeout().is_some_and(|at| at <= self.now) {
            self.sfu.handle_timeout(self.now);
        }
        for (who, client) in self.clients.iter_mut().enumerate() {
            let Some(client) = client else { continue };
            while let Some(mut datagram) = client.transport.poll_control() {
                let from = path(who as u8).local;
                self.sfu
                    .handle_packet(self.now, server(), from, &mut datagram.bytes);
            }
        }
        while let Some(burst) = self.sfu.next_burst() {
            for run in burst.runs() {
                let to = (0..PARTICIPANTS).find(|who| path(*who).local == run.path.remote);
                let client = to.and_then(|who| self.clients[usize::from(who)].as_mut());
                if let (Some(who), Some(client)) = (to, client) {
                    for datagram in run.datagrams().filter(|d| d[0] < 64) {
                        client
                            .transport
                            .handle_control(self.now, path(who), datagram);
                    }
                }
            }
        }
        while self.sfu.poll_event().is_some() {}
        let present = self.present.iter().filter(|p| **p).count();
        assert_eq!(self.sfu.participants(), present);
    }

    /// Nothing may be left of anybody.
    fn close(mut self) {
        for who in 0..PARTICIPANTS {
            self.remove(who);
        }
        assert!(self.sfu.is_idle());
    }
}

fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 3478))
}

fn path(who: u8) -> Path {
    Path {
        local: SocketAddr::from(([10, 0, 0, who], 5000)),
        remote: server(),
    }
}

fn participant(who: u8) -> ParticipantId {
    ParticipantId(u128::from(who))
}

/// An RTP header; `seq` and `step` are small, so that numbers stay near.
fn header(first: u8, pt: u8, ssrc: u32, seq: u8, step: u8) -> Vec<u8> {
    let mut bytes = vec![first, pt | step & 0x80, 0, seq];
    bytes.extend((u32::from(step) * 3000).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes
}

fn slot_request(mid: Mid, source: Source, input: &mut Input<'_>) -> SlotRequest {
    let target = match input.any() % 3 {
        0 => SlotTarget::Off,
        1 => SlotTarget::Automatic,
        _ => SlotTarget::Pinned(TrackId {
            participant: participant(input.any() % PARTICIPANTS),
            source,
        }),
    };
    let max_size = match input.any() % 3 {
        0 => None,
        scale => Some(FrameSize {
            width: u16::from(scale - 1) * 1280,
            height: u16::from(scale - 1) * 720,
        }),
    };
    SlotRequest {
        mid,
        target,
        max_size,
        priority: input.any(),
    }
}

fn offer_sdp(client: &ClientTransport, who: u8) -> String {
    let hex: Vec<String> = client
        .fingerprint()
        .bytes
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    let common = format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\n\
         a=setup:actpass\r\na=rtcp-mux\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
         a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
         a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n",
        client.local_ufrag(),
        client.local_pwd(),
        hex.join(":")
    );
    let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n\
         a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 transport-cc\r\n\
         a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";
    let mut sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3 4\r\n"
        .to_owned();
    let ssrc = 1000 + u32::from(who);
    let sections = [
        (audio, format!("a=sendonly\r\na=ssrc:{ssrc} cname:x\r\n")),
        (
            video,
            "a=sendonly\r\na=rid:l send\r\na=rid:h send\r\na=simulcast:send l;h\r\n".to_owned(),
        ),
        (audio, "a=recvonly\r\n".to_owned()),
        (video, "a=recvonly\r\n".to_owned()),
        (video, "a=recvonly\r\n".to_owned()),
    ];
    for (mid, (media, own)) in sections.iter().enumerate() {
        // The m-line first, then what all have, then its own.
        let (line, codecs) = media.split_once("\r\n").unwrap_or((media, ""));
        sdp.push_str(&format!("{line}\r\n{common}a=mid:{mid}\r\n{codecs}{own}"));
    }
    sdp
}
