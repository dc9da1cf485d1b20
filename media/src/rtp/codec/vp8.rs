//! VP8 payload descriptor (RFC 7741 §4.2) and the start of a frame (§4.3).

use super::Facts;
use crate::control::FrameSize;

/// The descriptor with the counters that continue over a switch of source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// N and S bits and the partition index of the first byte.
    pub first: u8,
    pub picture_id: Option<PictureId>,
    pub tl0_pic_idx: Option<u8>,
    /// TID and Y, when present.
    pub temporal: Option<u8>,
    /// KEYIDX, when present.
    pub key_idx: Option<u8>,
    /// Bytes of the descriptor as received.
    pub len: u8,
}

/// Picture id as received: 7 or 15 bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    pub value: u16,
    pub long: bool,
}

/// Most bytes that [`Descriptor::write`] needs.
pub const MAX_DESCRIPTOR: usize = 6;

impl Descriptor {
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut read = Self {
            first: first & 0x3f,
            len: 1,
            ..Self::default()
        };
        if first & 0x80 == 0 {
            return Some(read);
        }
        let mut rest = payload[1..].iter().copied();
        let extensions = rest.next()?;
        if extensions & 0x80 != 0 {
            let byte = rest.next()?;
            read.picture_id = Some(if byte & 0x80 != 0 {
                PictureId {
                    value: u16::from(byte & 0x7f) << 8 | u16::from(rest.next()?),
                    long: true,
                }
            } else {
                PictureId {
                    value: u16::from(byte),
                    long: false,
                }
            });
        }
        if extensions & 0x40 != 0 {
            read.tl0_pic_idx = Some(rest.next()?);
        }
        if extensions & 0x30 != 0 {
            let byte = rest.next()?;
            read.temporal = (extensions & 0x20 != 0).then_some(byte >> 5);
            read.key_idx = (extensions & 0x10 != 0).then_some(byte & 0x1f);
        }
        read.len = (payload.len() - rest.len()) as u8;
        Some(read)
    }

    /// First packet of a frame: S set on partition 0.
    pub fn starts_frame(&self) -> bool {
        self.first & 0x17 == 0x10
    }

    /// Writes the descriptor and returns its length. A picture id is always
    /// written with 15 bits, because the ids of two sources joined into one
    /// sequence cannot change their width in between.
    pub fn write(&self, out: &mut [u8; MAX_DESCRIPTOR]) -> usize {
        let mut extensions = 0;
        let mut at = 2;
        if let Some(id) = self.picture_id {
            extensions |= 0x80;
            out[at] = 0x80 | (id.value >> 8) as u8;
            out[at + 1] = id.value as u8;
            at += 2;
        }
        if let Some(index) = self.tl0_pic_idx {
            extensions |= 0x40;
            out[at] = index;
            at += 1;
        }
        if self.temporal.is_some() || self.key_idx.is_some() {
            extensions |= if self.temporal.is_some() { 0x20 } else { 0 };
            extensions |= if self.key_idx.is_some() { 0x10 } else { 0 };
            out[at] = self.temporal.unwrap_or(0) << 5 | self.key_idx.unwrap_or(0) & 0x1f;
            at += 1;
        }
        out[1] = extensions;
        if extensions == 0 {
            out[0] = self.first;
            return 1;
        }
        out[0] = self.first | 0x80;
        at
    }
}

pub(super) fn facts(payload: &[u8]) -> Facts {
    let Some(descriptor) = Descriptor::parse(payload) else {
        return Facts::default();
    };
    let frame = payload.get(usize::from(descriptor.len)..).unwrap_or(&[]);
    // The P bit is 0 in a keyframe, whose start code and size follow (§4.3,
    // RFC 6386 §9.1). The start code is not demanded: end-to-end encryption leaves
    // no more than the first bytes readable.
    let keyframe = descriptor.starts_frame() && frame.first().is_some_and(|tag| tag & 1 == 0);
    Facts {
        keyframe,
        size: if keyframe { size(frame) } else { None },
        vp8: Some(descriptor),
        frame_number: None,
    }
}

fn size(frame: &[u8]) -> Option<FrameSize> {
    let header: &[u8; 10] = frame.first_chunk()?;
    if header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let side = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]) & 0x3fff;
    Some(FrameSize {
        width: side(6),
        height: side(8),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_and_their_size() {
        let frame = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02];
        let size = FrameSize {
            width: 1280,
            height: 720,
        };
        let with = |descriptor: &[u8], frame: &[u8]| {
            let read = facts(&[descriptor, frame].concat());
            (read.keyframe, read.size)
        };
        assert_eq!(with(&[0x10], &frame), (true, Some(size)));
        assert_eq!(
            with(&[0x90, 0xe0, 0x81, 0x02, 7, 0x20], &frame),
            (true, Some(size))
        );
        // Continuation of the frame, another partition, and a delta frame.
        assert_eq!(with(&[0x00], &frame), (false, None));
        assert_eq!(with(&[0x11], &frame), (false, None));
        assert_eq!(with(&[0x10], &[0x11, 0, 0]), (false, None));
        // Encrypted behind the tag, and cut short.
        assert_eq!(
            with(&[0x10], &[0x10, 9, 9, 9, 9, 9, 9, 9, 9, 9]),
            (true, None)
        );
        assert_eq!(with(&[0x10], &[0x10]), (true, None));
        assert_eq!(with(&[0x10], &[]), (false, None));
        assert_eq!(with(&[0x90, 0xe0, 0x81], &[]), (false, None));
    }

    #[test]
    fn descriptors_are_written_as_read_with_a_long_picture_id() {
        let cases: [(&[u8], &[u8]); 6] = [
            (&[0x10], &[0x10]),
            (&[0x90, 0x80, 0x81, 0x02], &[0x90, 0x80, 0x81, 0x02]),
            (&[0x90, 0x80, 0x05], &[0x90, 0x80, 0x80, 0x05]),
            (
                &[0xb0, 0xf0, 0xff, 0xff, 9, 0xa3],
                &[0xb0, 0xf0, 0xff, 0xff, 9, 0xa3],
            ),
            (&[0x80, 0x60, 9, 0x40], &[0x80, 0x60, 9, 0x40]),
            (&[0x80, 0x10, 0x1f], &[0x80, 0x10, 0x1f]),
        ];
        for (received, want) in cases {
            let descriptor = Descriptor::parse(received).unwrap();
            assert_eq!(usize::from(descriptor.len), received.len());
            let mut out = [0; MAX_DESCRIPTOR];
            let len = descriptor.write(&mut out);
            assert_eq!(&out[..len], want);
        }
    }
}
