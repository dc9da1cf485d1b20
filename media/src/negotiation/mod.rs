//! Offer and answer (RFC 9429, RFC 3264): what the client offers, we answer once.
//!
//! The order of one negotiation: [`Negotiator::accept`] judges the offer and changes
//! nothing when it refuses; the transport takes [`params::Negotiated::transport`],
//! which may give it new ICE credentials; [`Negotiator::answer`] prints the answer
//! with them.

pub mod params;

use std::net::SocketAddr;

use crate::control::{Answer, Offer, OfferError};

use params::{Fingerprint, Negotiated};

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
    seed: [u8; 32],
}

impl Negotiator {
    /// `seed` makes the SSRCs of the Slots.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed }
    }

    /// Judges an offer. A Slot keeps its SSRCs from offer to offer, until an offer
    /// with another fingerprint (a new RTCPeerConnection, whose SRTP starts over)
    /// gives every Slot new ones.
    pub fn accept(&mut self, offer: &Offer) -> Result<Negotiated, OfferError> {
        let _ = (offer, self.seed);
        Err(OfferError::Missing("everything"))
    }

    /// The answer to the offer accepted last; `None` before the first.
    pub fn answer(&mut self, local: &LocalDescription<'_>) -> Option<Answer> {
        let _ = local;
        None
    }
}

/// Whether a trickled candidate line is one (RFC 8839 §5.1).
pub fn is_candidate(line: &str) -> bool {
    let _ = line;
    false
}
