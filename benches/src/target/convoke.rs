//! Convoke's own signaling, as docs/protocol.md describes it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, interval, sleep_until};

use crate::engine::{Blueprint, Stage};
use crate::scenario::{Person, PersonId, Pin, Show, SourceName};

use super::endpoint;
use super::ledger::Ledger;
use super::socket::JsonSocket;

/// Changes of who is there are told at once by many messages; wishes follow them
/// together, and below the rate that a Session is allowed.
const WISHES_AFTER: Duration = Duration::from_millis(200);

#[derive(Debug, Clone)]
pub struct ConvokeTarget {
    pub address: SocketAddr,
    /// A user's token; each participant is a guest without one.
    pub token: Option<String>,
}

impl ConvokeTarget {
    pub fn new(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        let (address, _) = endpoint(url, 8080)?;
        Ok(Self { address, token })
    }

    pub(super) async fn attend(
        &self,
        stage: &Stage,
        id: PersonId,
        leave: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let person = stage.person(id);
        let stream = stage.connect(id, self.address).await?;
        let socket = JsonSocket::open(stream, self.address, "/ws", None).await?;
        let mut session = Session {
            stage,
            person,
            socket,
            others: HashMap::new(),
            wished: Vec::new(),
            slots: (Vec::new(), Vec::new()),
            ledger: Ledger::default(),
            #[cfg(feature = "webrtc")]
            peer: None,
        };
        let ping = session.hello(self.token.as_deref()).await?;
        session.join().await?;
        session.negotiate(stage.address(id, self.address)).await?;
        stage.note(|log| log.complete(id));
        session.stay(ping, leave).await
    }
}

struct Session<'a> {
    stage: &'a Stage,
    person: Person,
    socket: JsonSocket,
    /// Ids of participants by their names.
    others: HashMap<String, String>,
    wished: Vec<Value>,
    /// Mids of sound and of pictures.
    slots: (Vec<String>, Vec<String>),
    ledger: Ledger,
    #[cfg(feature = "webrtc")]
    peer: Option<crate::engine::Peer>,
}

impl Session<'_> {
    /// How often to be heard of.
    async fn hello(&mut self, token: Option<&str>) -> anyhow::Result<Duration> {
        let hello = match token {
            Some(token) => json!({"type": "hello", "protocol": 1, "token": token}),
            None => json!({"type": "hello", "protocol": 1, "name": self.person.name()}),
        };
        self.socket.say(&hello).await?;
        let welcome = self.await_type("welcome").await?;
        let seconds = welcome["pingIntervalSecs"].as_u64().unwrap_or(5).max(1);
        Ok(Duration::from_secs(seconds))
    }

    async fn join(&mut self) -> anyhow::Result<()> {
        let room = self.stage.room(self.person.room);
        self.socket
            .say(&json!({"type": "join", "request": 1, "room": room}))
            .await?;
        let joined = self.await_type("joined").await?;
        for participant in joined["participants"].as_array().into_iter().flatten() {
            self.meet(participant);
        }
        self.note_strain(&joined);
        Ok(())
    }

    async fn negotiate(&mut self, address: IpAddr) -> anyhow::Result<()> {
        #[cfg(feature = "webrtc")]
        if self.stage.is_peer(self.person.id) {
            return self.negotiate_peer(address).await;
        }
        let group = &self.person.group;
        let mut client = self.stage.client(&Blueprint {
            person: self.person.id,
            address,
            publish: group.publish.clone(),
            audio_slots: group.audio_slots,
            video_slots: group.video_slots,
        })?;
        let sdp = self.stage.connections.offer(&client);
        let answer = self.offer(&sdp).await?;
        self.stage.connections.accept(&mut client, &answer)?;
        self.stage.start(client);
        Ok(())
    }

    #[cfg(feature = "webrtc")]
    async fn negotiate_peer(&mut self, address: IpAddr) -> anyhow::Result<()> {
        let (peer, sdp) = self.stage.peer(&self.person, address).await?;
        let answer = self.offer(&sdp).await?;
        peer.accept(answer, &self.stage.connections).await?;
        self.peer = Some(peer);
        Ok(())
    }

    /// The m-lines are in the order of what is published, audio Slots, video Slots. The
    /// answer's SDP.
    async fn offer(&mut self, sdp: &str) -> anyhow::Result<String> {
        let group = &self.person.group;
        let mut mids = sdp.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        let mut next = |count| -> Vec<String> {
            let mids = mids.by_ref().take(count);
            mids.map(|mid| mid.trim().to_owned()).collect()
        };
        let published = next(group.publish.len());
        self.slots = (next(group.audio_slots), next(group.video_slots));
        for (show, mids) in [(group.audio, &self.slots.0), (group.video, &self.slots.1)] {
            if show == Show::Pinned {
                self.ledger.pins(mids.iter().cloned());
            }
        }
        let lines = published.iter().zip(&group.publish);
        let publish: Vec<Value> = lines
            .map(|(mid, source)| json!({"mid": mid, "source": source}))
            .collect();
        let offer = json!({"type": "offer", "request": 2, "sdp": sdp, "publish": publish});
        self.socket.say(&offer).await?;
        let answer = self.await_type("answer").await?;
        self.ledger.answered(self.socket.sent());
        self.account();
        let sdp = answer["sdp"].as_str().context("an answer without SDP")?;
        Ok(sdp.to_owned())
    }

    async fn stay(
        mut self,
        ping: Duration,
        mut leave: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let mut pings = interval(ping.mul_f64(0.8));
        let mut wish_at = Some(Instant::now());
        loop {
            let wishes = async {
                match wish_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                heard = self.hear() => {
                    if self.handle(&heard?)? {
                        wish_at.get_or_insert_with(|| Instant::now() + WISHES_AFTER);
                    }
                }
                () = wishes => {
                    wish_at = None;
                    self.wish().await?;
                }
                _ = pings.tick() => self.socket.say(&json!({"type": "ping"})).await?,
                _ = &mut leave => {
                    self.socket.say(&json!({"type": "leave"})).await?;
                    self.socket.close().await;
                    #[cfg(feature = "webrtc")]
                    if let Some(peer) = &self.peer {
                        peer.close().await;
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Whether who is there has changed.
    fn handle(&mut self, message: &Value) -> anyhow::Result<bool> {
        match message["type"].as_str() {
            Some("participant_joined") => {
                self.meet(&message["participant"]);
                Ok(true)
            }
            Some("participant_left") => {
                let gone = message["participantId"].as_str().unwrap_or_default();
                self.others.retain(|_, id| id != gone);
                Ok(true)
            }
            Some("strained") => {
                self.note_strain(message);
                Ok(false)
            }
            Some("layers") => {
                self.note_layers(message)?;
                Ok(false)
            }
            Some("error") => bail!("{}", refusal(message)),
            Some("call_ended") => bail!("the call was ended"),
            _ => Ok(false),
        }
    }

    /// No word of it means that there is none.
    fn note_strain(&self, message: &Value) {
        let strain = message["strain"].as_str().unwrap_or("none");
        let mut log = self.stage.log.borrow_mut();
        log.strain(self.person.id, strain != "none");
    }

    /// Sends the layers that somebody is shown, as a browser does.
    fn note_layers(&self, message: &Value) -> anyhow::Result<()> {
        let source = SourceName::deserialize(&message["source"])?;
        let wanted = Vec::<String>::deserialize(&message["wanted"])?;
        self.stage.set_layers(self.person.id, source, &wanted);
        Ok(())
    }

    fn meet(&mut self, participant: &Value) {
        if let (Some(id), Some(name)) = (participant["id"].as_str(), participant["name"].as_str()) {
            self.others.insert(name.to_owned(), id.to_owned());
        }
    }

    /// Says what the Slots are to show, if that is news.
    async fn wish(&mut self) -> anyhow::Result<()> {
        let (audio, video) = {
            let cast = self.stage.cast.borrow();
            (cast.audio_pins(&self.person), cast.video_pins(&self.person))
        };
        let group = &self.person.group;
        let mut wishes = Vec::new();
        self.wishes(&self.slots.0, &audio, (group.audio, None), &mut wishes);
        self.wishes(
            &self.slots.1,
            &video,
            (group.video, group.tile),
            &mut wishes,
        );
        wishes.retain(|wish| !self.wished.contains(wish));
        if wishes.is_empty() {
            return Ok(());
        }
        // Slots keep what they had, so only what changes is said.
        for wish in &wishes {
            self.wished.retain(|known| known["mid"] != wish["mid"]);
        }
        self.wished.extend(wishes.iter().cloned());
        self.socket
            .say(&json!({"type": "slots", "slots": wishes}))
            .await
    }

    fn wishes(
        &self,
        mids: &[String],
        pins: &[Pin],
        (show, tile): (Show, Option<[u16; 2]>),
        wishes: &mut Vec<Value>,
    ) {
        for (at, mid) in mids.iter().enumerate() {
            let target = match show {
                Show::Automatic => json!({"kind": "automatic"}),
                Show::Pinned => {
                    let pin = pins.iter().find(|pin| pin.slot == at);
                    pin.and_then(|pin| self.pinned(pin))
                        .unwrap_or_else(|| json!({"kind": "off"}))
                }
            };
            let mut wish = json!({"mid": mid, "show": target});
            if let Some([width, height]) = tile {
                wish["width"] = width.into();
                wish["height"] = height.into();
            }
            if show == Show::Pinned || tile.is_some() {
                wishes.push(wish);
            }
        }
    }

    /// None while that one is not there.
    fn pinned(&self, pin: &Pin) -> Option<Value> {
        let name = format!("bot-{}", pin.of.0);
        let id = self.others.get(&name)?;
        let source: SourceName = pin.source;
        Some(json!({"kind": "pinned", "participantId": id, "source": source}))
    }

    async fn hear(&mut self) -> anyhow::Result<Value> {
        let (message, bytes) = self.socket.hear_sized().await?;
        self.ledger.heard(&message, bytes);
        self.account();
        Ok(message)
    }

    fn account(&self) {
        let mut log = self.stage.log.borrow_mut();
        log.account(self.person.id, self.ledger.bytes());
    }

    /// The next message of a type; what else is said before it is heeded too.
    async fn await_type(&mut self, kind: &str) -> anyhow::Result<Value> {
        loop {
            let message = self.hear().await?;
            if message["type"] == kind {
                return Ok(message);
            }
            self.handle(&message)?;
        }
    }
}

fn refusal(message: &Value) -> String {
    let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
    format!("{}: {}", text("code"), text("message"))
}
