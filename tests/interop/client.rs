//! A participant made of the `webrtc` crate and a WebSocket: signaling as
//! docs/protocol.md describes it, media by an RTCPeerConnection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
    register_default_interceptors,
};

use crate::common::PATIENCE;
use crate::media::{Picture, opus, packet, picture, read_picture, read_voice, track, voice, vp8};

const VIDEO_SSRC: u32 = 0x0001_0001;
const AUDIO_SSRC: u32 = 0x0001_0002;
/// As the crate's own media engine numbers its default codecs.
const VP8: u8 = 96;
const OPUS: u8 = 111;
/// 50 pictures and 50 voice packets a second.
const PACE: Duration = Duration::from_millis(20);
const KEYFRAME_EVERY: u32 = 25;

pub(crate) struct Client {
    connection: Box<dyn PeerConnection>,
    video: Arc<TrackLocalStaticRTP>,
    audio: Arc<TrackLocalStaticRTP>,
    pictures: mpsc::UnboundedReceiver<rtp::Packet>,
    voices: mpsc::UnboundedReceiver<rtp::Packet>,
    /// Of one that came by the WebSocket.
    signaling: Option<JoinHandle<()>>,
}

struct Events {
    gathered: mpsc::UnboundedSender<()>,
    connected: mpsc::UnboundedSender<()>,
    pictures: mpsc::UnboundedSender<rtp::Packet>,
    voices: mpsc::UnboundedSender<rtp::Packet>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.send(());
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            let _ = self.connected.send(());
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let packets = match track.kind().await {
            RtpCodecKind::Audio => self.voices.clone(),
            _ => self.pictures.clone(),
        };
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _ = packets.send(packet);
                }
            }
        });
    }
}

/// Which lines a client offers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lines {
    Both,
    Sending,
    Receiving,
}

/// A client that has made its offer and waits for the answer.
pub(crate) struct Offering {
    pub(crate) offer: String,
    client: Client,
    is_connected: mpsc::UnboundedReceiver<()>,
}

impl Offering {
    pub(crate) async fn new(lines: Lines) -> Self {
        let (gathered, mut is_gathered) = mpsc::unbounded_channel();
        let (connected, is_connected) = mpsc::unbounded_channel();
        let (picture_sender, pictures) = mpsc::unbounded_channel();
        let (voice_sender, voices) = mpsc::unbounded_channel();
        let connection = build(Events {
            gathered,
            connected,
            pictures: picture_sender,
            voices: voice_sender,
        })
        .await;
        let video = Arc::new(track(RtpCodecKind::Video, VIDEO_SSRC, vp8()));
        let audio = Arc::new(track(RtpCodecKind::Audio, AUDIO_SSRC, opus()));
        if !matches!(lines, Lines::Receiving) {
            add_sending(&*connection, [audio.clone(), video.clone()]).await;
        }
        if !matches!(lines, Lines::Sending) {
            add_receiving(&*connection).await;
        }
        let offer = connection.create_offer(None).await.unwrap();
        connection.set_local_description(offer).await.unwrap();
        soon("candidates", is_gathered.recv()).await;
        Self {
            offer: connection.local_description().await.unwrap().sdp,
            client: Client {
                connection,
                video,
                audio,
                pictures,
                voices,
                signaling: None,
            },
            is_connected,
        }
    }

    pub(crate) async fn answered(mut self, answer: String) -> Client {
        let answer = RTCSessionDescription::answer(answer).unwrap();
        let connection = &self.client.connection;
        connection.set_remote_description(answer).await.unwrap();
        soon("a connection", self.is_connected.recv()).await;
        self.client
    }
}

impl Client {
    /// Joins the room and connects media in both directions.
    pub(crate) async fn join(address: &str, room: &str, name: &str) -> Self {
        let offering = Offering::new(Lines::Both).await;
        let mut socket = enter(address, room, name).await;
        let answer = negotiate(&mut socket, &offering.offer).await;
        // Whatever else the server says must not fill the socket's buffers.
        let signaling = tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
        let mut client = offering.answered(answer).await;
        client.signaling = Some(signaling);
        client
    }

    /// Sends numbered pictures and voice packets that carry `name`, until aborted. The
    /// crate keeps requests for keyframes to itself, so one is sent twice a second.
    pub(crate) fn publish(&self, name: &'static str) -> JoinHandle<()> {
        let (video, audio) = (Arc::clone(&self.video), Arc::clone(&self.audio));
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(PACE);
            for counter in 0_u32.. {
                pace.tick().await;
                let payload = picture(name, counter, counter.is_multiple_of(KEYFRAME_EVERY));
                let sent = packet(VIDEO_SSRC, VP8, counter, 1800, payload);
                video.write_rtp(sent).await.unwrap();
                let sent = packet(AUDIO_SSRC, OPUS, counter, 960, voice(name));
                audio.write_rtp(sent).await.unwrap();
            }
        })
    }

    pub(crate) async fn receive_video(&mut self, count: usize) -> Vec<Picture> {
        let mut received = Vec::with_capacity(count);
        while received.len() < count {
            let packet = soon("a picture", self.pictures.recv()).await;
            received.push(read_picture(&packet.expect("the track ended")));
        }
        received
    }

    /// Whose voice each packet carries.
    pub(crate) async fn receive_audio(&mut self, count: usize) -> Vec<String> {
        let mut received = Vec::with_capacity(count);
        while received.len() < count {
            let packet = soon("a voice", self.voices.recv()).await;
            received.push(read_voice(&packet.expect("the track ended")));
        }
        received
    }

    pub(crate) async fn close(self) {
        if let Some(signaling) = self.signaling {
            signaling.abort();
        }
        self.connection.close().await.unwrap();
    }
}

async fn build(events: Events) -> Box<dyn PeerConnection> {
    let mut media = MediaEngine::default();
    media.register_default_codecs().unwrap();
    let interceptors = register_default_interceptors(Registry::new(), &mut media).unwrap();
    let built = PeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(interceptors)
        .with_handler(Arc::new(events))
        .with_runtime(webrtc::runtime::default_runtime().unwrap())
        .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
        .build();
    Box::new(built.await.unwrap())
}

fn direction(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit {
        direction,
        ..Default::default()
    }
}

/// One line to publish each track on.
async fn add_sending(connection: &dyn PeerConnection, tracks: [Arc<TrackLocalStaticRTP>; 2]) {
    for track in tracks {
        let sends = direction(RTCRtpTransceiverDirection::Sendonly);
        let added =
            connection.add_transceiver_from_track(track as Arc<dyn TrackLocal>, Some(sends));
        added.await.unwrap();
    }
}

/// A Slot of each kind.
async fn add_receiving(connection: &dyn PeerConnection) {
    for kind in [RtpCodecKind::Audio, RtpCodecKind::Video] {
        let receives = direction(RTCRtpTransceiverDirection::Recvonly);
        connection
            .add_transceiver_from_kind(kind, Some(receives))
            .await
            .unwrap();
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// `hello` and `join`.
async fn enter(address: &str, room: &str, name: &str) -> Socket {
    let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    say(
        &mut socket,
        json!({"type": "hello", "protocol": 1, "name": name}),
    )
    .await;
    hear(&mut socket, "welcome").await;
    say(
        &mut socket,
        json!({"type": "join", "request": 1, "room": room}),
    )
    .await;
    hear(&mut socket, "joined").await;
    socket
}

/// The offer's lines are in the order in which they were added.
async fn negotiate(socket: &mut Socket, offer: &str) -> String {
    let mids: Vec<&str> = offer
        .lines()
        .filter_map(|line| line.strip_prefix("a=mid:"))
        .collect();
    let publish = json!([
        {"mid": mids[0], "source": "microphone"},
        {"mid": mids[1], "source": "camera"},
    ]);
    for source in ["microphone", "camera"] {
        say(
            socket,
            json!({"type": "publish", "source": source, "state": "live"}),
        )
        .await;
    }
    say(
        socket,
        json!({"type": "offer", "request": 2, "sdp": offer, "publish": publish}),
    )
    .await;
    let answer = hear(socket, "answer").await;
    answer["sdp"].as_str().unwrap().to_owned()
}

async fn say(socket: &mut Socket, message: Value) {
    socket
        .send(Message::text(message.to_string()))
        .await
        .unwrap();
}

/// The next message of a type; others are not ours to care about, but errors are.
async fn hear(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let frame = soon(kind, socket.next())
            .await
            .expect("the socket is open")
            .unwrap();
        let Message::Text(text) = frame else { continue };
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_ne!(message["type"], "error", "{message}");
        if message["type"] == kind {
            return message;
        }
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}
