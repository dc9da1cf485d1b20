//! Offer and answer (RFC 9429, RFC 3264): what the client offers, we answer once.
//!
//! The order of one negotiation: [`Negotiator::accept`] judges the offer and changes
//! nothing when it refuses; the transport takes [`params::Negotiated::transport`],
//! which may give it new ICE credentials; [`Negotiator::answer`] prints the answer
//! with them.

mod answer;
mod candidate;
mod caps;
pub mod fuzzing;
mod offer;
pub mod outline;
pub mod params;
mod sdp;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::control::{Answer, Offer, OfferError, PublishIntent, SlotInfo};
use crate::ids::{Mid, Ssrc};

pub use answer::CNAME;
use answer::{Origin, SlotSsrcs};
pub use candidate::is_candidate;
use offer::{OfferPlan, PublishPlan, Role, SectionPlan, SlotPlan};
use params::{Fingerprint, Negotiated, PublishSection, SlotSection};
use sdp::OfferSdp;

/// Our side of the transport, as the answer tells it.
#[derive(Debug, Clone)]
pub struct LocalDescription<'a> {
    pub ufrag: &'a str,
    pub pwd: &'a str,
    pub fingerprint: &'a Fingerprint,
    /// Advertised addresses, each a host candidate over UDP.
    pub candidates: &'a [SocketAddr],
}

/// What must persist between the offers of one Participant.
pub struct Negotiator {
    rng: ChaCha20Rng,
    slots: HashMap<Mid, SlotSsrcs>,
    accepted: Option<OfferPlan>,
    /// The transport of what was accepted is over.
    over: bool,
    origin: Origin,
}

impl Negotiator {
    /// `seed` makes the SSRCs of the Slots.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let origin = Origin {
            // 63 bits (RFC 9429 §5.2.1).
            session: rng.random::<u64>() >> 1,
            version: 0,
        };
        Self {
            rng,
            slots: HashMap::new(),
            accepted: None,
            over: false,
            origin,
        }
    }

    /// The next offer begins another handshake, whatever its fingerprint.
    pub const fn transport_is_over(&mut self) {
        self.over = true;
    }

    /// Judges an offer. A Slot keeps its SSRCs from offer to offer, until an offer
    /// whose SRTP starts over gives every Slot new ones: one with another fingerprint (a
    /// new RTCPeerConnection), or the first after the transport was over.
    pub fn accept(&mut self, offer: &Offer) -> Result<Negotiated, OfferError> {
        let sdp = OfferSdp::parse(&offer.sdp)?;
        let fingerprint = sdp.fingerprint()?;
        let known = self.accepted.as_ref().map(|plan| &plan.transport);
        let continues = !self.over && known.is_some_and(|known| known.fingerprint == fingerprint);
        let is_slot = |mid| continues && self.slots.contains_key(&mid);
        let plan = offer::judge(&sdp, offer, is_slot)?;

        // Nothing can be refused any more.
        self.over = false;
        let before = if continues {
            std::mem::take(&mut self.slots)
        } else {
            HashMap::new()
        };
        let mut taken: HashSet<Ssrc> = sdp.ssrcs().collect();
        taken.extend(before.values().flat_map(|s| [s.media, s.rtx]));
        for section in &plan.sections {
            if matches!(section.role, Role::Slot(_)) {
                let ssrcs = before.get(&section.mid).copied();
                let ssrcs = ssrcs.unwrap_or_else(|| self.new_ssrcs(&mut taken));
                self.slots.insert(section.mid, ssrcs);
            }
        }
        let negotiated = self.negotiated(&plan);
        self.accepted = Some(plan);
        Ok(negotiated)
    }

    /// The answer to the offer accepted last; `None` before the first.
    pub fn answer(&mut self, local: &LocalDescription<'_>) -> Option<Answer> {
        let plan = self.accepted.as_ref()?;
        self.origin.version += 1;
        let ssrcs_of = |section: &SectionPlan| self.slots.get(&section.mid).copied();
        let sdp = answer::print(plan, local, self.origin, ssrcs_of).ok()?;
        let published = plan.sections.iter().filter_map(|s| match &s.role {
            Role::Publish(plan) if plan.active => Some(PublishIntent {
                mid: s.mid,
                source: plan.source,
            }),
            _ => None,
        });
        let slots = plan.sections.iter().filter_map(|s| match &s.role {
            Role::Slot(slot) if slot.active => Some(SlotInfo {
                mid: s.mid,
                kind: slot.kind,
            }),
            _ => None,
        });
        Some(Answer {
            published: published.collect(),
            slots: slots.collect(),
            sdp,
        })
    }

    /// Two SSRCs that neither side uses in this session (RFC 3550 §8).
    fn new_ssrcs(&mut self, taken: &mut HashSet<Ssrc>) -> SlotSsrcs {
        let mut next = || loop {
            let ssrc = Ssrc(self.rng.random_range(1..=u32::MAX));
            if taken.insert(ssrc) {
                return ssrc;
            }
        };
        SlotSsrcs {
            media: next(),
            rtx: next(),
        }
    }

    fn negotiated(&self, plan: &OfferPlan) -> Negotiated {
        let mut negotiated = Negotiated {
            transport: plan.transport.clone(),
            published: Vec::new(),
            slots: Vec::new(),
        };
        for section in &plan.sections {
            match &section.role {
                Role::Publish(plan) => {
                    negotiated
                        .published
                        .push(publish_section(section.mid, plan));
                }
                Role::Slot(plan) => {
                    if let Some(ssrcs) = self.slots.get(&section.mid) {
                        negotiated
                            .slots
                            .push(slot_section(section.mid, plan, *ssrcs));
                    }
                }
                Role::Rejected | Role::Idle(_) => {}
            }
        }
        negotiated
    }
}

fn publish_section(mid: Mid, plan: &PublishPlan) -> PublishSection {
    PublishSection {
        mid,
        source: plan.source,
        active: plan.active,
        codecs: caps::params(&plan.common.codecs),
        extensions: plan.common.extension_ids,
        encodings: plan.encodings.clone(),
    }
}

fn slot_section(mid: Mid, plan: &SlotPlan, ssrcs: SlotSsrcs) -> SlotSection {
    let has_rtx = caps::has_rtx(&plan.common.codecs);
    SlotSection {
        mid,
        kind: plan.kind,
        active: plan.active,
        codecs: caps::params(&plan.common.codecs),
        extensions: plan.common.extension_ids,
        ssrc: ssrcs.media,
        rtx_ssrc: has_rtx.then_some(ssrcs.rtx),
    }
}

#[cfg(test)]
mod tests;
