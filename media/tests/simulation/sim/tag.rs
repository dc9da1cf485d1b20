//! What is inside every simulated payload: who made it and where it belongs, so
//! that a receiver can tell whether it got what it should have.

use convoke_media::control::Source;

/// Bytes of an encoded [`Tag`].
pub const TAG_LEN: usize = 20;

const MAGIC: u16 = 0xC0DE;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub publisher: u32,
    pub source: Source,
    pub layer: u8,
    /// Of the Encoding: frames for video, packets for audio.
    pub frame: u32,
    pub part: u8,
    pub parts: u8,
    pub keyframe: bool,
    /// Capture time in milliseconds of virtual time.
    pub captured: u32,
}

/// What one continuous piece of a Slot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub publisher: u32,
    pub source: Source,
    pub layer: u8,
}

impl Tag {
    pub fn origin(&self) -> Origin {
        Origin {
            publisher: self.publisher,
            source: self.source,
            layer: self.layer,
        }
    }

    pub fn encode(&self) -> [u8; TAG_LEN] {
        let mut bytes = [0; TAG_LEN];
        bytes[..2].copy_from_slice(&MAGIC.to_be_bytes());
        bytes[2..6].copy_from_slice(&self.publisher.to_be_bytes());
        bytes[6] = source_code(self.source);
        bytes[7] = self.layer;
        bytes[8..12].copy_from_slice(&self.frame.to_be_bytes());
        bytes[12] = self.part;
        bytes[13] = self.parts;
        bytes[14] = u8::from(self.keyframe);
        bytes[16..].copy_from_slice(&self.captured.to_be_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if bytes.get(..2)? != MAGIC.to_be_bytes() {
            return None;
        }
        Some(Self {
            publisher: word(2)?,
            source: SOURCES[usize::from(*bytes.get(6)?)],
            layer: *bytes.get(7)?,
            frame: word(8)?,
            part: *bytes.get(12)?,
            parts: *bytes.get(13)?,
            keyframe: *bytes.get(14)? != 0,
            captured: word(16)?,
        })
    }
}

const SOURCES: [Source; 4] = [
    Source::Microphone,
    Source::Camera,
    Source::Screen,
    Source::ScreenAudio,
];

fn source_code(source: Source) -> u8 {
    SOURCES.iter().position(|s| *s == source).unwrap() as u8
}
