//! What forwarding must know of a payload: whether a keyframe starts here, how
//! large the picture is, and the counters that are rewritten. Nothing is decoded,
//! so end-to-end encrypted payloads pass as they are.

pub mod av1;
mod bits;
pub mod descriptor;
pub mod h264;
pub mod red;
pub mod vp8;
pub mod vp9;

use crate::control::FrameSize;
use crate::negotiation::params::Codec;
use crate::rtp::ext::Extensions;

/// Facts of one packet's payload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// First packet of a frame that a decoder can start with.
    pub keyframe: bool,
    /// Picture size, where the packet tells it.
    pub size: Option<FrameSize>,
    pub vp8: Option<vp8::Descriptor>,
    /// As the dependency descriptor states it.
    pub frame_number: Option<u16>,
}

impl Facts {
    pub fn read(codec: Codec, payload: &[u8], extensions: &Extensions<'_>) -> Self {
        let mut facts = match codec {
            Codec::Opus | Codec::Red { .. } => return Self::default(),
            Codec::Vp8 => vp8::facts(payload),
            Codec::Vp9 { .. } => vp9::facts(payload),
            Codec::H264 { .. } => h264::facts(payload),
            Codec::Av1 { .. } => av1::facts(payload),
        };
        if let Some(stated) = extensions.dependency_descriptor {
            facts.keyframe |= descriptor::starts_structure(stated);
            facts.frame_number = descriptor::frame_number(stated);
        }
        facts
    }
}
