//! One DTLS 1.2 association, over `rtc-dtls`, to agree on SRTP keys (RFC 5764).
//!
//! `rtc_dtls::endpoint::Endpoint` tells associations apart by address; each Transport
//! has an Endpoint of its own with one made-up address in it, so a client that moves
//! does not lose its association. Around it stands what the crate leaves open:
//! - it takes the client's order of SRTP profiles, and Chromium's puts SHA-1 first, so
//!   `hello` looks into the ClientHello and picks the configuration;
//! - it lets a forged hello begin the handshake and forged records end it, so `hello`
//!   exchanges cookies beforehand and `gate` gives on what can be the client's;
//! - its reassembly takes 2 MB of fragments and is quadratic in their number, so
//!   `records` does it within bounds;
//! - it stops retransmitting a flight once anything else arrives, so flights are kept
//!   and repeated here (RFC 6347 §4.2.4).
//!
//! Only datagrams from ICE-validated paths get here.

mod gate;
mod hello;
mod identity;
mod records;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::HandshakeConfig;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;

use crate::negotiation::params::Fingerprint;

use super::keys::{Profile, SrtpKeys};
use gate::Gate;
use hello::{Hello, HelloReader};
use identity::matches;
pub use identity::{DtlsIdentity, IdentityError};

/// RFC 5764 §4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// A handshake takes two round trips; a client that needs longer than this has gone.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);

/// Bytes that a client may send for one handshake: ten repetitions of the longest
/// flights, with a certificate and a post-quantum key share.
const HANDSHAKE_BUDGET: usize = 64 * 1024;

/// And each second, because what uses it up need not be the client's: a flight's
/// repetition gets through, and the queue of what is encrypted stays under 128 kB.
const BUDGET_PER_SECOND: usize = 2 * 1024;

/// After it, to ask for our last flight again.
const REPEAT_BUDGET: usize = 16 * 1024;

/// RFC 6347 §4.2.4.1 begins at a second; browsers begin at 50 ms.
const FIRST_RETRANSMIT: Duration = Duration::from_millis(250);
const MAX_RETRANSMIT: Duration = Duration::from_secs(2);

/// The one address in an Endpoint.
const ADDRESS: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// Why an association ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DtlsError {
    #[error("the certificate is not the one signalled")]
    Fingerprint,
    #[error("no common SRTP profile")]
    NoProfile,
    #[error("not finished in time")]
    TimedOut,
    #[error("handshake: {0}")]
    Handshake(String),
}

/// What a datagram led to.
pub(super) enum Progress {
    Pending,
    /// Once: the handshake is done and the certificate is the signalled one.
    Established(SrtpKeys),
    /// The other side said goodbye.
    Closed,
}

/// Which side of the handshake we are.
enum Role {
    /// Until a ClientHello with our cookie is here.
    AwaitingHello(HelloReader, Arc<DtlsIdentity>),
    Server(Gate),
    Client,
}

pub(super) struct Association {
    endpoint: Endpoint,
    role: Role,
    expected: Fingerprint,
    established: bool,
    budget: usize,
    budget_at: Instant,
    deadline: Instant,
    /// Our last flight and when to repeat it.
    flight: Vec<Vec<u8>>,
    retransmit_at: Option<Instant>,
    backoff: Duration,
    repeated_at: Option<Instant>,
    outgoing: Vec<Vec<u8>>,
}

impl Association {
    pub(super) fn server(now: Instant, identity: Arc<DtlsIdentity>, expected: Fingerprint) -> Self {
        Self::new(
            now,
            Role::AwaitingHello(HelloReader::default(), identity),
            expected,
        )
    }

    pub(super) fn client(
        now: Instant,
        config: Arc<HandshakeConfig>,
        expected: Fingerprint,
    ) -> Result<Self, DtlsError> {
        let mut this = Self::new(now, Role::Client, expected);
        this.endpoint
            .connect(now, ADDRESS, config, None)
            .map_err(handshake)?;
        this.collect(now);
        Ok(this)
    }

    fn new(now: Instant, role: Role, expected: Fingerprint) -> Self {
        Self {
            endpoint: Endpoint::new(ADDRESS, TransportProtocol::UDP, None),
            role,
            expected,
            established: false,
            budget: HANDSHAKE_BUDGET,
            budget_at: now,
            deadline: now + HANDSHAKE_LIMIT,
            flight: Vec::new(),
            retransmit_at: None,
            backoff: FIRST_RETRANSMIT,
            repeated_at: None,
            outgoing: Vec::new(),
        }
    }

    pub(super) fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<Progress, DtlsError> {
        // Malformed, or application data, which nothing here carries: dropped, as
        // RFC 6347 §4.1.2.7 wants.
        if !records::is_plausible(datagram) {
            return Ok(Progress::Pending);
        }
        if !self.pay(now, datagram.len()) {
            return Ok(Progress::Pending);
        }
        match &mut self.role {
            Role::AwaitingHello(reader, _) => {
                for (sequence, body) in reader.push(datagram) {
                    self.greet(now, sequence, &body)?;
                }
                Ok(Progress::Pending)
            }
            Role::Server(gate) if !self.established => {
                let passed = gate.pass(datagram, &self.expected);
                if passed.is_empty() {
                    return Ok(Progress::Pending);
                }
                self.read(now, &passed)
            }
            Role::Server(_) | Role::Client => self.read(now, datagram),
        }
    }

    /// A datagram too many is dropped, like one that was lost.
    fn pay(&mut self, now: Instant, len: usize) -> bool {
        if !self.established {
            let seconds = now.saturating_duration_since(self.budget_at).as_secs() as usize;
            self.budget_at += Duration::from_secs(seconds as u64);
            self.budget = (self.budget + seconds * BUDGET_PER_SECOND).min(HANDSHAKE_BUDGET);
        }
        match self.budget.checked_sub(len) {
            Some(rest) => self.budget = rest,
            None => return false,
        }
        true
    }

    /// A whole ClientHello; the second of a client has message number 1.
    fn greet(&mut self, now: Instant, sequence: u16, body: &[u8]) -> Result<(), DtlsError> {
        let Role::AwaitingHello(_, identity) = &self.role else {
            return Ok(());
        };
        let Some(hello) = Hello::parse(body) else {
            return Ok(());
        };
        let Some(cookie) = identity.cookie(&self.expected, &hello) else {
            return Ok(());
        };
        if sequence == 0 {
            self.outgoing.push(hello::hello_verify_request(&cookie));
            return Ok(());
        }
        if !rtc_crypto::constant_time_eq(&cookie, hello.cookie) {
            return Ok(());
        }
        let profile = hello.offered.best().ok_or(DtlsError::NoProfile)?;
        let config = identity
            .server_config(profile, cookie)
            .map_err(|error| DtlsError::Handshake(error.to_string()))?;
        self.endpoint.set_server_config(Some(config));
        self.role = Role::Server(Gate::new());
        let [first, second] = hello.records(body);
        self.read(now, &first)?;
        // Its request for the cookie that the client has shown.
        self.outgoing.clear();
        self.read(now, &second)?;
        Ok(())
    }

    fn read(&mut self, now: Instant, datagram: &[u8]) -> Result<Progress, DtlsError> {
        let result = self
            .endpoint
            .read(now, ADDRESS, None, BytesMut::from(datagram));
        // The server's flight is the last, so only it has one that may be missing.
        if !self.collect(now) && self.established && matches!(self.role, Role::Server(_)) {
            self.repeat_last_flight(now);
        }
        let events = match result {
            Ok(events) => events,
            // Once established, what is forged or broken must not end the call; a
            // genuine alert has closed the association.
            Err(rtc_shared::error::Error::ErrAlertFatalOrClose) if self.established => {
                return Ok(Progress::Closed);
            }
            Err(_) if self.established => return Ok(Progress::Pending),
            Err(error) => return Err(handshake(error)),
        };
        let mut progress = Progress::Pending;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete => {
                    progress = Progress::Established(self.establish()?);
                }
                EndpointEvent::PeerClosed => return Ok(Progress::Closed),
                _ => {}
            }
        }
        Ok(progress)
    }

    fn establish(&mut self) -> Result<SrtpKeys, DtlsError> {
        let we_are_client = matches!(self.role, Role::Client);
        let state = self
            .endpoint
            .get_connection_state(ADDRESS)
            .ok_or(DtlsError::Fingerprint)?;
        // RFC 8122 §6.2: the certificate of the handshake, leaf first.
        let leaf = state.peer_certificates.first();
        if !leaf.is_some_and(|certificate| matches(&self.expected, certificate)) {
            return Err(DtlsError::Fingerprint);
        }
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmSha1_80,
            _ => return Err(DtlsError::NoProfile),
        };
        let material = state
            .export_keying_material(EXPORTER_LABEL, &[], profile.keying_len())
            .map_err(handshake)?;
        let keys = SrtpKeys::split(profile, material.as_ref(), we_are_client)
            .ok_or(DtlsError::NoProfile)?;
        self.established = true;
        self.budget = REPEAT_BUDGET;
        self.retransmit_at = None;
        Ok(keys)
    }

    /// The other side still handshakes, so our last flight was lost (RFC 6347 §4.2.4).
    /// The endpoint says so itself, unless the repetition is verbatim, as ours is.
    fn repeat_last_flight(&mut self, now: Instant) {
        if self
            .repeated_at
            .is_none_or(|at| now >= at + FIRST_RETRANSMIT)
        {
            self.repeated_at = Some(now);
            self.outgoing.extend(self.flight.iter().cloned());
        }
    }

    /// Takes what the endpoint wants sent, which is the next flight, if anything.
    fn collect(&mut self, now: Instant) -> bool {
        let mut flight = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            flight.push(transmit.message.to_vec());
        }
        if flight.is_empty() {
            return false;
        }
        self.outgoing.extend(flight.iter().cloned());
        if !self.established {
            self.flight = flight;
            self.backoff = FIRST_RETRANSMIT;
            self.retransmit_at = Some(now + self.backoff);
        }
        true
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        if self.established {
            return Ok(());
        }
        if now >= self.deadline {
            return Err(DtlsError::TimedOut);
        }
        if self.retransmit_at.is_some_and(|at| now >= at) {
            self.outgoing.extend(self.flight.iter().cloned());
            self.backoff = (self.backoff * 2).min(MAX_RETRANSMIT);
            self.retransmit_at = Some(now + self.backoff);
        }
        Ok(())
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        if self.established {
            return None;
        }
        Some(
            self.retransmit_at
                .map_or(self.deadline, |at| at.min(self.deadline)),
        )
    }

    /// Datagrams to send, in order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.outgoing.drain(..)
    }

    /// Queues `close_notify`.
    pub(super) fn close(&mut self, now: Instant) {
        self.endpoint.stop(now, ADDRESS);
        self.collect(now);
        self.retransmit_at = None;
    }
}

fn handshake(error: rtc_shared::error::Error) -> DtlsError {
    DtlsError::Handshake(error.to_string())
}

#[cfg(test)]
mod tests;
