//! Prints the answer (RFC 3264 §6, RFC 9429 §5.3): ICE-lite, one bundle, passive.

use std::fmt::{self, Write};
use std::net::SocketAddr;

use crate::ids::Ssrc;

use super::LocalDescription;
use super::offer::{Common, OfferPlan, PublishPlan, Role, SectionPlan, SlotPlan};
use super::params::{Fingerprint, FingerprintHash};

/// One name for all that we send (RFC 3550 §6.5.1), since a Slot's source changes.
pub const CNAME: &str = "convoke";

/// SSRCs of a Slot, for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotSsrcs {
    pub(super) media: Ssrc,
    pub(super) rtx: Ssrc,
}

/// `o=` line: the session stays, its version counts answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) session: u64,
    pub(super) version: u64,
}

pub(super) fn print(
    plan: &OfferPlan,
    local: &LocalDescription<'_>,
    origin: Origin,
    ssrcs_of: impl Fn(&SectionPlan) -> Option<SlotSsrcs>,
) -> Result<String, fmt::Error> {
    let mut out = String::with_capacity(1_024 * (1 + plan.sections.len()));
    let w = &mut out;
    let Origin { session, version } = origin;
    write!(
        w,
        "v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    )?;
    w.write_str("a=ice-lite\r\n")?;
    w.write_str("a=group:BUNDLE")?;
    for section in accepted(plan) {
        write!(w, " {}", section.mid)?;
    }
    w.write_str("\r\n")?;
    if plan.mixed_extensions {
        w.write_str("a=extmap-allow-mixed\r\n")?;
    }
    w.write_str("a=msid-semantic: WMS *\r\n")?;
    let first = accepted(plan).next().map(|section| section.mid);
    for section in &plan.sections {
        print_section(w, section, local, ssrcs_of(section))?;
        if Some(section.mid) == first {
            candidates(w, local.candidates)?;
        }
    }
    Ok(out)
}

fn accepted(plan: &OfferPlan) -> impl Iterator<Item = &SectionPlan> {
    let is_accepted = |s: &&SectionPlan| !matches!(s.role, Role::Rejected);
    plan.sections.iter().filter(is_accepted)
}

fn print_section(
    w: &mut String,
    section: &SectionPlan,
    local: &LocalDescription<'_>,
    ssrcs: Option<SlotSsrcs>,
) -> fmt::Result {
    let SectionPlan {
        mid,
        media,
        protocol,
        formats,
        role,
    } = section;
    let common = match role {
        Role::Rejected => {
            // RFC 3264 §6: port zero, the rest as offered.
            let formats = formats.join(" ");
            write!(
                w,
                "m={media} 0 {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\n"
            )?;
            return write!(w, "a=inactive\r\na=mid:{mid}\r\n");
        }
        Role::Publish(PublishPlan { common, .. })
        | Role::Slot(SlotPlan { common, .. })
        | Role::Idle(common) => common,
    };
    write!(w, "m={media} 9 {protocol}")?;
    for codec in &common.codecs {
        write!(w, " {}", codec.params.pt.get())?;
        if let Some(rtx) = codec.params.rtx_pt {
            write!(w, " {}", rtx.get())?;
        }
    }
    w.write_str("\r\nc=IN IP4 0.0.0.0\r\n")?;
    write!(w, "a=mid:{mid}\r\n")?;
    transport(w, local)?;
    w.write_str(match role {
        Role::Publish(plan) if plan.active => "a=recvonly\r\n",
        Role::Slot(plan) if plan.active => "a=sendonly\r\n",
        _ => "a=inactive\r\n",
    })?;
    w.write_str("a=rtcp-mux\r\n")?;
    if common.reduced_size {
        w.write_str("a=rtcp-rsize\r\n")?;
    }
    codecs_and_extensions(w, common)?;
    match (role, ssrcs) {
        (Role::Publish(plan), _) => simulcast(w, plan),
        (Role::Slot(plan), Some(ssrcs)) => slot_stream(w, section, plan, ssrcs),
        _ => Ok(()),
    }
}

fn transport(w: &mut String, local: &LocalDescription<'_>) -> fmt::Result {
    let LocalDescription { ufrag, pwd, .. } = local;
    write!(w, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n")?;
    write!(
        w,
        "a=fingerprint:{}\r\n",
        FingerprintText(local.fingerprint)
    )?;
    w.write_str("a=setup:passive\r\n")
}

/// Every candidate is known, so there is an end to them (RFC 8838 §13).
fn candidates(w: &mut String, candidates: &[SocketAddr]) -> fmt::Result {
    for (at, candidate) in candidates.iter().enumerate() {
        // RFC 8445 §5.1.2.1: host, in the order given, component RTP.
        let preference = 65_535u32.saturating_sub(at as u32);
        let priority = 126 << 24 | preference << 8 | 255;
        let (ip, port) = (candidate.ip(), candidate.port());
        write!(
            w,
            "a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host\r\n",
            foundation = at + 1
        )?;
    }
    w.write_str("a=end-of-candidates\r\n")
}

fn codecs_and_extensions(w: &mut String, common: &Common) -> fmt::Result {
    for extension in &common.extensions {
        write!(w, "a=extmap:{}", extension.id)?;
        if let Some(direction) = extension.direction {
            write!(w, "/{direction}")?;
        }
        write!(w, " {}\r\n", extension.uri)?;
    }
    if common.mixed_extensions {
        w.write_str("a=extmap-allow-mixed\r\n")?;
    }
    for codec in &common.codecs {
        let pt = codec.params.pt.get();
        write!(w, "a=rtpmap:{pt} {}\r\n", codec.rtpmap)?;
        for feedback in &codec.feedback {
            write!(w, "a=rtcp-fb:{pt} {feedback}\r\n")?;
        }
        if let Some(fmtp) = &codec.fmtp {
            write!(w, "a=fmtp:{pt} {fmtp}\r\n")?;
        }
        if let Some(rtx) = codec.params.rtx_pt {
            let (rtx, clock) = (rtx.get(), codec.params.codec.clock_rate());
            write!(w, "a=rtpmap:{rtx} rtx/{clock}\r\na=fmtp:{rtx} apt={pt}\r\n")?;
        }
    }
    Ok(())
}

/// RFC 8853 §5.3.
fn simulcast(w: &mut String, plan: &PublishPlan) -> fmt::Result {
    let rids = || plan.encodings.iter().filter_map(|e| e.rid);
    for rid in rids() {
        write!(w, "a=rid:{rid} recv\r\n")?;
    }
    for (at, rid) in rids().enumerate() {
        w.write_str(if at == 0 { "a=simulcast:recv " } else { ";" })?;
        write!(w, "{rid}")?;
    }
    if rids().next().is_some() {
        w.write_str("\r\n")?;
    }
    Ok(())
}

/// A stream of its own for every Slot, so that `ontrack` has one to attach.
fn slot_stream(
    w: &mut String,
    section: &SectionPlan,
    plan: &SlotPlan,
    SlotSsrcs { media, rtx }: SlotSsrcs,
) -> fmt::Result {
    let mid = section.mid;
    if !plan.active {
        return Ok(());
    }
    write!(w, "a=msid:slot-{mid} track-{mid}\r\n")?;
    if super::caps::has_rtx(&plan.common.codecs) {
        write!(w, "a=ssrc-group:FID {} {}\r\n", media.0, rtx.0)?;
        write!(w, "a=ssrc:{} cname:{CNAME}\r\n", media.0)?;
        write!(w, "a=ssrc:{} cname:{CNAME}\r\n", rtx.0)
    } else {
        write!(w, "a=ssrc:{} cname:{CNAME}\r\n", media.0)
    }
}

/// RFC 8122 §5.
struct FingerprintText<'a>(&'a Fingerprint);

impl fmt::Display for FingerprintText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.hash {
            FingerprintHash::Sha256 => "sha-256",
            FingerprintHash::Sha384 => "sha-384",
            FingerprintHash::Sha512 => "sha-512",
        })?;
        for (at, byte) in self.0.bytes.iter().enumerate() {
            let separator = if at == 0 { ' ' } else { ':' };
            write!(f, "{separator}{byte:02X}")?;
        }
        Ok(())
    }
}
