//! Judges an offer section by section (RFC 3264 §6): which publish, which are Slots,
//! which are refused, and with which parameters.

use smallvec::{SmallVec, smallvec};

use crate::control::{MediaKind, Offer, OfferError, PublishIntent, Source};
use crate::ids::Mid;

use super::caps::{self, AnsweredCodec, AnsweredExtension, Use};
use super::params::{EncodingParams, ExtensionIds, TransportParams};
use super::sdp::{Direction, MAX_ENCODINGS, OfferSdp, Section};

/// RFC 8839 §5.4.
const UFRAG_LEN: std::ops::RangeInclusive<usize> = 4..=256;
const PWD_LEN: std::ops::RangeInclusive<usize> = 22..=256;

/// How one section of the answer will look, in the offer's order.
pub(super) struct SectionPlan {
    pub(super) mid: Mid,
    pub(super) media: String,
    pub(super) protocol: String,
    pub(super) formats: Vec<String>,
    pub(super) role: Role,
}

pub(super) enum Role {
    /// Port zero.
    Rejected,
    Publish(PublishPlan),
    Slot(SlotPlan),
    /// An m-line that nothing was ever done with: kept, `inactive`.
    Idle(Common),
}

/// What every accepted section has.
pub(super) struct Common {
    pub(super) codecs: Vec<AnsweredCodec>,
    pub(super) extension_ids: ExtensionIds,
    pub(super) extensions: Vec<AnsweredExtension>,
    pub(super) reduced_size: bool,
    pub(super) mixed_extensions: bool,
}

pub(super) struct PublishPlan {
    pub(super) common: Common,
    pub(super) source: Source,
    pub(super) active: bool,
    pub(super) encodings: SmallVec<[EncodingParams; 3]>,
}

pub(super) struct SlotPlan {
    pub(super) common: Common,
    pub(super) kind: MediaKind,
    pub(super) active: bool,
}

pub(super) struct OfferPlan {
    pub(super) transport: TransportParams,
    pub(super) sections: Vec<SectionPlan>,
    pub(super) mixed_extensions: bool,
}

/// `is_slot` tells the m-lines that were Slots before, which an `inactive` one alone
/// does not.
pub(super) fn judge(
    sdp: &OfferSdp,
    offer: &Offer,
    is_slot: impl Fn(Mid) -> bool,
) -> Result<OfferPlan, OfferError> {
    check_intents(sdp, &offer.publish)?;
    let sections: Result<Vec<SectionPlan>, OfferError> = sdp
        .sections
        .iter()
        .map(|section| {
            let intent = offer.publish.iter().find(|i| i.mid == section.mid);
            let (media, protocol) = section.media_and_protocol();
            Ok(SectionPlan {
                mid: section.mid,
                media: media.to_owned(),
                protocol,
                formats: section.formats().to_vec(),
                role: judge_section(sdp, section, intent, is_slot(section.mid))?,
            })
        })
        .collect();
    let sections = sections?;
    if sections.iter().all(|s| matches!(s.role, Role::Rejected)) {
        return Err(OfferError::Missing("a bundled section with a known codec"));
    }
    Ok(OfferPlan {
        transport: transport(sdp)?,
        sections,
        mixed_extensions: sdp.allows_mixed_extensions(),
    })
}

/// Every intent names a section once, of the right kind, and a source once.
fn check_intents(sdp: &OfferSdp, intents: &[PublishIntent]) -> Result<(), OfferError> {
    for (at, intent) in intents.iter().enumerate() {
        let PublishIntent { mid, source } = *intent;
        let section = sdp.sections.iter().find(|section| section.mid == mid);
        let Some(section) = section else {
            return Err(OfferError::Mid(mid.to_string()));
        };
        let earlier = &intents[..at];
        if earlier.iter().any(|other| other.mid == mid) {
            return Err(OfferError::Mid(mid.to_string()));
        }
        let refused = section.direction == Direction::RecvOnly
            || section.kind() != Some(source.kind())
            || earlier.iter().any(|other| other.source == source);
        if refused {
            return Err(OfferError::Publish {
                mid,
                source_name: source_name(source),
            });
        }
    }
    Ok(())
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Microphone => "microphone",
        Source::Camera => "camera",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen audio",
    }
}

fn judge_section(
    sdp: &OfferSdp,
    section: &Section,
    intent: Option<&PublishIntent>,
    was_slot: bool,
) -> Result<Role, OfferError> {
    let Some(kind) = section.kind() else {
        return Ok(Role::Rejected);
    };
    if !section.is_offered() || !sdp.is_bundled(section) || !section.is_secure_rtp() {
        return Ok(Role::Rejected);
    }
    // RFC 8834 §4.5: nothing in a browser offers less.
    if !section.has("rtcp-mux") {
        return Err(OfferError::Missing("a=rtcp-mux"));
    }
    let usage = match (intent, section.direction) {
        (Some(_), _) => Use::Publish,
        (None, Direction::RecvOnly | Direction::Inactive) => Use::Slot,
        // It sends, and nobody said what.
        (None, _) => return Err(OfferError::Mid(section.mid.to_string())),
    };
    let codecs = caps::codecs(section, usage)?;
    if codecs.is_empty() {
        return Ok(Role::Rejected);
    }
    let (extension_ids, extensions) = caps::extensions(section, usage);
    let common = Common {
        codecs,
        extension_ids,
        extensions,
        reduced_size: section.has("rtcp-rsize"),
        mixed_extensions: section.has("extmap-allow-mixed"),
    };
    let active = section.direction != Direction::Inactive;
    Ok(match intent {
        Some(intent) => Role::Publish(PublishPlan {
            common,
            source: intent.source,
            active,
            encodings: encodings(section)?,
        }),
        None if active || was_slot => Role::Slot(SlotPlan {
            common,
            kind,
            active,
        }),
        None => Role::Idle(common),
    })
}

fn encodings(section: &Section) -> Result<SmallVec<[EncodingParams; 3]>, OfferError> {
    let rids = section.simulcast();
    if rids.len() > MAX_ENCODINGS {
        return Err(OfferError::TooManyStreams {
            count: rids.len(),
            max: MAX_ENCODINGS,
        });
    }
    if rids.is_empty() {
        let (ssrc, rtx_ssrc) = section.stream();
        return Ok(smallvec![EncodingParams {
            rid: None,
            ssrc,
            rtx_ssrc,
        }]);
    }
    // Firefox lists SSRCs beside its rids, but not whose they are.
    let layer = |rid| EncodingParams {
        rid: Some(rid),
        ssrc: None,
        rtx_ssrc: None,
    };
    Ok(rids.into_iter().map(layer).collect())
}

fn transport(sdp: &OfferSdp) -> Result<TransportParams, OfferError> {
    // We are passive (RFC 8842 §5.3), so the client must be able to be active.
    match sdp.transport_value("setup") {
        Some("actpass" | "active") => {}
        Some(_) => return Err(OfferError::Unsupported("this a=setup")),
        None => return Err(OfferError::Missing("a=setup")),
    }
    Ok(TransportParams {
        remote_ufrag: ice_text(sdp, "ice-ufrag", "a=ice-ufrag", UFRAG_LEN)?,
        remote_pwd: ice_text(sdp, "ice-pwd", "a=ice-pwd", PWD_LEN)?,
        fingerprint: sdp.fingerprint()?,
    })
}

fn ice_text(
    sdp: &OfferSdp,
    key: &'static str,
    name: &'static str,
    len: std::ops::RangeInclusive<usize>,
) -> Result<String, OfferError> {
    let text = sdp.transport_value(key).ok_or(OfferError::Missing(name))?;
    let ice_char = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    if !len.contains(&text.len()) || !text.bytes().all(ice_char) {
        return Err(OfferError::Syntax(name.to_owned()));
    }
    Ok(text.to_owned())
}
