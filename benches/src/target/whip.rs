//! Any server of WHIP (RFC 9725) and WHEP: who publishes has one session, who plays
//! another, with an m-line for each Slot that the server fills.

use std::net::SocketAddr;

use anyhow::Context as _;
use hyper::Method;
use tokio::sync::oneshot;

use crate::engine::{Blueprint, Stage};
use crate::scenario::{Person, PersonId};

use super::endpoint;
use super::http::request;

/// Where to publish or to play: `{room}` and `{name}` in the path are filled in.
#[derive(Debug, Clone)]
pub struct WhipEndpoint {
    pub address: SocketAddr,
    path: String,
}

impl WhipEndpoint {
    fn new(url: &str) -> anyhow::Result<Self> {
        let (address, path) = endpoint(url, 80)?;
        Ok(Self { address, path })
    }

    fn path(&self, room: &str, name: &str) -> String {
        self.path.replace("{room}", room).replace("{name}", name)
    }
}

#[derive(Debug, Clone)]
pub struct WhipTarget {
    pub publish: WhipEndpoint,
    pub play: WhipEndpoint,
    pub token: Option<String>,
}

/// A session that the server has made.
struct Resource {
    server: SocketAddr,
    path: String,
}

impl WhipTarget {
    /// Where to play is where to publish, with `/whep/` for `/whip/`, if not given.
    pub fn new(whip: &str, whep: Option<&str>, token: Option<String>) -> anyhow::Result<Self> {
        let play = whep.map_or_else(
            || {
                let path = whip.split_once('?').map_or(whip, |(path, _)| path);
                path.replace("/whip/", "/whep/")
            },
            str::to_owned,
        );
        Ok(Self {
            publish: WhipEndpoint::new(whip)?,
            play: WhipEndpoint::new(&play)?,
            token,
        })
    }

    pub(super) async fn attend(
        &self,
        stage: &Stage,
        id: PersonId,
        leave: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        let person = stage.person(id);
        let mut resources = Vec::new();
        if !person.group.publish.is_empty() {
            resources.push(self.publish(stage, &person).await?);
            stage.until(|log| log.is_client_connected(id, 1)).await;
            stage.note(|log| log.published(id));
        }
        if person.receives() {
            stage.everybody_publishes(id).await;
            resources.push(self.play(stage, &person).await?);
        }
        stage.note(|log| log.complete(id));
        // Told, or everybody is: the run is over.
        let _ = leave.await;
        for resource in resources {
            let Resource { server, path } = resource;
            let stream = stage.connect(id, server).await?;
            let token = self.token.as_deref();
            request(stream, server, Method::DELETE, &path, token, String::new()).await?;
        }
        Ok(())
    }

    async fn publish(&self, stage: &Stage, person: &Person) -> anyhow::Result<Resource> {
        let blueprint = Blueprint {
            person: person.id,
            address: stage.address(person.id, self.publish.address),
            publish: person.group.publish.clone(),
            audio_slots: 0,
            video_slots: 0,
        };
        self.session(stage, person, &self.publish, &blueprint).await
    }

    async fn play(&self, stage: &Stage, person: &Person) -> anyhow::Result<Resource> {
        let blueprint = Blueprint {
            person: person.id,
            address: stage.address(person.id, self.play.address),
            publish: Vec::new(),
            audio_slots: person.group.audio_slots,
            video_slots: person.group.video_slots,
        };
        self.session(stage, person, &self.play, &blueprint).await
    }

    async fn session(
        &self,
        stage: &Stage,
        person: &Person,
        endpoint: &WhipEndpoint,
        blueprint: &Blueprint,
    ) -> anyhow::Result<Resource> {
        let mut client = stage.client(blueprint)?;
        let offer = stage.connections.offer(&client);
        let stream = stage.connect(person.id, endpoint.address).await?;
        let path = endpoint.path(&stage.room(person.room), &person.name());
        let token = self.token.as_deref();
        let answer = request(stream, endpoint.address, Method::POST, &path, token, offer).await?;
        let answer = answer.created()?;
        let location = answer.location.context("the server names no session")?;
        stage.connections.accept(&mut client, &answer.body)?;
        stage.start(client);
        // Absolute, or of the same server (RFC 9725 §4.2).
        let (server, path) = if location.contains("://") {
            super::endpoint(&location, 80)?
        } else {
            (endpoint.address, location)
        };
        Ok(Resource { server, path })
    }
}
