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

pub mod dtls;
pub mod stun;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::control::TransportState;
use crate::ids::SeqNo;
use crate::negotiation::params::TransportParams;
use crate::stats::TransportStats;

use dtls::DtlsIdentity;

/// Room that [`Transport::seal_rtp`] may need behind the packet: the tag of
/// AEAD_AES_128_GCM (RFC 7714 §13.2), the longest we use.
pub const RTP_OVERHEAD: usize = 16;
/// Room that [`Transport::seal_rtcp`] may need: tag and SRTCP index (RFC 7714 §9.3).
pub const RTCP_OVERHEAD: usize = 20;

/// Where a datagram arrives and where it comes from, which is also how an answer
/// travels back. Addresses are canonical: never IPv4-mapped IPv6.
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
    /// Answered with an error.
    Refused,
    /// A valid check on a path known before.
    Refreshed,
    /// A valid check on a path that the owner must now route here. `replaced` is no
    /// longer ours: their number is bounded.
    NewPath { replaced: Option<Path> },
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

/// ICE, DTLS and SRTP of one Participant.
pub struct Transport {
    stats: TransportStats,
}

impl Transport {
    /// `worker` is written into the local ufrag, where [`stun::worker_of`] finds it:
    /// with several workers behind one port, whoever receives a check must know
    /// whose it is. `seed` makes the ICE credentials.
    pub fn new(identity: Arc<DtlsIdentity>, worker: u8, seed: [u8; 32]) -> Self {
        let _ = (identity, worker, seed);
        Self {
            stats: TransportStats::default(),
        }
    }

    /// Takes an accepted offer's parameters, before the answer is printed: new ICE
    /// credentials in it are an ICE restart and change ours (RFC 8839 §4.4.3); a new
    /// fingerprint is a new RTCPeerConnection and starts a new handshake. True when
    /// the local credentials changed.
    pub fn set_remote(&mut self, now: Instant, remote: &TransportParams) -> bool {
        let _ = (now, remote);
        false
    }

    /// Of the answer to come.
    pub fn local_ufrag(&self) -> &str {
        ""
    }

    pub fn local_pwd(&self) -> &str {
        ""
    }

    /// Every ufrag that checks may carry now: the current one and, from an ICE
    /// restart to the first check on the new one, the one before.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    pub fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> StunOutcome {
        let _ = (now, path, datagram);
        StunOutcome::Ignored
    }

    /// Ignored unless `path` is validated.
    pub fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        let _ = (now, path, datagram);
    }

    /// Authenticates and decrypts in place; the result is the length of header and
    /// payload.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let _ = packet;
        Err(SrtpError::NotConnected)
    }

    /// As [`Self::open_rtp`], for a compound RTCP packet.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let _ = packet;
        Err(SrtpError::NotConnected)
    }

    /// Encrypts the first `len` bytes of `buf` in place and appends the tag, for which
    /// `buf` has [`RTP_OVERHEAD`] bytes more. `seq` gives the rollover counter, so an
    /// SSRC's first packet under these keys must have `seq.roc() == 0` (RFC 3711
    /// §3.3.1): receivers start there.
    pub fn seal_rtp(&mut self, seq: SeqNo, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let _ = (seq, buf, len);
        Err(SrtpError::NotConnected)
    }

    /// As [`Self::seal_rtp`], with [`RTCP_OVERHEAD`] bytes of room.
    pub fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let _ = (buf, len);
        Err(SrtpError::NotConnected)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    pub fn next_timeout(&self) -> Option<Instant> {
        None
    }

    pub fn poll_control(&mut self) -> Option<ControlDatagram> {
        None
    }

    pub fn poll_event(&mut self) -> Option<TransportState> {
        None
    }

    /// Where media goes now; `None` without consent or keys.
    pub fn path(&self) -> Option<Path> {
        None
    }

    pub fn is_validated(&self, path: Path) -> bool {
        let _ = path;
        false
    }

    /// Says goodbye (`close_notify`) and forgets the keys. Drain
    /// [`Self::poll_control`] afterwards.
    pub fn close(&mut self, now: Instant) {
        let _ = now;
    }

    pub fn stats(&self) -> TransportStats {
        self.stats
    }
}
