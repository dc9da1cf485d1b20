//! Codecs and header extensions that we forward, found in an m-section.
//!
//! Payload types and extension ids are the section's own: they are answered as
//! offered and never moved, because a browser that gets another id for a URI it has
//! already bound refuses the answer.

use smallvec::SmallVec;

use crate::control::OfferError;
use crate::ids::Pt;

use super::params::{Codec, CodecParams, ExtensionIds};
use super::sdp::Section;

/// Formats that one section may list. Chromium lists 27.
const MAX_FORMATS: usize = 64;

/// A codec of the answer: the parameters, and what is echoed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnsweredCodec {
    pub(super) params: CodecParams,
    /// `opus/48000/2`, as offered.
    pub(super) rtpmap: String,
    pub(super) fmtp: Option<String>,
    /// The feedback that we understand, in the offer's order.
    pub(super) feedback: Vec<&'static str>,
}

/// What the section is used for decides on feedback and extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Publish,
    Slot,
}

/// Feedback of RFC 4585 and RFC 5104 that we answer. REMB is not there: a sender that
/// has transport-cc does not need it.
const FEEDBACK: [&str; 4] = ["nack", "nack pli", "ccm fir", TRANSPORT_CC];
const TRANSPORT_CC: &str = "transport-cc";

/// What the section says of one payload type.
#[derive(Default)]
struct Format<'a> {
    rtpmap: Option<&'a str>,
    fmtp: Option<&'a str>,
    feedback: Vec<&'static str>,
}

/// Collects it in one walk, since a section may have many lines.
fn formats<'a>(section: &'a Section, usage: Use) -> Vec<Format<'a>> {
    let mut formats: Vec<Format<'a>> = (0..128).map(|_| Format::default()).collect();
    let mut each = |key: &'static str, note: &mut dyn FnMut(&mut Format<'a>, &'a str)| {
        for (of, rest) in section
            .values(key)
            .filter_map(|value| value.split_once(' '))
        {
            if of == "*" {
                formats
                    .iter_mut()
                    .for_each(|format| note(format, rest.trim()));
            } else if let Some(format) = of.parse().ok().and_then(|n: usize| formats.get_mut(n)) {
                note(format, rest.trim());
            }
        }
    };
    each("rtpmap", &mut |format, text| {
        format.rtpmap.get_or_insert(text);
    });
    each("fmtp", &mut |format, text| {
        format.fmtp.get_or_insert(text);
    });
    each("rtcp-fb", &mut |format, text| {
        let known = FEEDBACK.into_iter().find(|known| *known == text);
        // Only publishers are told how their packets arrive; our own sending is not
        // estimated from it yet.
        let known = known.filter(|k| *k != TRANSPORT_CC || usage == Use::Publish);
        if let Some(known) = known.filter(|k| !format.feedback.contains(k)) {
            format.feedback.push(known);
        }
    });
    formats
}

/// Which payload type retransmits which (RFC 4588 §8.6).
fn retransmissions(listed: &[Pt], formats: &[Format<'_>]) -> Vec<(Pt, Pt)> {
    let apt = |pt: &Pt| {
        let format = &formats[usize::from(pt.get())];
        let name = format.rtpmap?.split('/').next()?;
        if !name.eq_ignore_ascii_case("rtx") {
            return None;
        }
        let of = parameter(format.fmtp?, "apt")?.parse().ok()?;
        Some((Pt::new(of)?, *pt))
    };
    listed.iter().filter_map(apt).collect()
}

/// A parameter of an fmtp line, whose keys are case-insensitive (RFC 8866 §6.15).
fn parameter<'a>(fmtp: &'a str, key: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (k, v) = pair.trim().split_once('=')?;
        k.trim().eq_ignore_ascii_case(key).then_some(v.trim())
    })
}

/// The section's codecs that we forward, in the offer's order.
pub(super) fn codecs(section: &Section, usage: Use) -> Result<Vec<AnsweredCodec>, OfferError> {
    if section.formats().len() > MAX_FORMATS {
        return Err(OfferError::Unsupported("so many formats"));
    }
    let mut listed: Vec<Pt> = Vec::new();
    for pt in section.formats().iter().filter_map(|f| f.parse().ok()) {
        listed.extend(Pt::new(pt).filter(|pt| !listed.contains(pt)));
    }
    let formats = formats(section, usage);
    let rtx = retransmissions(&listed, &formats);
    let mut codecs: Vec<AnsweredCodec> = Vec::new();
    for pt in listed {
        let format = &formats[usize::from(pt.get())];
        let Some(rtpmap) = format.rtpmap else {
            continue;
        };
        let codec = codec(rtpmap, format.fmtp.unwrap_or_default());
        let Some(codec) = codec.filter(|codec| Some(codec.kind()) == section.kind()) else {
            continue;
        };
        codecs.push(AnsweredCodec {
            params: CodecParams {
                codec,
                pt,
                rtx_pt: rtx.iter().find(|(of, _)| *of == pt).map(|(_, rtx)| *rtx),
                nack: format.feedback.contains(&"nack"),
                pli: format.feedback.contains(&"nack pli"),
            },
            rtpmap: rtpmap.to_owned(),
            fmtp: format.fmtp.map(str::to_owned),
            feedback: format.feedback.clone(),
        });
    }
    let opus: Vec<Pt> = codecs
        .iter()
        .filter(|c| c.params.codec == Codec::Opus)
        .map(|c| c.params.pt)
        .collect();
    // Redundancy around something that we do not forward.
    codecs.retain(|c| match c.params.codec {
        Codec::Red { opus: inner } => opus.contains(&inner),
        _ => true,
    });
    Ok(codecs)
}

fn codec(rtpmap: &str, fmtp: &str) -> Option<Codec> {
    let mut parts = rtpmap.split('/');
    let name = parts.next()?.to_ascii_lowercase();
    let clock: u32 = parts.next()?.parse().ok()?;
    let channels = parts.next().unwrap_or("1");
    let number = |key| parameter(fmtp, key).map_or(Some(0), |v| v.parse().ok());
    match (name.as_str(), clock, channels) {
        ("opus", 48_000, "2") => Some(Codec::Opus),
        // RFC 2198 §5: the formats of the blocks, here of Opus and nothing else.
        ("red", 48_000, "2") => {
            let mut blocks = fmtp.split('/').map(|pt| pt.trim().parse().ok());
            let first = blocks.next()??;
            let same = blocks.all(|pt| pt == Some(first));
            Some(Codec::Red {
                opus: Pt::new(first).filter(|_| same)?,
            })
        }
        ("vp8", 90_000, "1") => Some(Codec::Vp8),
        ("vp9", 90_000, "1") => Some(Codec::Vp9 {
            profile: number("profile-id")?,
        }),
        ("av1", 90_000, "1") => Some(Codec::Av1 {
            profile: number("profile")?,
        }),
        ("h264", 90_000, "1") => Some(Codec::H264 {
            profile: h264_profile(parameter(fmtp, "profile-level-id"))?,
            packetization_mode: number("packetization-mode")?,
        }),
        _ => None,
    }
}

/// RFC 6184 §8.1: Baseline at level 1 when not given.
fn h264_profile(text: Option<&str>) -> Option<[u8; 3]> {
    let Some(text) = text else {
        return Some([0x42, 0, 0x0a]);
    };
    let value = u32::from_str_radix(text, 16)
        .ok()
        .filter(|_| text.len() == 6)?;
    let [_, profile @ ..] = value.to_be_bytes();
    Some(profile)
}

/// A header extension that the answer accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnsweredExtension {
    pub(super) id: u8,
    pub(super) uri: &'static str,
    /// Offered for one direction: answered for the other (RFC 8285 §7).
    pub(super) direction: Option<&'static str>,
}

type Field = fn(&mut ExtensionIds) -> &mut Option<u8>;

/// URIs that we know, the field each fills, and whether a Slot has a use for it.
const EXTENSIONS: [(&str, Field, bool); 10] = [
    ("urn:ietf:params:rtp-hdrext:sdes:mid", |e| &mut e.mid, true),
    (
        "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        |e| &mut e.rid,
        false,
    ),
    (
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        |e| &mut e.repaired_rid,
        false,
    ),
    (
        "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        |e| &mut e.audio_level,
        true,
    ),
    (
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        |e| &mut e.transport_cc,
        false,
    ),
    (
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        |e| &mut e.abs_send_time,
        true,
    ),
    (
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
        |e| &mut e.abs_capture_time,
        true,
    ),
    (
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
        |e| &mut e.dependency_descriptor,
        true,
    ),
    (
        "urn:3gpp:video-orientation",
        |e| &mut e.video_orientation,
        true,
    ),
    (
        "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
        |e| &mut e.playout_delay,
        true,
    ),
];

/// The section's extensions that we use, and their ids.
pub(super) fn extensions(section: &Section, usage: Use) -> (ExtensionIds, Vec<AnsweredExtension>) {
    let mut ids = ExtensionIds::default();
    let mut answered: Vec<AnsweredExtension> = Vec::new();
    for value in section.values("extmap") {
        let mut words = value.split_ascii_whitespace();
        let (Some(head), Some(uri)) = (words.next(), words.next()) else {
            continue;
        };
        let (id, direction) = head
            .split_once('/')
            .map_or((head, None), |(id, d)| (id, Some(d)));
        // 0 and 15 are not ids (RFC 8285 §4.2), past 255 none travels.
        let Some(id) = id.parse::<u8>().ok().filter(|id| !matches!(id, 0 | 15)) else {
            continue;
        };
        let known = EXTENSIONS.iter().find(|(known, ..)| *known == uri);
        let Some((uri, field, slot_uses)) = known else {
            continue;
        };
        let direction = match (direction, usage) {
            (None | Some("sendrecv"), _) => None,
            (Some("sendonly"), Use::Publish) => Some("recvonly"),
            (Some("recvonly"), Use::Slot) => Some("sendonly"),
            // For the direction that the section does not have.
            _ => continue,
        };
        let taken = answered.iter().any(|a| a.id == id) || field(&mut ids).is_some();
        if taken || (usage == Use::Slot && !slot_uses) {
            continue;
        }
        *field(&mut ids) = Some(id);
        answered.push(AnsweredExtension { id, uri, direction });
    }
    (ids, answered)
}

/// The parameters alone.
pub(super) fn params(codecs: &[AnsweredCodec]) -> SmallVec<[CodecParams; 6]> {
    codecs.iter().map(|codec| codec.params).collect()
}

/// Whether retransmissions of anything in the section have a payload type.
pub(super) fn has_rtx(codecs: &[AnsweredCodec]) -> bool {
    codecs.iter().any(|codec| codec.params.rtx_pt.is_some())
}
