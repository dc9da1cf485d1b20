//! Reads what a server says. It is the server under test and not a stranger, so what
//! is not understood is left out, and what is missing is an error where it is needed.

use std::net::SocketAddr;

use convoke_media::control::MediaKind;
use convoke_media::negotiation::params::{Fingerprint, FingerprintHash, TransportParams};

/// An offer or an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) ice_lite: bool,
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<Fingerprint>,
    /// UDP, in the order given.
    pub(crate) candidates: Vec<SocketAddr>,
    pub(crate) media: Vec<Media>,
}

/// An m-line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) mid: String,
    pub(crate) kind: Option<MediaKind>,
    pub(crate) protocol: String,
    pub(crate) port: u16,
    /// Payload types in order, and their codecs' names in lower case.
    pub(crate) codecs: Vec<(u8, String)>,
    /// Which payload type repeats which: (repair, original).
    pub(crate) repairs: Vec<(u8, u8)>,
    /// Payload types whose loss may be asked for.
    pub(crate) nacks: Vec<u8>,
    pub(crate) extensions: Vec<(u8, String)>,
    /// As they come; repairs are second in their groups.
    pub(crate) ssrcs: Vec<u32>,
    pub(crate) repair_groups: Vec<(u32, u32)>,
    /// Simulcast layers that the other side takes.
    pub(crate) rids: Vec<String>,
    pub(crate) direction: String,
}

impl Media {
    /// Payload type of a codec.
    pub(crate) fn payload_type(&self, codec: &str) -> Option<u8> {
        let of = |(_, name): &&(u8, String)| name == codec;
        self.codecs.iter().find(of).map(|(pt, _)| *pt)
    }

    pub(crate) fn repair_of(&self, pt: u8) -> Option<u8> {
        let of = |(_, original): &&(u8, u8)| *original == pt;
        self.repairs.iter().find(of).map(|(repair, _)| *repair)
    }

    pub(crate) fn extension(&self, uri: &str) -> Option<u8> {
        let of = |(_, known): &&(u8, String)| known == uri;
        self.extensions.iter().find(of).map(|(id, _)| *id)
    }

    /// SSRC of the media and of its repairs, where they are signalled.
    pub(crate) fn streams(&self) -> (Option<u32>, Option<u32>) {
        match self.repair_groups.first() {
            Some((media, repair)) => (Some(*media), Some(*repair)),
            None => (self.ssrcs.first().copied(), None),
        }
    }
}

impl Description {
    pub(crate) fn parse(sdp: &str) -> Self {
        let mut description = Self::default();
        for line in sdp.lines() {
            let line = line.trim_end();
            if let Some(media) = line.strip_prefix("m=") {
                description.media.extend(media_line(media));
            } else if let Some(attribute) = line.strip_prefix("a=") {
                let (key, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                description.attribute(key, value);
            }
        }
        description
    }

    /// ICE and DTLS of the other side; of the first m-line that says them, for all are
    /// one bundle.
    pub(crate) fn transport(&self) -> Option<TransportParams> {
        Some(TransportParams {
            remote_ufrag: self.ufrag.clone()?,
            remote_pwd: self.pwd.clone()?,
            fingerprint: self.fingerprint.clone()?,
        })
    }

    pub(crate) fn by_mid(&self, mid: &str) -> Option<&Media> {
        self.media.iter().find(|media| media.mid == mid)
    }

    fn attribute(&mut self, key: &str, value: &str) {
        match key {
            "ice-lite" => self.ice_lite = true,
            "ice-ufrag" => {
                self.ufrag.get_or_insert_with(|| value.to_owned());
            }
            "ice-pwd" => {
                self.pwd.get_or_insert_with(|| value.to_owned());
            }
            "fingerprint" => {
                if let Some(fingerprint) = fingerprint(value) {
                    self.fingerprint.get_or_insert(fingerprint);
                }
            }
            "candidate" => {
                if let Some(address) = candidate(value)
                    && !self.candidates.contains(&address)
                {
                    self.candidates.push(address);
                }
            }
            _ => {
                if let Some(media) = self.media.last_mut() {
                    media.attribute(key, value);
                }
            }
        }
    }
}

impl Media {
    fn attribute(&mut self, key: &str, value: &str) {
        match key {
            "mid" => value.clone_into(&mut self.mid),
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => {
                key.clone_into(&mut self.direction)
            }
            "rtpmap" => self.codecs.extend(numbered(value).map(|(pt, text)| {
                let name = text.split('/').next().unwrap_or_default();
                (pt, name.to_ascii_lowercase())
            })),
            "fmtp" => self.repairs.extend(numbered(value).and_then(|(pt, text)| {
                let mut parameters = text.split(';').map(str::trim);
                let of = parameters.find_map(|p| p.strip_prefix("apt="))?;
                Some((pt, of.parse().ok()?))
            })),
            "rtcp-fb" => {
                self.nacks.extend(
                    numbered(value)
                        .filter(|(_, t)| *t == "nack")
                        .map(|(pt, _)| pt),
                );
            }
            "extmap" => {
                let (id, uri) = value.split_once(' ').unwrap_or_default();
                let id = id.split('/').next().and_then(|id| id.parse().ok());
                let uri = uri.split(' ').next().unwrap_or_default();
                self.extensions.extend(id.map(|id| (id, uri.to_owned())));
            }
            "ssrc" => {
                let ssrc = value.split(' ').next().and_then(|word| word.parse().ok());
                self.ssrcs
                    .extend(ssrc.filter(|ssrc| !self.ssrcs.contains(ssrc)));
            }
            "ssrc-group" => {
                let mut words = value.split(' ');
                if words.next() == Some("FID") {
                    let mut next = || words.next()?.parse().ok();
                    self.repair_groups.extend(next().zip(next()));
                }
            }
            "rid" => {
                let mut words = value.split(' ');
                let (rid, direction) = (words.next(), words.next());
                if direction == Some("recv") {
                    self.rids.extend(rid.map(str::to_owned));
                }
            }
            _ => {}
        }
    }
}

/// `111 opus/48000/2`, and so on.
fn numbered(value: &str) -> Option<(u8, &str)> {
    let (pt, text) = value.split_once(' ')?;
    Some((pt.parse().ok()?, text.trim()))
}

fn media_line(line: &str) -> Option<Media> {
    let mut words = line.split(' ');
    let kind = match words.next()? {
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        _ => None,
    };
    let port = words.next()?.parse().ok()?;
    Some(Media {
        kind,
        port,
        protocol: words.next()?.to_owned(),
        ..Media::default()
    })
}

fn candidate(value: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = value.split(' ').collect();
    let (protocol, address, port) = (words.get(2)?, words.get(4)?, words.get(5)?);
    if !protocol.eq_ignore_ascii_case("udp") || words.get(1) != Some(&"1") {
        return None;
    }
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

fn fingerprint(value: &str) -> Option<Fingerprint> {
    let (hash, hex) = value.split_once(' ')?;
    let hash = match hash.to_ascii_lowercase().as_str() {
        "sha-256" => FingerprintHash::Sha256,
        "sha-384" => FingerprintHash::Sha384,
        "sha-512" => FingerprintHash::Sha512,
        _ => return None,
    };
    let byte = |text| u8::from_str_radix(text, 16).ok();
    let bytes: Option<Vec<u8>> = hex.trim().split(':').map(byte).collect();
    Some(Fingerprint {
        hash,
        bytes: bytes?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_say() {
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789\r\n\
            a=fingerprint:sha-256 0A:FF\r\na=setup:passive\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n\
            a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
            a=candidate:1 1 udp 2130706431 127.0.0.1 3478 typ host\r\n\
            a=candidate:2 1 tcp 2130706430 127.0.0.1 3478 typ host\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
            a=ssrc-group:FID 7 8\r\na=ssrc:7 cname:x\r\na=ssrc:8 cname:x\r\n\
            a=rid:q recv\r\na=rid:h recv\r\na=simulcast:recv q;h\r\n";
        let read = Description::parse(sdp);
        assert!(read.ice_lite);
        let server: SocketAddr = "127.0.0.1:3478".parse().unwrap();
        assert_eq!(read.candidates, [server]);
        let transport = read.transport().unwrap();
        assert_eq!(transport.remote_ufrag, "abcd");
        assert_eq!(transport.fingerprint.bytes, [0x0a, 0xff]);
        let audio = read.by_mid("0").unwrap();
        assert_eq!(audio.payload_type("opus"), Some(111));
        assert_eq!(
            audio.extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
            Some(1)
        );
        let video = read.by_mid("1").unwrap();
        assert_eq!(video.payload_type("vp8"), Some(96));
        assert_eq!(
            (video.repair_of(96), video.nacks.as_slice()),
            (Some(97), &[96][..])
        );
        assert_eq!(video.streams(), (Some(7), Some(8)));
        assert_eq!(
            (video.rids.len(), video.direction.as_str()),
            (2, "sendonly")
        );
    }
}
