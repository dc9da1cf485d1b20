//! What a stranger, a participant and a whole server may ask of the media core.
//! Every bound stands here with the reason for its size, so that the memory and
//! the time which anybody can make us spend can be added up on one page.

/// Largest datagram that is looked at. Browsers keep RTP at or below 1200 bytes
/// and DTLS flights below 1500; the rest of the room is for jumbo paths and
/// costs nothing, since receive slabs are allocated once.
pub const MAX_DATAGRAM: usize = 2048;

/// Smallest datagram that can be anything: an RTCP header (RFC 3550 §6.4) is
/// shorter than a STUN header or a DTLS record.
pub const MIN_DATAGRAM: usize = 8;

/// Bytes waiting in one destination's run. A tick of 1 ms at 100 Mbit/s is
/// 12 kB; a burst of keyframes of a full grid is some 500 kB. What does not fit
/// is dropped and repaired by NACK, as on a congested link.
pub const MAX_RUN_BYTES: usize = 1 << 20;

/// Segments in one UDP_SEGMENT send; the kernel's UDP_MAX_SEGMENTS was 64 until
/// Linux 6.9, and 128 since.
pub const MAX_SEGMENTS: usize = 64;

/// Bytes in one UDP_SEGMENT send: an IPv4 datagram's 65535 less its headers.
pub const MAX_SEGMENTED_BYTES: usize = 65_000;

/// Sequence numbers that the NACKs of one RTCP datagram may ask for. Each costs a
/// look into the history, and a datagram has room for thousands. One Slot's budget of
/// retransmission is spent before; what is still missing is asked for again.
pub const MAX_NACKED: usize = 256;

/// Events that wait to be polled. Drained after each batch; the bound only
/// matters to a driver that has stopped polling.
pub const MAX_EVENTS: usize = 65_536;

/// What one Participant may send. What is over it is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendRate {
    pub packets_per_second: u32,
    pub bytes_per_second: u32,
}

impl SendRate {
    /// Three simulcast layers, a 4K screen and sound are some 3,000 packets and 4 MB
    /// a second; three times that is a fault or an attack.
    pub const DEFAULT: Self = Self {
        packets_per_second: 10_000,
        bytes_per_second: 12_500_000,
    };
}

/// Limits that an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Participants in one Router: only a bound on memory. Signaling is who limits
    /// Calls, to 50 by default, and frees a place before the Router hears of it; so
    /// this has to stand well above, or the next to join would meet a full Router.
    pub participants_per_router: usize,
    /// Participants in all Routers of a worker: 2000 hold about 1 GB of
    /// retransmission history at worst.
    pub participants: usize,
    /// DTLS handshakes in flight. A handshake costs about a millisecond of the
    /// worker and 64 kB; further ones wait for their retransmission (1 s, RFC
    /// 6347 §4.2.4.1) instead of stalling the media of everybody.
    pub handshakes: usize,
    /// Validated paths whose remote end is one IP address, at most two or three a
    /// Participant: an office behind one NAT fits, one machine cannot fill the
    /// tables.
    pub paths_per_address: usize,
    pub send_rate: SendRate,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            participants_per_router: 50 + 16,
            participants: 2000,
            handshakes: 128,
            paths_per_address: 4096,
            send_rate: SendRate::DEFAULT,
        }
    }
}
