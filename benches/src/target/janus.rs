//! Janus's videoroom plugin by its WebSocket: a handle that publishes by an offer, and one
//! that subscribes to several feeds at once, which Janus offers.
//!
//! Janus does not choose speakers, so every Slot is somebody's from the beginning.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::interval;

use crate::engine::{Blueprint, Stage};
use crate::scenario::{Person, PersonId, Pin, SourceName};

use super::endpoint;
use super::socket::JsonSocket;

/// Janus forgets a session after 60 s of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// What the videoroom calls a room that is there already.
const ROOM_EXISTS: i64 = 427;

/// Room numbers of ours begin here.
const FIRST_ROOM: usize = 700_000;

/// Wide enough that Janus's REMB does not throttle a publisher.
const BITRATE_CAP: u64 = 50_000_000;

#[derive(Debug, Clone)]
pub struct JanusTarget {
    pub address: SocketAddr,
    path: String,
}

impl JanusTarget {
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let (address, path) = endpoint(url, 8188)?;
        let path = if path.is_empty() {
            "/".to_owned()
        } else {
            path
        };
        Ok(Self { address, path })
    }

    pub(super) async fn attend(
        &self,
        stage: &Stage,
        id: PersonId,
        mut leave: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let person = stage.person(id);
        let stream = stage.connect(id, self.address).await?;
        let protocol = Some("janus-protocol");
        let socket = JsonSocket::open(stream, self.address, &self.path, protocol).await?;
        let mut session = Session {
            socket,
            session: 0,
            transaction: 0,
        };
        session.create().await?;
        // Where Janus receives media is not where its WebSocket is, and to one of the
        // other addresses of this machine it may not be able to answer.
        let address = match stage.options.local_ip {
            Some(address) => address,
            None if self.address.is_ipv4() => Ipv4Addr::UNSPECIFIED.into(),
            None => Ipv6Addr::UNSPECIFIED.into(),
        };
        if !person.group.publish.is_empty() {
            publish(&mut session, stage, &person, address).await?;
            session.await_media().await?;
            stage.note(|log| log.published(id));
        }
        if person.receives() {
            session.meanwhile(stage.everybody_publishes(id)).await?;
            subscribe(&mut session, stage, &person, address).await?;
        }
        stage.note(|log| log.complete(id));
        let left = async {
            // Told, or everybody is: the run is over.
            let _ = (&mut leave).await;
        };
        session.meanwhile(left).await?;
        session.destroy().await
    }
}

async fn publish(
    session: &mut Session,
    stage: &Stage,
    person: &Person,
    address: IpAddr,
) -> anyhow::Result<()> {
    let handle = session.attach().await?;
    let room = FIRST_ROOM + person.room;
    let create = json!({
        "request": "create", "room": room, "publishers": 1000, "bitrate": BITRATE_CAP,
        "bitrate_cap": false, "videocodec": "vp8,av1", "audiolevel_ext": true,
        "audiolevel_event": false, "transport_wide_cc_ext": true,
    });
    let created = session.message(handle, create, None).await?;
    let code = created.data["error_code"].as_i64();
    if code.is_some_and(|code| code != ROOM_EXISTS) {
        bail!("no room: {}", created.data["error"]);
    }
    let join = json!({
        "request": "join", "ptype": "publisher", "room": room,
        "id": person.id.0 + 1, "display": person.name(),
    });
    session.message(handle, join, None).await?.accepted()?;
    let mut client = stage.client(&Blueprint {
        person: person.id,
        address,
        publish: person.group.publish.clone(),
        audio_slots: 0,
        video_slots: 0,
    })?;
    // Our layers are named from the smallest on, low to high.
    let offer = json!({
        "type": "offer", "sdp": stage.connections.offer(&client), "rid_order": "lmh",
    });
    let publish = json!({"request": "publish"});
    let answer = session.message(handle, publish, Some(offer)).await?;
    let answer = answer.accepted()?;
    let sdp = answer.jsep["sdp"].as_str().context("no answer")?;
    stage.connections.accept(&mut client, sdp)?;
    stage.start(client);
    Ok(())
}

async fn subscribe(
    session: &mut Session,
    stage: &Stage,
    person: &Person,
    address: IpAddr,
) -> anyhow::Result<()> {
    let streams = streams(stage, person);
    if streams.is_empty() {
        return Ok(());
    }
    let handle = session.attach().await?;
    let join = json!({
        "request": "join", "ptype": "subscriber",
        "room": FIRST_ROOM + person.room, "streams": streams,
    });
    let offer = session.message(handle, join, None).await?.accepted()?;
    let sdp = offer.jsep["sdp"].as_str().context("no offer")?;
    let mut client = stage.client(&Blueprint {
        person: person.id,
        address,
        publish: Vec::new(),
        audio_slots: 0,
        video_slots: 0,
    })?;
    let answer = stage.connections.answer(&mut client, sdp)?;
    let answer = json!({"type": "answer", "sdp": answer});
    let start = json!({"request": "start"});
    session
        .message(handle, start, Some(answer))
        .await?
        .accepted()?;
    stage.start(client);
    let layers = layers(stage, person, &offer.data["streams"]);
    if !layers.is_empty() {
        let configure = json!({"request": "configure", "streams": layers});
        session.message(handle, configure, None).await?.accepted()?;
    }
    Ok(())
}

/// The feeds' m-lines that fill this one's Slots. A publisher's mids count its sources.
fn streams(stage: &Stage, person: &Person) -> Vec<Value> {
    let cast = stage.cast.borrow();
    let (audio, video) = cast.all_pins(person);
    let stream = |pin: &Pin| {
        let sources = &cast.get(pin.of).group.publish;
        let mid = sources.iter().position(|source| *source == pin.source)?;
        Some(json!({"feed": pin.of.0 + 1, "mid": mid.to_string()}))
    };
    audio.iter().chain(&video).filter_map(stream).collect()
}

/// The smallest layer of each camera that is not narrower than the place it is shown
/// in, which Convoke chooses by itself. `streams` are the handle's m-lines.
fn layers(stage: &Stage, person: &Person, streams: &Value) -> Vec<Value> {
    let cast = stage.cast.borrow();
    let media = stage.connections.media();
    let Some([width, _]) = person.group.tile else {
        return Vec::new();
    };
    if media.packets_per_second.is_some() || media.layers.len() < 2 {
        return Vec::new();
    }
    let fits = media.layers.iter().position(|layer| layer.width >= width);
    let substream = fits.unwrap_or(media.layers.len() - 1);
    let is_camera = |stream: &&Value| {
        let feed = stream["feed_id"].as_u64().and_then(|id| id.checked_sub(1));
        let mid = stream["feed_mid"].as_str().and_then(|mid| mid.parse().ok());
        let source = feed.zip(mid).and_then(|(feed, mid): (u64, usize)| {
            let publisher = cast.people().get(feed as usize)?;
            publisher.group.publish.get(mid)
        });
        source == Some(&SourceName::Camera)
    };
    let cameras = streams.as_array().into_iter().flatten().filter(is_camera);
    cameras
        .map(|stream| json!({"mid": stream["mid"], "substream": substream}))
        .collect()
}

/// A plugin's answer.
struct Answer {
    data: Value,
    jsep: Value,
}

impl Answer {
    fn accepted(self) -> anyhow::Result<Self> {
        if let Some(error) = self.data["error"].as_str() {
            bail!("Janus refuses: {error}");
        }
        Ok(self)
    }
}

struct Session {
    socket: JsonSocket,
    session: u64,
    transaction: u64,
}

impl Session {
    async fn create(&mut self) -> anyhow::Result<()> {
        let created = self.ask(json!({"janus": "create"})).await?;
        let id = created["data"]["id"].as_u64();
        self.session = id.context("Janus made no session")?;
        Ok(())
    }

    async fn attach(&mut self) -> anyhow::Result<u64> {
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.videoroom"});
        let attached = self.ask(attach).await?;
        attached["data"]["id"]
            .as_u64()
            .context("Janus made no handle")
    }

    async fn destroy(mut self) -> anyhow::Result<()> {
        self.ask(json!({"janus": "destroy"})).await?;
        self.socket.close().await;
        Ok(())
    }

    /// A request to the plugin; acknowledged at once and answered by an event, or
    /// answered at once.
    async fn message(
        &mut self,
        handle: u64,
        body: Value,
        jsep: Option<Value>,
    ) -> anyhow::Result<Answer> {
        let mut message = json!({"janus": "message", "handle_id": handle, "body": body});
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        let mut answer = self.ask(message).await?;
        if answer["janus"] == "ack" {
            answer = self.answer_to(self.transaction).await?;
        }
        Ok(Answer {
            data: answer["plugindata"]["data"].take(),
            jsep: answer["jsep"].take(),
        })
    }

    async fn ask(&mut self, mut message: Value) -> anyhow::Result<Value> {
        self.transaction += 1;
        message["transaction"] = self.transaction.to_string().into();
        if self.session != 0 {
            message["session_id"] = self.session.into();
        }
        self.socket.say(&message).await?;
        let answer = self.answer_to(self.transaction).await?;
        if answer["janus"] == "error" {
            bail!("Janus refuses: {}", answer["error"]["reason"]);
        }
        Ok(answer)
    }

    async fn answer_to(&mut self, transaction: u64) -> anyhow::Result<Value> {
        let wanted = transaction.to_string();
        loop {
            let message = self.socket.hear().await?;
            if message["transaction"] == wanted {
                return Ok(message);
            }
            heed(&message)?;
        }
    }

    /// The path of the handle just negotiated is there: only then is its feed.
    async fn await_media(&mut self) -> anyhow::Result<()> {
        loop {
            let message = self.socket.hear().await?;
            if message["janus"] == "webrtcup" {
                return Ok(());
            }
            heed(&message)?;
        }
    }

    /// Keeps the session alive until something else is so.
    async fn meanwhile(&mut self, done: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::pin!(done);
        let mut alive = interval(KEEP_ALIVE);
        loop {
            tokio::select! {
                () = &mut done => return Ok(()),
                heard = self.socket.hear() => heed(&heard?)?,
                _ = alive.tick() => {
                    self.transaction += 1;
                    let transaction = self.transaction.to_string();
                    let message = json!({
                        "janus": "keepalive", "session_id": self.session,
                        "transaction": transaction,
                    });
                    self.socket.say(&message).await?;
                }
            }
        }
    }
}

/// What nobody asked for: of it only the end matters.
fn heed(message: &Value) -> anyhow::Result<()> {
    match message["janus"].as_str() {
        Some("hangup") => bail!("Janus hung up: {}", message["reason"]),
        Some("timeout") => bail!("Janus forgot the session"),
        _ => Ok(()),
    }
}
