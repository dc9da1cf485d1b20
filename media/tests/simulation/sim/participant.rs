//! A virtual participant: what a browser does on the wire, in virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke_media::control::{Answer, MediaKind, Offer, PublishIntent, Source, TransportState};
use convoke_media::ids::{Mid, ParticipantId, SeqNo};
use convoke_media::negotiation::params::{Fingerprint, FingerprintHash, TransportParams};
use convoke_media::transport::client::ClientTransport;
use convoke_media::transport::dtls::DtlsIdentity;
use convoke_media::transport::{Path, Profile, RTCP_OVERHEAD, RTP_OVERHEAD};

use super::netem::Datagram;
use super::offer::{self, Credentials, Role, Section};
use super::publisher::{Publication, Start};
use super::receiver::SlotReceiver;
use super::wire::{self, Rtp, ext};

const NACK_TICK: Duration = Duration::from_millis(10);
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a virtual participant brings and shows.
#[derive(Debug, Clone, Copy)]
pub struct Equipment {
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
    pub audio_slots: usize,
    pub video_slots: usize,
    pub start: Start,
}

impl Equipment {
    pub const FULL: Self = Self {
        microphone: true,
        camera: true,
        screen: false,
        audio_slots: 3,
        video_slots: 9,
        start: Start {
            seq: 1000,
            timestamp: 1_000_000,
            picture: 77,
        },
    };

    pub const VIEWER: Self = Self {
        microphone: false,
        camera: false,
        ..Self::FULL
    };

    pub const fn slots(self, audio_slots: usize, video_slots: usize) -> Self {
        Self {
            audio_slots,
            video_slots,
            ..self
        }
    }
}

/// Transport-wide feedback that came: packets, and sequence numbers they spanned.
#[derive(Debug, Clone, Copy, Default)]
pub struct Feedback {
    pub packets: u64,
    pub covered: u64,
}

pub struct VirtualParticipant {
    pub index: usize,
    pub id: ParticipantId,
    pub address: SocketAddr,
    pub transport: ClientTransport,
    pub publications: Vec<Publication>,
    pub slots: Vec<SlotReceiver>,
    pub states: Vec<TransportState>,
    pub feedback: Feedback,
    pub answer: Option<Answer>,
    /// Neither answers nor sends anything, as a suspended laptop.
    pub asleep: bool,
    /// A broken decoder: asks for a keyframe at every turn.
    pub pli_flood: bool,
    pub outgoing: Vec<Datagram>,
    origin: Instant,
    server: Option<SocketAddr>,
    counters: Counters,
    due: Due,
}

struct Counters {
    offers: u32,
    twcc: u16,
}

#[derive(Default)]
struct Due {
    nack: Option<Instant>,
    report: Option<Instant>,
}

impl VirtualParticipant {
    pub fn new(
        index: usize,
        origin: Instant,
        identity: Arc<DtlsIdentity>,
        seed: [u8; 32],
        equipment: Equipment,
    ) -> Self {
        // Chromium's order.
        let profiles = [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm];
        let ssrc = u32::from_be_bytes([0x10, seed[11], seed[15], 0]);
        let (publications, slots) = sections_of(index as u32, ssrc, equipment);
        Self {
            index,
            id: ParticipantId(index as u128 + 1),
            address: SocketAddr::from((
                [10, 0, (index / 200) as u8, (index % 200) as u8 + 1],
                40_000,
            )),
            transport: ClientTransport::new(identity, &profiles, seed),
            publications,
            slots,
            states: Vec::new(),
            feedback: Feedback::default(),
            answer: None,
            asleep: false,
            pli_flood: false,
            outgoing: Vec::new(),
            origin,
            server: None,
            counters: Counters {
                offers: 0,
                twcc: 65_000,
            },
            due: Due::default(),
        }
    }

    pub fn offer(&mut self) -> Offer {
        self.counters.offers += 1;
        let publish = self.publications.iter().map(|p| PublishIntent {
            mid: mid(&p.mid),
            source: p.source,
        });
        Offer {
            sdp: offer::sdp(&self.credentials(), self.counters.offers, &self.sections()),
            publish: publish.collect(),
        }
    }

    pub fn handle_answer(&mut self, now: Instant, answer: Answer) {
        let answered = offer::parse_answer(&answer.sdp);
        let same_family = |c: &&SocketAddr| c.is_ipv4() == self.address.is_ipv4();
        let server = answered.candidates.iter().find(same_family);
        let server = *server.expect("a candidate of the own family");
        for (mid, ssrcs) in &answered.ssrcs {
            if let Some(slot) = self.slots.iter_mut().find(|s| s.mid == *mid) {
                slot.ssrc = ssrcs.first().copied();
                slot.rtx_ssrc = ssrcs.get(1).copied();
            }
        }
        let params = TransportParams {
            remote_ufrag: answered.ufrag,
            remote_pwd: answered.pwd,
            fingerprint: fingerprint(&answered.sha256),
        };
        self.server = Some(server);
        self.transport.set_remote(now, params, self.path(server));
        self.answer = Some(answer);
    }

    /// The network gives another address (Wi-Fi to cellular).
    pub fn move_to(&mut self, now: Instant, address: SocketAddr) {
        self.address = address;
        if let Some(server) = self.server {
            self.transport.move_to(now, self.path(server));
        }
    }

    pub fn handle_packet(&mut self, now: Instant, datagram: Datagram) {
        if self.asleep {
            return;
        }
        let mut bytes = datagram.bytes;
        match bytes.first() {
            Some(0..=63) => {
                let path = self.path(datagram.from);
                self.transport.handle_control(now, path, &bytes);
            }
            Some(128..=191) if (192..=223).contains(&bytes[1]) => {
                if let Ok(len) = self.transport.open_rtcp(&mut bytes) {
                    self.handle_rtcp(&bytes[..len]);
                }
            }
            Some(128..=191) => {
                if let Ok(len) = self.transport.open_rtp(&mut bytes) {
                    self.handle_rtp(now, &bytes[..len]);
                }
            }
            _ => {}
        }
        self.settle(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.asleep {
            return;
        }
        self.transport.handle_timeout(now);
        self.settle(now);
        if !self.transport.is_connected() {
            return;
        }
        let mut media = Vec::new();
        for publication in &mut self.publications {
            publication.produce(now, now - self.origin, &mut media);
        }
        for packet in media {
            self.send_rtp(packet);
        }
        if self.due.nack.is_some_and(|at| at <= now) {
            self.due.nack = Some(now + NACK_TICK);
            self.complain(now);
        }
        if self.due.report.is_some_and(|at| at <= now) {
            self.due.report = Some(now + REPORT_INTERVAL);
            self.report(now);
        }
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        if self.asleep {
            return None;
        }
        let transport = self.transport.next_timeout();
        if !self.transport.is_connected() {
            return transport;
        }
        let media = self.publications.iter().filter_map(Publication::next);
        let others = [transport, self.due.nack, self.due.report];
        media.chain(others.into_iter().flatten()).min()
    }

    pub fn publication(&mut self, source: Source) -> &mut Publication {
        let mut all = self.publications.iter_mut();
        all.find(|p| p.source == source)
            .expect("a published source")
    }

    pub fn slots_of(&self, kind: MediaKind) -> impl Iterator<Item = &SlotReceiver> {
        self.slots.iter().filter(move |s| s.kind == kind)
    }

    fn settle(&mut self, now: Instant) {
        while let Some(datagram) = self.transport.poll_control() {
            self.outgoing.push(Datagram {
                from: datagram.path.local,
                to: datagram.path.remote,
                bytes: datagram.bytes,
            });
        }
        while let Some(state) = self.transport.poll_event() {
            self.states.push(state);
            if state == TransportState::Connected {
                self.begin(now);
            }
        }
    }

    /// Sources start apart from one another, as people do.
    fn begin(&mut self, now: Instant) {
        let phase = Duration::from_micros(1_370 * self.index as u64 % 33_333);
        for publication in &mut self.publications {
            publication.start(now + phase);
        }
        self.due.nack.get_or_insert(now + NACK_TICK + phase);
        self.due.report.get_or_insert(now + REPORT_INTERVAL + phase);
    }

    fn handle_rtp(&mut self, now: Instant, bytes: &[u8]) {
        let Some(packet) = Rtp::decode(bytes) else {
            return;
        };
        let known = |s: &SlotReceiver| [s.ssrc, s.rtx_ssrc].contains(&Some(packet.ssrc));
        let at = self
            .slots
            .iter()
            .position(known)
            .or_else(|| self.bind(&packet));
        if let Some(at) = at {
            self.slots[at].receive(now, &packet);
        }
    }

    /// An SSRC not yet known is bound by its mid (RFC 8843 §9.2).
    fn bind(&mut self, packet: &Rtp) -> Option<usize> {
        let mid = packet.extension(ext::MID)?;
        let at = self.slots.iter().position(|s| s.mid.as_bytes() == mid)?;
        let slot = &mut self.slots[at];
        match packet.pt {
            97 => slot.rtx_ssrc = Some(packet.ssrc),
            _ => slot.ssrc = Some(packet.ssrc),
        }
        Some(at)
    }

    fn handle_rtcp(&mut self, compound: &[u8]) {
        let mut repairs = Vec::new();
        for (pt, format, body) in wire::rtcp_packets(compound) {
            let about = wire::be32(body, 4).unwrap_or(0);
            match (pt, format) {
                (wire::SENDER_REPORT, _) => self.sender_report(body),
                (wire::TRANSPORT_FEEDBACK, 1) => {
                    for publication in &mut self.publications {
                        publication.retransmit(about, &wire::nacked(body), &mut repairs);
                    }
                }
                (wire::TRANSPORT_FEEDBACK, 15) => {
                    self.feedback.packets += 1;
                    self.feedback.covered += u64::from(wire::be16(body, 10).unwrap_or(0));
                }
                (wire::PAYLOAD_FEEDBACK, 1 | 4) => self.keyframe_request(format, body),
                _ => {}
            }
        }
        for packet in repairs {
            self.send_rtp(packet);
        }
    }

    fn keyframe_request(&mut self, format: u8, body: &[u8]) {
        // PLI names the SSRC as media source, FIR in its entry (RFC 5104 §4.3.1.1).
        let about = wire::be32(body, if format == 1 { 4 } else { 8 }).unwrap_or(0);
        for publication in &mut self.publications {
            if let Some(encoding) = publication.by_ssrc(about) {
                encoding.keyframe_wanted = true;
                encoding.counted.keyframe_requests += 1;
            }
        }
    }

    fn sender_report(&mut self, body: &[u8]) {
        let word = |at| wire::be32(body, at).unwrap_or(0);
        let ntp = u64::from(word(4)) << 32 | u64::from(word(8));
        if let Some(slot) = self.slots.iter_mut().find(|s| s.ssrc == Some(word(0))) {
            slot.reports.push((ntp, word(12)));
        }
    }

    fn complain(&mut self, now: Instant) {
        let mut compound = Vec::new();
        for slot in &mut self.slots {
            let Some(ssrc) = slot.ssrc else { continue };
            let lost = slot.due_nacks(now);
            // As Chromium: video only.
            if slot.kind == MediaKind::Video && !lost.is_empty() {
                compound.extend(wire::nack(1, ssrc, &lost));
            }
            if slot.kind == MediaKind::Video
                && (std::mem::take(&mut slot.keyframe_wanted) || self.pli_flood)
            {
                compound.extend(wire::pli(1, ssrc));
            }
        }
        self.send_rtcp(compound);
    }

    fn report(&mut self, now: Instant) {
        let elapsed = now - self.origin;
        // A wall clock of its own: half a second ahead of the server's.
        let ntp = super::ntp_at(elapsed + Duration::from_millis(500));
        let mut compound = Vec::new();
        for publication in &self.publications {
            compound.extend(publication.reports(ntp, |at| now.saturating_duration_since(at)));
        }
        for slot in &self.slots {
            if let Some(ssrc) = slot.ssrc {
                compound.extend(wire::receiver_report(1, ssrc, slot.highest()));
            }
        }
        self.send_rtcp(compound);
    }

    pub fn send_rtp(&mut self, mut packet: Rtp) {
        let Some(seq) = self.extended(&packet) else {
            return;
        };
        self.counters.twcc = self.counters.twcc.wrapping_add(1);
        packet
            .extensions
            .push((ext::TRANSPORT_CC, self.counters.twcc.to_be_bytes().to_vec()));
        packet.extensions.push((ext::ABS_SEND_TIME, vec![0; 3]));
        let mut bytes = packet.encode();
        let len = bytes.len();
        bytes.resize(len + RTP_OVERHEAD, 0);
        if let Ok(sealed) = self.transport.seal_rtp(seq, &mut bytes, len) {
            bytes.truncate(sealed);
            self.send(bytes);
        }
    }

    pub fn send_rtcp(&mut self, mut compound: Vec<u8>) {
        if compound.is_empty() {
            return;
        }
        let len = compound.len();
        compound.resize(len + RTCP_OVERHEAD, 0);
        if let Ok(sealed) = self.transport.seal_rtcp(&mut compound, len) {
            compound.truncate(sealed);
            self.send(compound);
        }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        if let Some(to) = self.server {
            let from = self.address;
            self.outgoing.push(Datagram { from, to, bytes });
        }
    }

    fn extended(&self, packet: &Rtp) -> Option<SeqNo> {
        let encodings = self.publications.iter().flat_map(|p| &p.encodings);
        encodings
            .into_iter()
            .find_map(|e| e.index_of(packet.ssrc, packet.seq))
    }

    fn path(&self, server: SocketAddr) -> Path {
        Path {
            local: self.address,
            remote: server,
        }
    }

    fn credentials(&self) -> Credentials {
        let bytes = &self.transport.fingerprint().bytes;
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
        Credentials {
            ufrag: self.transport.local_ufrag().to_owned(),
            pwd: self.transport.local_pwd().to_owned(),
            sha256: hex.join(":"),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let published = self.publications.iter().map(|p| Section {
            mid: p.mid.clone(),
            kind: p.source.kind(),
            role: Role::Publish {
                rids: p.encodings.iter().filter_map(|e| e.rid).collect(),
                ssrc: p.encodings[0].ssrc,
                rtx_ssrc: p.encodings[0].rtx_ssrc,
            },
        });
        let slots = self.slots.iter().map(|s| Section {
            mid: s.mid.clone(),
            kind: s.kind,
            role: Role::Slot,
        });
        published.chain(slots).collect()
    }
}

pub fn mid(text: &str) -> Mid {
    Mid::try_from(text).expect("a mid")
}

fn fingerprint(sha256: &str) -> Fingerprint {
    let byte = |text| u8::from_str_radix(text, 16).expect("hexadecimal");
    Fingerprint {
        hash: FingerprintHash::Sha256,
        bytes: sha256.split(':').map(byte).collect(),
    }
}

fn sections_of(
    index: u32,
    ssrc: u32,
    equipment: Equipment,
) -> (Vec<Publication>, Vec<SlotReceiver>) {
    let start = equipment.start;
    let mut publications = Vec::new();
    if equipment.microphone {
        publications.push(Publication::microphone(index, "0", ssrc, start));
    }
    if equipment.camera {
        publications.push(Publication::camera(index, "1", ssrc + 100, start));
    }
    if equipment.screen {
        publications.push(Publication::screen(index, "2", ssrc + 200, start));
    }
    let audio = (0..equipment.audio_slots).map(|i| (i + 3, MediaKind::Audio));
    let first_video = equipment.audio_slots + 3;
    let video = (0..equipment.video_slots).map(|i| (i + first_video, MediaKind::Video));
    let slots = audio
        .chain(video)
        .map(|(i, kind)| SlotReceiver::new(&i.to_string(), kind));
    (publications, slots.collect())
}
