//! Plain counters, copied out as whole snapshots.

use crate::control::{FrameSize, Source};
use crate::ids::Mid;

/// What is counted for one Participant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParticipantStats {
    pub transport: TransportStats,
    pub tracks: Vec<TrackStats>,
    pub slots: Vec<SlotStats>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransportStats {
    pub packets_received: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub bytes_sent: u64,
    /// Failed SRTP authentication.
    pub unauthenticated: u64,
    /// Seen before, or older than the replay window.
    pub replayed: u64,
    /// Authentic and yet malformed.
    pub malformed: u64,
    /// Authentic RTP and RTCP beyond the rate that a Participant may send at.
    pub over_rate: u64,
    /// `AEAD_AES_128_GCM` or `AES128_CM_HMAC_SHA1_80`, as RFC 5764 names them.
    pub srtp_profile: Option<&'static str>,
}

/// A published Track, one entry per Encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackStats {
    pub source: Source,
    pub encoding: u8,
    pub packets: u64,
    pub bytes: u64,
    /// Packets missing at the last look and not repaired.
    pub lost: u64,
    pub repaired: u64,
    pub nacks_sent: u64,
    pub keyframe_requests_sent: u64,
    pub size: Option<FrameSize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotStats {
    pub mid: Mid,
    pub packets: u64,
    pub bytes: u64,
    pub retransmitted: u64,
    pub nacks_received: u64,
    /// Encoding now forwarded.
    pub encoding: Option<u8>,
    pub source_switches: u64,
}
