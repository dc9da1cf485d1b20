//! Reads an offer with `rtc-sdp`, after bounding what it may cost, and gives typed
//! access to what we use of it.
//!
//! RFC 8866 (SDP), RFC 8829/9429 (what browsers put in), RFC 8843 (BUNDLE).

use rtc_sdp::SessionDescription;
use rtc_sdp::description::common::Attribute;
use rtc_sdp::description::media::MediaDescription;

use crate::control::{MediaKind, OfferError};
use crate::ids::{Mid, Rid, Ssrc};

use super::params::{Fingerprint, FingerprintHash};

/// Chromium's offer with 49 video Slots and all its codecs has 265 kB.
pub(super) const MAX_BYTES: usize = 400_000;
/// 49 video and 3 audio Slots, 4 publishing sections, and as many stopped ones.
pub(super) const MAX_SECTIONS: usize = 128;
/// `a=group:BUNDLE` with every mid of the longest kind has 2.2 kB.
const MAX_LINE: usize = 4_096;
/// Simulcast layers of one section: browsers send three.
pub(super) const MAX_ENCODINGS: usize = 3;
/// Of a parser's complaint, which repeats what it complains of.
const MAX_COMPLAINT: usize = 120;

/// RFC 8866 §6.7, as the client means it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    SendOnly,
    RecvOnly,
    SendRecv,
    Inactive,
}

impl Direction {
    fn of(attributes: &[Attribute]) -> Option<Self> {
        attributes.iter().find_map(|a| match a.key.as_str() {
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "sendrecv" => Some(Self::SendRecv),
            "inactive" => Some(Self::Inactive),
            _ => None,
        })
    }
}

/// An offer within bounds. Attribute values have neither CR nor LF, so they can be
/// echoed.
pub(super) struct OfferSdp {
    session: Vec<Attribute>,
    pub(super) sections: Vec<Section>,
    /// Mids of the first BUNDLE group, the tagged one first.
    bundle: Vec<String>,
}

/// One m-section.
pub(super) struct Section {
    media: MediaDescription,
    pub(super) mid: Mid,
    pub(super) direction: Direction,
}

impl OfferSdp {
    pub(super) fn parse(text: &str) -> Result<Self, OfferError> {
        check_bounds(text)?;
        let parsed = SessionDescription::unmarshal(&mut std::io::Cursor::new(text.as_bytes()))
            .map_err(|error| syntax(&error))?;
        let default = Direction::of(&parsed.attributes).unwrap_or(Direction::SendRecv);
        let mut sections: Vec<Section> = Vec::with_capacity(parsed.media_descriptions.len());
        for media in parsed.media_descriptions {
            let text = value_of(&media.attributes, "mid").unwrap_or_default();
            let bad_mid = || OfferError::Mid(truncated(text));
            let mid = Mid::try_from(text).map_err(|_| bad_mid())?;
            if sections.iter().any(|section| section.mid == mid) {
                return Err(bad_mid());
            }
            let direction = Direction::of(&media.attributes).unwrap_or(default);
            sections.push(Section {
                media,
                mid,
                direction,
            });
        }
        let group = values_of(&parsed.attributes, "group")
            .find_map(|group| group.strip_prefix("BUNDLE"))
            .ok_or(OfferError::Missing("a=group:BUNDLE"))?;
        Ok(Self {
            bundle: group.split_ascii_whitespace().map(str::to_owned).collect(),
            session: parsed.attributes,
            sections,
        })
    }

    pub(super) fn is_bundled(&self, section: &Section) -> bool {
        self.bundle.iter().any(|mid| mid == section.mid.as_str())
    }

    /// The section whose transport the whole bundle uses (RFC 8843 §7.2).
    fn tagged(&self) -> Option<&Section> {
        let tag = self.bundle.first()?;
        self.sections.iter().find(|s| s.mid.as_str() == tag)
    }

    /// A transport attribute: of the tagged section, else of the session.
    pub(super) fn transport_value(&self, key: &'static str) -> Option<&str> {
        self.transport_values(key).next()
    }

    fn transport_values(&self, key: &'static str) -> impl Iterator<Item = &str> {
        let tagged = self.tagged().map_or(&[][..], |s| &s.media.attributes);
        values_of(tagged, key).chain(values_of(&self.session, key))
    }

    pub(super) fn fingerprint(&self) -> Result<Fingerprint, OfferError> {
        let mut seen = false;
        for value in self.transport_values("fingerprint") {
            seen = true;
            if let Some(fingerprint) = parse_fingerprint(value) {
                return Ok(fingerprint);
            }
        }
        Err(if seen {
            OfferError::Unsupported("the certificate fingerprint")
        } else {
            OfferError::Missing("a=fingerprint")
        })
    }

    pub(super) fn allows_mixed_extensions(&self) -> bool {
        self.session.iter().any(|a| a.key == "extmap-allow-mixed")
    }

    /// Every SSRC that the client uses.
    pub(super) fn ssrcs(&self) -> impl Iterator<Item = Ssrc> {
        self.sections.iter().flat_map(Section::ssrcs)
    }
}

impl Section {
    /// `None` for data channels and whatever else there may be.
    pub(super) fn kind(&self) -> Option<MediaKind> {
        match self.media.media_name.media.as_str() {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        }
    }

    /// Port zero says rejected or stopped, except beside `a=bundle-only`
    /// (RFC 8843 §6): Firefox writes so all sections but the first.
    pub(super) fn is_offered(&self) -> bool {
        self.media.media_name.port.value != 0 || self.has("bundle-only")
    }

    pub(super) fn is_secure_rtp(&self) -> bool {
        self.media.media_name.protos.join("/") == "UDP/TLS/RTP/SAVPF"
    }

    /// Media, protocol and formats, as an m-line has them around the port.
    pub(super) fn media_and_protocol(&self) -> (&str, String) {
        let name = &self.media.media_name;
        (&name.media, name.protos.join("/"))
    }

    pub(super) fn formats(&self) -> &[String] {
        &self.media.media_name.formats
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.media.attributes.iter().any(|a| a.key == key)
    }

    pub(super) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        values_of(&self.media.attributes, key)
    }

    fn ssrcs(&self) -> impl Iterator<Item = Ssrc> {
        self.values("ssrc").filter_map(first_ssrc)
    }

    /// The section's single stream and its retransmissions (RFC 5576 §4.2, FID).
    pub(super) fn stream(&self) -> (Option<Ssrc>, Option<Ssrc>) {
        let fid = self.values("ssrc-group").find_map(|group| {
            let mut ssrcs = group.strip_prefix("FID ")?.split_ascii_whitespace();
            let mut next = || ssrcs.next()?.parse().ok().map(Ssrc);
            Some((next()?, next()?))
        });
        match fid {
            Some((primary, rtx)) => (Some(primary), Some(rtx)),
            None => (self.ssrcs().next(), None),
        }
    }

    /// Rids of the layers that the client wants to send, in its order (RFC 8853
    /// §5.1): of alternatives the first, paused or not.
    pub(super) fn simulcast(&self) -> Vec<Rid> {
        let sending = |rid: &str| {
            self.values("rid").any(|line| {
                let mut words = line.split_ascii_whitespace();
                words.next() == Some(rid) && words.next() == Some("send")
            })
        };
        let streams = self
            .values("simulcast")
            .find_map(|value| value.split_once("send ").map(|(_, list)| list));
        let list = streams.unwrap_or_default();
        // `send a;b recv c` ends at the space.
        let list = list.split_ascii_whitespace().next().unwrap_or_default();
        list.split(';')
            // More are refused, and each costs a walk over the rids.
            .take(2 * MAX_ENCODINGS)
            .filter_map(|stream| stream.split(',').next())
            .map(|rid| rid.trim_start_matches('~'))
            .filter(|rid| sending(rid))
            .filter_map(|rid| Rid::try_from(rid).ok())
            .collect()
    }
}

fn first_ssrc(line: &str) -> Option<Ssrc> {
    line.split_ascii_whitespace().next()?.parse().ok().map(Ssrc)
}

fn values_of<'a>(attributes: &'a [Attribute], key: &'a str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |a| a.key == key)
        .filter_map(|a| a.value.as_deref())
}

fn value_of<'a>(attributes: &'a [Attribute], key: &'a str) -> Option<&'a str> {
    values_of(attributes, key).next()
}

/// Before the parser, which allocates per line, sees anything.
fn check_bounds(text: &str) -> Result<(), OfferError> {
    if text.len() > MAX_BYTES {
        return Err(OfferError::TooLarge {
            size: text.len(),
            max: MAX_BYTES,
        });
    }
    let mut sections = 0;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.len() > MAX_LINE {
            return Err(OfferError::Syntax(format!(
                "a line of {} bytes",
                line.len()
            )));
        }
        if line.bytes().any(|b| b == b'\r' || b == 0) {
            return Err(OfferError::Syntax("a control character".to_owned()));
        }
        sections += usize::from(line.starts_with("m="));
    }
    if sections > MAX_SECTIONS {
        return Err(OfferError::TooManySections {
            count: sections,
            max: MAX_SECTIONS,
        });
    }
    Ok(())
}

/// RFC 8122 §5.
fn parse_fingerprint(value: &str) -> Option<Fingerprint> {
    let (hash, digits) = value.split_once(' ')?;
    let (hash, len) = match hash.to_ascii_lowercase().as_str() {
        "sha-256" => (FingerprintHash::Sha256, 32),
        "sha-384" => (FingerprintHash::Sha384, 48),
        "sha-512" => (FingerprintHash::Sha512, 64),
        _ => return None,
    };
    let bytes: Option<Vec<u8>> = digits
        .trim()
        .split(':')
        .map(|pair| {
            u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| pair.len() == 2)
        })
        .collect();
    let bytes = bytes.filter(|bytes| bytes.len() == len)?;
    Some(Fingerprint { hash, bytes })
}

fn syntax(error: &dyn std::fmt::Display) -> OfferError {
    OfferError::Syntax(truncated(&error.to_string()))
}

fn truncated(text: &str) -> String {
    text.chars().take(MAX_COMPLAINT).collect()
}
