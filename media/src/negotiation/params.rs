//! What an accepted offer means, free of SDP: the parameters that the transport
//! and the forwarding plane work with.

use smallvec::SmallVec;

use crate::control::{MediaKind, Source};
use crate::ids::{Mid, Pt, Rid, Ssrc};

/// An accepted offer. Replaces what the Participant negotiated before; sections
/// keep their identity by [`Mid`], and a Slot keeps its SSRCs for its lifetime.
#[derive(Debug, Clone)]
pub struct Negotiated {
    pub transport: TransportParams,
    pub published: Vec<PublishSection>,
    pub slots: Vec<SlotSection>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportParams {
    pub remote_ufrag: String,
    pub remote_pwd: String,
    pub fingerprint: Fingerprint,
}

/// Certificate fingerprint (RFC 8122 §5); only SHA-256 and stronger are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    pub hash: FingerprintHash,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FingerprintHash {
    Sha256,
    Sha384,
    Sha512,
}

/// An m-line on which the client may send.
#[derive(Debug, Clone)]
pub struct PublishSection {
    pub mid: Mid,
    pub source: Source,
    /// False while the m-line is `inactive`: the Track does not exist then.
    pub active: bool,
    pub codecs: SmallVec<[CodecParams; 6]>,
    pub extensions: ExtensionIds,
    /// Simulcast layers in the offer's order, or one entry without a rid.
    pub encodings: SmallVec<[EncodingParams; 3]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodingParams {
    pub rid: Option<Rid>,
    /// Signalled by `a=ssrc`, otherwise learned from the rid or mid extension.
    pub ssrc: Option<Ssrc>,
    pub rtx_ssrc: Option<Ssrc>,
}

/// A receive m-line of the client. In the order of C, for it is a part of what every
/// packet touches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C)]
pub struct SlotSection {
    /// Ours, constant for the life of the Slot.
    pub ssrc: Ssrc,
    pub rtx_ssrc: Option<Ssrc>,
    pub kind: MediaKind,
    /// False when the client turned the m-line `inactive`.
    pub active: bool,
    pub extensions: ExtensionIds,
    pub mid: Mid,
    pub codecs: SmallVec<[CodecParams; 6]>,
}

/// A codec as one m-line numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecParams {
    pub codec: Codec,
    pub pt: Pt,
    /// Payload type of its retransmissions (RFC 4588), when offered.
    pub rtx_pt: Option<Pt>,
    pub nack: bool,
    pub pli: bool,
}

/// Codecs that we forward, with what tells incompatible variants apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    Opus,
    /// Redundant audio (RFC 2198) around Opus; `opus` is the Pt of its blocks.
    Red {
        opus: Pt,
    },
    Vp8,
    Vp9 {
        profile: u8,
    },
    /// `profile` is the three bytes of profile-level-id (RFC 6184 §8.1).
    H264 {
        profile: [u8; 3],
        packetization_mode: u8,
    },
    Av1 {
        profile: u8,
    },
}

impl Codec {
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Opus | Self::Red { .. } => MediaKind::Audio,
            _ => MediaKind::Video,
        }
    }

    /// RTP clock in Hz.
    pub const fn clock_rate(self) -> u32 {
        match self.kind() {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        }
    }

    /// Whether a decoder negotiated as `self` can decode what was encoded as
    /// `sent`. H264 levels bound the size only, which browsers do not enforce, so
    /// the profile and its constraint bits decide (RFC 6184 §8.2.2).
    pub fn decodes(self, sent: Self) -> bool {
        match (self, sent) {
            (
                Self::H264 {
                    profile: ours,
                    packetization_mode: mode,
                },
                Self::H264 {
                    profile: theirs,
                    packetization_mode: sent_mode,
                },
            ) => mode == sent_mode && h264_profile(ours) == h264_profile(theirs),
            (Self::Red { .. }, Self::Red { .. }) => true,
            _ => self == sent,
        }
    }
}

/// Profile family of a profile-level-id: constrained baseline may be written as
/// 42 with constraint_set1, or as 4d or 58 with constraint_set0 (RFC 6184 table 5).
fn h264_profile([idc, iop, _]: [u8; 3]) -> (u8, bool) {
    match idc {
        0x42 => (0x42, iop & 0x40 != 0),
        0x4d if iop & 0x80 != 0 => (0x42, true),
        0x58 if iop & 0xc0 == 0xc0 => (0x42, true),
        other => (other, false),
    }
}

/// Local identifiers (1 to 14, RFC 8285 one-byte form; up to 255 two-byte) of the
/// header extensions that the offer listed and we answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// urn:ietf:params:rtp-hdrext:sdes:mid
    pub mid: Option<u8>,
    /// urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
    pub rid: Option<u8>,
    /// urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
    pub repaired_rid: Option<u8>,
    /// urn:ietf:params:rtp-hdrext:ssrc-audio-level (RFC 6464)
    pub audio_level: Option<u8>,
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01
    pub transport_cc: Option<u8>,
    /// <http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time>
    pub abs_send_time: Option<u8>,
    /// <http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time>
    pub abs_capture_time: Option<u8>,
    /// <https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension>
    pub dependency_descriptor: Option<u8>,
    /// urn:3gpp:video-orientation
    pub video_orientation: Option<u8>,
    /// <http://www.webrtc.org/experiments/rtp-hdrext/playout-delay>
    pub playout_delay: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_match_what_was_encoded() {
        let h264 = |profile, packetization_mode| Codec::H264 {
            profile,
            packetization_mode,
        };
        let opus_at = |pt| Codec::Red {
            opus: Pt::new(pt).unwrap(),
        };
        let cases = [
            (Codec::Vp8, Codec::Vp8, true),
            (Codec::Vp8, Codec::Vp9 { profile: 0 }, false),
            (Codec::Vp9 { profile: 0 }, Codec::Vp9 { profile: 2 }, false),
            (
                h264([0x42, 0xe0, 0x1f], 1),
                h264([0x42, 0xe0, 0x34], 1),
                true,
            ),
            (
                h264([0x42, 0xe0, 0x1f], 1),
                h264([0x42, 0xe0, 0x1f], 0),
                false,
            ),
            (
                h264([0x42, 0xe0, 0x1f], 1),
                h264([0x42, 0x00, 0x1f], 1),
                false,
            ),
            (
                h264([0x42, 0xe0, 0x1f], 1),
                h264([0x4d, 0x80, 0x1f], 1),
                true,
            ),
            (
                h264([0x64, 0x00, 0x1f], 1),
                h264([0x42, 0xe0, 0x1f], 1),
                false,
            ),
            (opus_at(111), opus_at(109), true),
        ];
        for (decoder, sent, want) in cases {
            assert_eq!(decoder.decodes(sent), want, "{decoder:?} {sent:?}");
        }
    }
}
