//! A Participant's encrypted path: ICE-lite, DTLS-SRTP and nothing of what is
//! inside the packets.
//!
//! The owner routes datagrams here: STUN by [`stun::local_ufrag_of`] until its path
//! is validated, everything else by the validated [`Path`]s, which it learns from
//! [`StunOutcome`]. A datagram from any other address never reaches DTLS or SRTP, so
//! that a stranger can neither race the ClientHello nor inject media.
//!
//! RFC 8445 §2.5 (ICE-lite), RFC 7675 (consent), RFC 5764 (DTLS-SRTP), RFC 3711 and
//! RFC 7714 (SRTP). Out of scope: gathering, TURN, controlling ICE.

pub mod client;
pub mod dtls;
pub mod fuzzing;
mod ice;
mod keys;
mod replay;
mod srtcp;
mod srtp;
pub mod stun;
#[cfg(test)]
mod testdata;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::control::TransportState;
use crate::ids::SeqNo;
use crate::negotiation::params::{Fingerprint, TransportParams};
use crate::stats::TransportStats;

pub use dtls::DtlsIdentity;
use dtls::{Association, HANDSHAKE_LIMIT, Progress};
use ice::{Credentials, IceLite};
pub use keys::Profile;
use srtp::SrtpSession;

/// Room that [`Transport::seal_rtp`] may need behind the packet: the tag of
/// AEAD_AES_128_GCM (RFC 7714 §13.2), the longest we use.
pub const RTP_OVERHEAD: usize = 16;
/// Room that [`Transport::seal_rtcp`] may need: tag and SRTCP index (RFC 7714 §9.3).
pub const RTCP_OVERHEAD: usize = 20;

/// Where a datagram arrives and where it comes from, which is also how an answer
/// travels back. Addresses are canonical ([`stun::canonical`]): never IPv4-mapped IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

/// A STUN answer or a DTLS flight, to be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlDatagram {
    pub path: Path,
    pub bytes: Vec<u8>,
}

/// What a STUN datagram did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StunOutcome {
    /// Not a request to us, or not one worth an answer.
    Ignored,
    /// Answered with an error, or worth no answer after all.
    Refused,
    /// A valid check on a path known before.
    Refreshed,
    /// A valid check on a path that the owner must now route here. `replaced` is no
    /// longer ours: their number is bounded.
    NewPath { replaced: Option<Path> },
}

/// What an offer made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// Our ICE credentials.
    pub credentials: bool,
    /// The client itself: the paths of the one before are no longer ours.
    pub client: bool,
    /// The keys, which are yet to be agreed on.
    pub handshake: bool,
}

/// Why a packet could not be opened or sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    #[error("no keys yet")]
    NotConnected,
    #[error("not an RTP or RTCP packet")]
    Malformed,
    #[error("authentication failed")]
    Unauthenticated,
    #[error("seen before or too old")]
    Replayed,
    #[error("no room for the tag")]
    NoRoom,
    #[error("the key is used up")]
    Exhausted,
}

/// How far the Transport has come. A new fingerprint leads back to `Checking`.
enum State {
    /// No offer yet.
    New,
    /// Waiting for the first valid check.
    Checking {
        deadline: Instant,
    },
    Handshaking(Box<Association>),
    Connected(Box<Secure>),
    /// Failed or closed; only a new offer leads out.
    Closed,
}

struct Secure {
    association: Association,
    srtp: SrtpSession,
    /// Consent is there (RFC 7675).
    consented: bool,
}

/// ICE, DTLS and SRTP of one Participant.
pub struct Transport {
    identity: Arc<DtlsIdentity>,
    ice: IceLite,
    fingerprint: Option<Fingerprint>,
    state: State,
    control: VecDeque<ControlDatagram>,
    events: VecDeque<TransportState>,
    stats: TransportStats,
}

impl Transport {
    /// `worker` is written into the local ufrag, where [`stun::worker_of`] finds it:
    /// with several workers behind one port, whoever receives a check must know
    /// whose it is. `seed` makes the ICE credentials.
    pub fn new(identity: Arc<DtlsIdentity>, worker: u8, seed: [u8; 32]) -> Self {
        Self {
            identity,
            ice: IceLite::new(worker, ChaCha20Rng::from_seed(seed)),
            fingerprint: None,
            state: State::New,
            control: VecDeque::new(),
            events: VecDeque::new(),
            stats: TransportStats::default(),
        }
    }

    /// Takes an accepted offer's parameters, before the answer is printed: new ICE
    /// credentials in it are an ICE restart and change ours (RFC 8839 §4.4.3); a new
    /// fingerprint is a new RTCPeerConnection and starts a new handshake.
    pub fn set_remote(&mut self, now: Instant, remote: &TransportParams) -> Renewed {
        let restarted = self.ice.set_remote(Credentials {
            ufrag: remote.remote_ufrag.clone(),
            pwd: remote.remote_pwd.clone(),
        });
        let same = self.fingerprint.as_ref() == Some(&remote.fingerprint);
        let over = self.is_over();
        if !same {
            self.ice.forget_paths();
        }
        if !same || over {
            self.fingerprint = Some(remote.fingerprint.clone());
            self.stats.srtp_profile = None;
            self.state = State::Checking {
                deadline: now + HANDSHAKE_LIMIT,
            };
        }
        Renewed {
            credentials: restarted,
            client: !same,
            handshake: !same || over,
        }
    }

    /// Whether it has no keys and awaits none, so that the next offer begins a handshake
    /// even with the fingerprint that is known.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::New | State::Closed)
    }

    /// Of the answer to come.
    pub fn local_ufrag(&self) -> &str {
        &self.ice.local().ufrag
    }

    pub fn local_pwd(&self) -> &str {
        &self.ice.local().pwd
    }

    /// Every ufrag that checks may carry now: the current one and, from an ICE
    /// restart to the first check on the new one, the one before.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        self.ice.local_ufrags()
    }

    /// A check from anywhere; authentication is inside.
    pub fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> StunOutcome {
        let handled = self.ice.handle(now, path, datagram);
        if let Some(bytes) = handled.answer {
            self.control.push_back(ControlDatagram { path, bytes });
        }
        if !matches!(
            handled.outcome,
            StunOutcome::Refreshed | StunOutcome::NewPath { .. }
        ) {
            return handled.outcome;
        }
        match (&mut self.state, &self.fingerprint) {
            (State::Checking { .. }, Some(fingerprint)) => {
                let association =
                    Association::server(now, self.identity.clone(), fingerprint.clone());
                self.state = State::Handshaking(Box::new(association));
            }
            (State::Connected(secure), _) if !secure.consented => {
                secure.consented = true;
                self.events.push_back(TransportState::Connected);
            }
            _ => {}
        }
        handled.outcome
    }

    /// Ignored unless `path` is validated.
    pub fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        if !self.ice.is_validated(path) {
            return;
        }
        let result = match &mut self.state {
            State::Handshaking(association) => association.handle(now, datagram),
            State::Connected(secure) => secure.association.handle(now, datagram),
            State::New | State::Checking { .. } | State::Closed => return,
        };
        self.flush();
        match result {
            Ok(Progress::Pending) => {}
            Ok(Progress::Established(keys)) => match SrtpSession::new(&keys) {
                Ok(srtp) => self.connect(srtp),
                Err(_) => self.fail(now),
            },
            Ok(Progress::Closed) | Err(_) => self.fail(now),
        }
    }

    /// Whether a datagram of DTLS now would begin or continue a handshake. Not before
    /// the first check, and not after a failure, until an offer leads out of it.
    pub const fn awaits_handshake(&self) -> bool {
        matches!(self.state, State::Handshaking(_))
    }

    fn connect(&mut self, srtp: SrtpSession) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Handshaking(association) => {
                self.stats.srtp_profile = Some(srtp.profile.name());
                self.state = State::Connected(Box::new(Secure {
                    association: *association,
                    srtp,
                    consented: true,
                }));
                self.events.push_back(TransportState::Connected);
            }
            other => self.state = other,
        }
    }

    /// Ends what there is; a new offer may start again.
    fn fail(&mut self, now: Instant) {
        self.close(now);
        self.events.push_back(TransportState::Failed);
    }

    /// Moves the association's datagrams to the path in use, or drops them: they are
    /// repeated.
    fn flush(&mut self) {
        let path = self.ice.path();
        let association = match &mut self.state {
            State::Handshaking(association) => association,
            State::Connected(secure) => &mut secure.association,
            _ => return,
        };
        for bytes in association.drain() {
            if let Some(path) = path {
                self.control.push_back(ControlDatagram { path, bytes });
            }
        }
    }

    /// Authenticates and decrypts in place; the result is the length of header and
    /// payload.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.open(packet, |srtp, packet| srtp.open_rtp.open(packet))
    }

    /// As [`Self::open_rtp`], for a compound RTCP packet.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        self.open(packet, |srtp, packet| srtp.open_rtcp.open(packet))
    }

    fn open(
        &mut self,
        packet: &mut [u8],
        open: impl FnOnce(&mut SrtpSession, &mut [u8]) -> Result<usize, SrtpError>,
    ) -> Result<usize, SrtpError> {
        let State::Connected(secure) = &mut self.state else {
            return Err(SrtpError::NotConnected);
        };
        let result = open(&mut secure.srtp, packet);
        match result {
            Ok(_) => {
                self.stats.packets_received += 1;
                self.stats.bytes_received += packet.len() as u64;
            }
            Err(SrtpError::Replayed) => self.stats.replayed += 1,
            Err(SrtpError::Unauthenticated) => self.stats.unauthenticated += 1,
            Err(_) => self.stats.malformed += 1,
        }
        result
    }

    /// Encrypts the first `len` bytes of `buf` in place and appends the tag, for which
    /// `buf` has [`RTP_OVERHEAD`] bytes more. `seq` gives the rollover counter, so an
    /// SSRC's first packet under these keys must have `seq.roc() == 0` (RFC 3711
    /// §3.3.1): receivers start there. Never seal two different packets under one
    /// SSRC and `seq`: AES-GCM would give up its key (RFC 7714 §15.1).
    pub fn seal_rtp(&mut self, seq: SeqNo, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.seal(|srtp| srtp.seal_rtp.seal(seq, buf, len))
    }

    /// Asks for what sealing RTP will read.
    pub(crate) fn prefetch_sealer(&self) {
        if let State::Connected(secure) = &self.state {
            secure.srtp.seal_rtp.prefetch();
        }
    }

    /// As [`Self::seal_rtp`], with [`RTCP_OVERHEAD`] bytes of room.
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        self.seal(|srtp| srtp.seal_rtcp.seal(buf, len))
    }

    fn seal(
        &mut self,
        seal: impl FnOnce(&mut SrtpSession) -> Result<usize, SrtpError>,
    ) -> Result<usize, SrtpError> {
        let State::Connected(secure) = &mut self.state else {
            return Err(SrtpError::NotConnected);
        };
        let len = seal(&mut secure.srtp)?;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += len as u64;
        Ok(len)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let consent_is_over = self.ice.consent_until().is_some_and(|until| now >= until);
        if consent_is_over {
            self.ice.revoke_consent();
        }
        let failed = match &mut self.state {
            State::Checking { deadline } => now >= *deadline,
            State::Handshaking(association) => association.handle_timeout(now).is_err(),
            State::Connected(secure) => {
                if consent_is_over && secure.consented {
                    secure.consented = false;
                    self.events.push_back(TransportState::Disconnected);
                }
                false
            }
            State::New | State::Closed => false,
        };
        self.flush();
        if failed {
            self.fail(now);
        }
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Checking { deadline } => Some(*deadline),
            State::Handshaking(association) => association.next_timeout(),
            _ => None,
        };
        [state, self.ice.consent_until()]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn poll_control(&mut self) -> Option<ControlDatagram> {
        self.control.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<TransportState> {
        self.events.pop_front()
    }

    /// Where media goes now; `None` without consent or keys.
    pub fn path(&self) -> Option<Path> {
        match &self.state {
            State::Connected(_) => self.ice.path(),
            _ => None,
        }
    }

    pub fn is_validated(&self, path: Path) -> bool {
        self.ice.is_validated(path)
    }

    /// Says goodbye (`close_notify`) and forgets the keys. Drain
    /// [`Self::poll_control`] afterwards.
    pub fn close(&mut self, now: Instant) {
        match &mut self.state {
            State::Handshaking(association) => association.close(now),
            State::Connected(secure) => secure.association.close(now),
            _ => {}
        }
        self.flush();
        self.state = State::Closed;
    }

    pub fn stats(&self) -> TransportStats {
        self.stats
    }
}

#[cfg(test)]
mod tests;
