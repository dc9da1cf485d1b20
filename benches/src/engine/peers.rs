//! Participants that are the `webrtc` crate's RTCPeerConnection: a share of them may be a
//! client that shares no transport, no SDP and no parser with the server. They cost
//! the generator some twenty times as much, so a share is what they are good for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
    register_default_interceptors,
};

use crate::client::{ClientId, Happening, LayerId, Placed, SequenceAccount, Stamp, Tally};
use crate::clock::Nanos;
use crate::scenario::{Group, SourceName};
use crate::shape::{Payload, Talk, Video};

use super::connections::Connections;
use super::media_thread::Told;

/// As the crate's own media engine numbers its default codecs.
const VP8: u8 = 96;
const OPUS: u8 = 111;
/// The crate keeps requests for keyframes to itself, so one is sent each second.
const KEYFRAME_EVERY: u32 = 30;
/// Of the crate's packets, so that they fit with its extensions.
const PAYLOAD_BYTES: usize = 1_120;
const PATIENCE: Duration = Duration::from_secs(10);

/// What all of them counted.
#[derive(Debug, Default)]
pub(crate) struct PeerCounts {
    open: AtomicBool,
    tally: Mutex<Tally>,
    accounts: Mutex<Vec<Arc<Mutex<SequenceAccount>>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters are whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PeerCounts {
    pub(crate) fn begin(&self) {
        *locked(&self.tally) = Tally::default();
        for account in &*locked(&self.accounts) {
            locked(account).begin();
        }
        self.open.store(true, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.open.store(false, Ordering::Relaxed);
        for account in &*locked(&self.accounts) {
            locked(account).end();
        }
    }

    /// Of the window.
    pub(crate) fn collect(&self) -> Tally {
        let mut tally = locked(&self.tally).clone();
        tally.received = 0;
        for account in &*locked(&self.accounts) {
            let counts = locked(account).counts();
            tally.received += counts.received;
            tally.lost += counts.lost;
            tally.duplicates += counts.duplicates;
        }
        tally
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    fn account(&self) -> Arc<Mutex<SequenceAccount>> {
        let mut account = SequenceAccount::default();
        if self.is_open() {
            account.begin();
        }
        let account = Arc::new(Mutex::new(account));
        locked(&self.accounts).push(Arc::clone(&account));
        account
    }

    fn received(&self, account: &Mutex<SequenceAccount>, packet: &rtp::Packet) {
        let placed = locked(account).receive(packet.header.sequence_number);
        let is_new = !matches!(placed, Placed::Duplicate | Placed::Old);
        let Some(stamp) = Stamp::read(&packet.payload).filter(|_| is_new && self.is_open()) else {
            return;
        };
        let mut tally = locked(&self.tally);
        tally.opened += 1;
        tally.bytes[stamp.layer.index()] += packet.payload.len() as u64;
        tally.latency.record(Nanos::now().since(stamp.sent));
    }
}

/// One of them.
pub(crate) struct Peer {
    person: u32,
    connection: Box<dyn PeerConnection>,
    tracks: Vec<(SourceName, Arc<TrackLocalStaticRTP>)>,
    counts: Arc<PeerCounts>,
}

struct Events {
    id: ClientId,
    gathered: mpsc::UnboundedSender<()>,
    told: mpsc::UnboundedSender<Told>,
    counts: Arc<PeerCounts>,
    has_media: Arc<AtomicBool>,
}

impl Events {
    fn tell(&self, happening: Happening) {
        // Nobody listens once the run is over.
        let _ = self.told.send(Told {
            client: self.id,
            happening,
            at: Nanos::now(),
        });
    }
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.send(());
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => self.tell(Happening::Connected),
            RTCPeerConnectionState::Failed => self.tell(Happening::Lost),
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let counts = Arc::clone(&self.counts);
        let account = counts.account();
        let (told, client) = (self.told.clone(), self.id);
        let has_media = Arc::clone(&self.has_media);
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                let TrackRemoteEvent::OnRtpPacket(packet) = event else {
                    continue;
                };
                if !has_media.swap(true, Ordering::Relaxed) {
                    let _ = told.send(Told {
                        client,
                        happening: Happening::FirstMedia,
                        at: Nanos::now(),
                    });
                }
                counts.received(&account, &packet);
            }
        });
    }
}

impl Peer {
    /// A connection with m-lines as a client's, and its offer.
    pub(crate) async fn offer(
        (id, person): (ClientId, u32),
        group: &Group,
        address: std::net::IpAddr,
        counts: Arc<PeerCounts>,
        told: mpsc::UnboundedSender<Told>,
    ) -> anyhow::Result<(Self, String)> {
        let (gathered, mut is_gathered) = mpsc::unbounded_channel();
        let events = Events {
            id,
            gathered,
            told,
            counts: Arc::clone(&counts),
            has_media: Arc::default(),
        };
        let connection = build(events, address).await?;
        let mut tracks = Vec::new();
        for (n, source) in group.publish.iter().enumerate() {
            let track = Arc::new(track(person, n as u32, *source));
            let local = Arc::clone(&track) as Arc<dyn TrackLocal>;
            let sends = direction(RTCRtpTransceiverDirection::Sendonly);
            connection
                .add_transceiver_from_track(local, Some(sends))
                .await?;
            tracks.push((*source, track));
        }
        let kinds = std::iter::repeat_n(RtpCodecKind::Audio, group.audio_slots)
            .chain(std::iter::repeat_n(RtpCodecKind::Video, group.video_slots));
        for kind in kinds {
            let receives = direction(RTCRtpTransceiverDirection::Recvonly);
            connection
                .add_transceiver_from_kind(kind, Some(receives))
                .await?;
        }
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        let all = timeout(PATIENCE, is_gathered.recv()).await;
        ensure!(all.is_ok(), "no ICE candidates in time");
        let offer = connection.local_description().await.context("no offer")?;
        let peer = Self {
            person,
            connection,
            tracks,
            counts,
        };
        Ok((peer, offer.sdp))
    }

    /// Takes the answer, connects and publishes until it is dropped.
    pub(crate) async fn accept(&self, answer: String, media: &Connections) -> anyhow::Result<()> {
        let answer = RTCSessionDescription::answer(answer)?;
        self.connection.set_remote_description(answer).await?;
        for (source, track) in &self.tracks {
            let (track, counts) = (Arc::downgrade(track), Arc::clone(&self.counts));
            let mut sender = Sender::new(*source, self.person, media);
            tokio::spawn(async move {
                let mut pace = interval(sender.interval);
                loop {
                    pace.tick().await;
                    let Some(track) = track.upgrade() else { return };
                    for packet in sender.next() {
                        // Before it is connected there is nowhere to send.
                        let sent = track.write_rtp(packet).await.is_ok();
                        let counted = u64::from(sent && counts.is_open());
                        locked(&counts.tally).published += counted;
                    }
                }
            });
        }
        Ok(())
    }

    pub(crate) async fn close(&self) {
        // Gone already is as good.
        let _ = self.connection.close().await;
    }
}

/// Makes the packets of a track; the crate numbers the SSRC.
struct Sender {
    source: Made,
    person: u32,
    interval: Duration,
    ticks: u32,
    ssrc: u32,
    seq: u16,
    timestamp: u32,
    frames: u32,
}

enum Made {
    Talk(Talk),
    Video(Video),
}

impl Sender {
    fn new(source: SourceName, person: u32, media: &Connections) -> Self {
        let seed = u64::from(person) << 8 | source as u64;
        let (made, interval, rate) = match source {
            SourceName::Microphone | SourceName::ScreenAudio => {
                let talk = Talk::new(media.talk(), seed);
                (Made::Talk(talk), Duration::from_millis(20), 48_000.0)
            }
            SourceName::Camera | SourceName::Screen => {
                // Without simulcast: its smallest layer.
                let mut layers = media.camera().into_iter();
                let shape = layers
                    .next()
                    .map_or_else(|| media.screen(), |(_, shape)| shape);
                let interval = Duration::from_secs_f64(1.0 / shape.fps);
                (Made::Video(Video::new(shape, seed)), interval, 90_000.0)
            }
        };
        Self {
            source: made,
            person,
            interval,
            ticks: (interval.as_secs_f64() * rate).round() as u32,
            ssrc: ssrc_of(person, source),
            seq: 0,
            timestamp: 0,
            frames: 0,
        }
    }

    fn next(&mut self) -> Vec<rtp::Packet> {
        let now = Nanos::now();
        let stamp = |layer| Stamp {
            sent: now,
            publisher: self.person,
            layer,
        };
        let (pt, payloads): (u8, Vec<Payload>) = match &mut self.source {
            Made::Talk(talk) => {
                let said = talk.next(now).into_iter();
                let payload = |len| Payload::new(Default::default(), len, stamp(LayerId::AUDIO));
                (OPUS, said.map(|said| payload(said.len)).collect())
            }
            Made::Video(video) => {
                let keyframe = self.frames.is_multiple_of(KEYFRAME_EVERY);
                let parts = video.next_frame(keyframe, PAYLOAD_BYTES);
                let payload = |(head, len)| Payload::new(head, len, stamp(LayerId::VIDEO));
                (VP8, parts.map(payload).collect())
            }
        };
        self.frames += 1;
        self.timestamp = self.timestamp.wrapping_add(self.ticks);
        let last = payloads.len();
        let (ssrc, timestamp) = (self.ssrc, self.timestamp);
        let packets = payloads.iter().enumerate().map(|(at, payload)| {
            self.seq = self.seq.wrapping_add(1);
            let mut bytes = vec![0; payload.len()];
            payload.write(&mut bytes);
            rtp::Packet {
                header: rtp::header::Header {
                    version: 2,
                    marker: pt == VP8 && at + 1 == last,
                    payload_type: pt,
                    sequence_number: self.seq,
                    timestamp,
                    ssrc,
                    ..Default::default()
                },
                payload: Bytes::from(bytes),
            }
        });
        packets.collect()
    }
}

const fn ssrc_of(person: u32, source: SourceName) -> u32 {
    0x4000_0000 | person << 4 | source as u32
}

async fn build(
    events: Events,
    address: std::net::IpAddr,
) -> anyhow::Result<Box<dyn PeerConnection>> {
    let mut media = MediaEngine::default();
    media.register_default_codecs()?;
    let interceptors = register_default_interceptors(Registry::new(), &mut media)?;
    let runtime = webrtc::runtime::default_runtime().context("no async runtime")?;
    let built = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(interceptors)
        .with_handler(Arc::new(events))
        .with_runtime(runtime)
        .with_udp_addrs(vec![format!("{address}:0")])
        .build();
    Ok(Box::new(built.await?))
}

fn direction(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        ..Default::default()
    }
}

fn track(person: u32, n: u32, source: SourceName) -> TrackLocalStaticRTP {
    let (kind, mime_type, clock_rate, channels) = match source {
        SourceName::Microphone | SourceName::ScreenAudio => {
            (RtpCodecKind::Audio, "audio/opus", 48_000, 2)
        }
        SourceName::Camera | SourceName::Screen => (RtpCodecKind::Video, "video/VP8", 90_000, 0),
    };
    TrackLocalStaticRTP::new(MediaStreamTrack::new(
        format!("stream-{person}"),
        format!("track-{person}-{n}"),
        format!("label-{n}"),
        kind,
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc_of(person, source)),
                ..Default::default()
            },
            codec: RTCRtpCodec {
                mime_type: mime_type.to_owned(),
                clock_rate,
                channels,
                ..Default::default()
            },
            ..Default::default()
        }],
    ))
}
