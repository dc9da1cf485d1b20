//! Makes clients: what they publish and where they receive, and the two ways to agree
//! with a server on it, by offering and by answering.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use convoke_media::control::{MediaKind, Source};
use convoke_media::transport::client::IceRole;
use convoke_media::transport::{DtlsIdentity, Profile};

use crate::client::{
    Client, ClientId, Encoding, LayerId, Link, Numbers, PacketExtensions, Producer, Publication,
    Slot, Slots,
};
use crate::clock::Epoch;
use crate::scatter::scatter;
use crate::scenario::{MediaSpec, PersonId, SourceName};
use crate::sdp::{Answer, Credentials, Description, Line, LineRole, Media, Offer, uri};
use crate::shape::{Codec, FrameShape, Talk, TalkShape, Video, VideoShape};

use super::options::Options;

/// What a client is to have.
#[derive(Debug, Clone)]
pub(crate) struct Blueprint {
    pub(crate) person: PersonId,
    pub(crate) address: IpAddr,
    pub(crate) publish: Vec<SourceName>,
    pub(crate) audio_slots: usize,
    pub(crate) video_slots: usize,
}

/// Makes clients that have everything but their state in common.
pub(crate) struct Connections {
    identity: Arc<DtlsIdentity>,
    epoch: Epoch,
    profiles: [Profile; 2],
    receive_segments: bool,
    media: MediaSpec,
    next: Cell<u32>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections")
            .field("made", &self.next)
            .finish_non_exhaustive()
    }
}

impl Connections {
    pub(crate) fn new(media: MediaSpec, options: &Options) -> anyhow::Result<Self> {
        let mut profiles = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];
        if options.sha1_first {
            profiles.reverse();
        }
        Ok(Self {
            identity: Arc::new(DtlsIdentity::generate()?),
            epoch: Epoch::new(),
            profiles,
            receive_segments: options.receive_segments,
            media,
            next: Cell::new(0),
        })
    }

    pub(crate) const fn media(&self) -> &MediaSpec {
        &self.media
    }

    pub(crate) fn next_id(&self) -> ClientId {
        let id = self.next.get();
        self.next.set(id + 1);
        ClientId(id)
    }

    /// m-lines in order: what is published, audio Slots, video Slots; mids count them.
    pub(crate) fn make(&self, blueprint: &Blueprint) -> io::Result<Client> {
        let id = self.next_id();
        let seed = scatter(u64::from(id.0) + 1);
        let link = Link::new(
            blueprint.address,
            Arc::clone(&self.identity),
            &self.profiles,
            seed,
            self.epoch,
            self.receive_segments,
        )?;
        let publications: Vec<Publication> = blueprint
            .publish
            .iter()
            .enumerate()
            .map(|(mid, source)| self.publication(mid, *source, blueprint.person, seed))
            .collect();
        let kinds = std::iter::repeat_n(MediaKind::Audio, blueprint.audio_slots)
            .chain(std::iter::repeat_n(MediaKind::Video, blueprint.video_slots));
        let first = publications.len();
        let slots = kinds
            .enumerate()
            .map(|(n, kind)| Slot::new((first + n).to_string(), kind));
        Ok(Client::new(
            id,
            link,
            publications,
            Slots::new(slots.collect()),
        ))
    }

    fn publication(
        &self,
        mid: usize,
        source: SourceName,
        PersonId(person): PersonId,
        seed: u64,
    ) -> Publication {
        let seed = scatter(seed ^ (mid as u64 + 1) << 8);
        let ssrc = |layer: u64| (scatter(seed + layer) as u32 | 1) & 0x7fff_fffe;
        let video = |layer: u64, shape| {
            Producer::Video(Box::new(Video::new(shape, scatter(seed ^ layer << 32))))
        };
        let encodings = match source {
            SourceName::Microphone | SourceName::ScreenAudio => {
                let layer = match source {
                    SourceName::Microphone => LayerId::AUDIO,
                    _ => LayerId::SCREEN_AUDIO,
                };
                let talk = Talk::new(self.talk(), seed);
                let producer = Producer::Talk(Box::new(talk));
                vec![Encoding::new(ssrc(0), None, layer, producer)]
            }
            SourceName::Screen => {
                let shape = self.screen();
                vec![Encoding::new(
                    ssrc(0),
                    None,
                    LayerId::SCREEN,
                    video(0, shape),
                )]
            }
            SourceName::Camera => {
                let layers = self.camera();
                let single = layers.len() == 1;
                let encoding = |(n, (rid, shape)): (usize, (String, VideoShape))| {
                    let (rid, layer) = if single {
                        (None, LayerId::VIDEO)
                    } else {
                        (Some(rid), LayerId::simulcast(n))
                    };
                    Encoding::new(ssrc(2 * n as u64), rid, layer, video(n as u64, shape))
                };
                layers.into_iter().enumerate().map(encoding).collect()
            }
        };
        let mut publication =
            Publication::new(mid.to_string(), source_of(source), person as u32, encodings);
        publication.packet_bytes = self.media.packet_bytes;
        publication
    }

    pub(super) fn talk(&self) -> TalkShape {
        let audio = &self.media.audio;
        let [from, to] = audio.bytes;
        TalkShape {
            share: audio.share,
            spurt: Duration::try_from_secs_f64(audio.spurt_seconds).unwrap_or_default(),
            bytes: (from, to),
            dtx: audio.dtx,
        }
    }

    pub(super) fn screen(&self) -> VideoShape {
        VideoShape {
            codec: self.media.codec,
            fps: self.media.screen_fps,
            frames: FrameShape::Bitrate {
                bits_per_second: self.media.screen.kbps * 1e3,
                keyframe: self.media.keyframe_factor,
            },
            width: self.media.screen.width,
            height: self.media.screen.height,
        }
    }

    pub(super) fn camera(&self) -> Vec<(String, VideoShape)> {
        let MediaSpec { codec, fps, .. } = self.media;
        let shape = |frames, width, height| VideoShape {
            codec,
            fps,
            frames,
            width,
            height,
        };
        if let Some(per_second) = self.media.packets_per_second {
            let frames = FrameShape::Packets { per_second };
            return vec![(String::new(), shape(frames, 1280, 720))];
        }
        let layer = |layer: &crate::scenario::Layer| {
            let frames = FrameShape::Bitrate {
                bits_per_second: layer.kbps * 1e3,
                keyframe: self.media.keyframe_factor,
            };
            (layer.rid.clone(), shape(frames, layer.width, layer.height))
        };
        self.media.layers.iter().map(layer).collect()
    }

    /// What a client offers.
    pub(crate) fn offer(&self, client: &Client) -> String {
        let published = client.publications.iter().map(|publication| Line {
            mid: &publication.mid,
            kind: publication.source.kind(),
            role: published(publication),
        });
        let slots = client.slots.all.iter().map(|slot| Line {
            mid: &slot.mid,
            kind: slot.kind,
            role: LineRole::Receive,
        });
        let offer = Offer {
            credentials: credentials(client),
            codec: self.media.codec,
            lines: published.chain(slots).collect(),
        };
        offer.print()
    }

    /// Takes the answer, and begins to connect.
    pub(crate) fn accept(&self, client: &mut Client, answer: &str) -> anyhow::Result<()> {
        let answer = Description::parse(answer);
        for publication in &mut client.publications {
            let media = answer.by_mid(&publication.mid);
            if let Some(media) = media.filter(|media| media.port != 0) {
                agree_to_publish(publication, media, self.media.codec);
            } else {
                publication.encodings.clear();
            }
        }
        self.agree_to_receive(client, &answer);
        self.connect(client, &answer, IceRole::Controlling)
    }

    /// Answers an offer: a Slot for each of its m-lines.
    pub(crate) fn answer(&self, client: &mut Client, offer: &str) -> anyhow::Result<String> {
        let offer = Description::parse(offer);
        let slots = offer.media.iter().filter_map(|media| {
            let kind = media.kind?;
            Some(Slot::new(media.mid.clone(), kind))
        });
        client.slots = Slots::new(slots.collect());
        self.agree_to_receive(client, &offer);
        let answer = Answer {
            credentials: credentials(client),
            codec: self.media.codec,
            offer: &offer,
        };
        let answer = answer.print();
        // Who offered nominates, unless it is lite (RFC 8445 §6.1.1).
        let role = if offer.ice_lite {
            IceRole::Controlling
        } else {
            IceRole::Controlled
        };
        self.connect(client, &offer, role)?;
        Ok(answer)
    }

    fn agree_to_receive(&self, client: &mut Client, remote: &Description) {
        for index in 0..client.slots.all.len() {
            let Some(media) = remote.by_mid(&client.slots.all[index].mid) else {
                continue;
            };
            let Some(pt) = codec_of(media, self.media.codec) else {
                continue;
            };
            let slot = &mut client.slots.all[index];
            slot.pt = Some(pt);
            slot.rtx_pt = media.repair_of(pt);
            slot.nack = media.nacks.contains(&pt);
            let transport_cc = media.extension(uri::TRANSPORT_CC);
            client.transport_cc = client.transport_cc.or(transport_cc);
            let (stream, repair) = media.streams();
            if let Some(ssrc) = stream {
                client.slots.bind(ssrc, crate::client::Stream::Media(index));
            }
            if let Some(ssrc) = repair {
                client
                    .slots
                    .bind(ssrc, crate::client::Stream::Repair(index));
            }
        }
    }

    fn connect(
        &self,
        client: &mut Client,
        remote: &Description,
        role: IceRole,
    ) -> anyhow::Result<()> {
        let transport = remote.transport();
        let transport = transport.context("the server names no ICE or DTLS")?;
        let local = client.link.local();
        let same = |address: &&SocketAddr| address.is_ipv4() == local.is_ipv4();
        // On loopback, what is there as well costs the least.
        let loopback = |address: &&SocketAddr| same(address) && address.ip().is_loopback();
        let candidates = &remote.candidates;
        let found = local
            .ip()
            .is_loopback()
            .then(|| candidates.iter().find(loopback));
        let server = found.flatten().or_else(|| candidates.iter().find(same));
        let server = *server.context("the server has no UDP candidate of our address family")?;
        client
            .link
            .connect(transport, server, role)
            .with_context(|| format!("cannot reach {server}"))
    }
}

fn credentials(client: &Client) -> Credentials<'_> {
    let transport = client.link.transport();
    Credentials {
        ufrag: transport.local_ufrag(),
        pwd: transport.local_pwd(),
        fingerprint: transport.fingerprint(),
        address: client.link.local(),
    }
}

fn published(publication: &Publication) -> LineRole<'_> {
    let rids = publication
        .encodings
        .iter()
        .filter_map(|e| e.rid.as_deref());
    let first = publication.encodings.first();
    LineRole::Publish {
        rids: rids.collect(),
        ssrc: first.map_or(0, |e| e.ssrc.0),
        rtx_ssrc: first.map_or(0, |e| e.rtx_ssrc.0),
    }
}

fn codec_of(media: &Media, codec: Codec) -> Option<u8> {
    media.payload_type(match (media.kind?, codec) {
        (MediaKind::Audio, _) => "opus",
        (MediaKind::Video, Codec::Vp8) => "vp8",
        (MediaKind::Video, Codec::Av1) => "av1",
    })
}

fn agree_to_publish(publication: &mut Publication, media: &Media, codec: Codec) {
    let Some(pt) = codec_of(media, codec) else {
        publication.encodings.clear();
        return;
    };
    publication.numbers = Numbers {
        pt,
        rtx_pt: media.repair_of(pt),
        mid: media.extension(uri::MID),
        rid: media.extension(uri::RID),
        repaired_rid: media.extension(uri::REPAIRED_RID),
        audio_level: media.extension(uri::AUDIO_LEVEL),
        // Our Opus and VP8 are sent without.
        dependency_descriptor: media
            .extension(uri::DEPENDENCY_DESCRIPTOR)
            .filter(|_| codec == Codec::Av1),
        packet: PacketExtensions {
            transport_cc: media.extension(uri::TRANSPORT_CC),
            abs_send_time: media.extension(uri::ABS_SEND_TIME),
        },
    };
    for encoding in &mut publication.encodings {
        if let Some(rid) = &encoding.rid {
            encoding.active = media.rids.contains(rid);
        }
    }
    // A server without simulcast gets one stream, as a browser would send it.
    if publication
        .encodings
        .iter()
        .all(|encoding| !encoding.active)
        && let Some(largest) = publication.encodings.last_mut()
    {
        largest.active = true;
        largest.rid = None;
    }
}

pub(super) const fn source_of(name: SourceName) -> Source {
    match name {
        SourceName::Microphone => Source::Microphone,
        SourceName::Camera => Source::Camera,
        SourceName::Screen => Source::Screen,
        SourceName::ScreenAudio => Source::ScreenAudio,
    }
}
