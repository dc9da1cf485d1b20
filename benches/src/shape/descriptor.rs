//! The dependency descriptor (AV1 RTP specification, appendix A), as a browser sends it
//! for a stream of one spatial and one temporal layer: each frame follows the one before.

use super::video::Picture;

/// Longest one: with the structure, which a keyframe begins with.
pub(crate) const MAX_DESCRIPTOR: usize = 13;

/// Of one packet; empty for codecs that are sent without.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Descriptor {
    bytes: [u8; MAX_DESCRIPTOR],
    len: u8,
}

impl Descriptor {
    pub(super) fn new(picture: &Picture, first: bool, last: bool) -> Self {
        let mut bits = Bits::default();
        let structured = first && picture.keyframe;
        // Mandatory fields (A.8.2): the template of a keyframe is 0, of others 1.
        bits.push(first.into(), 1);
        bits.push(last.into(), 1);
        bits.push((!picture.keyframe).into(), 6);
        bits.push(picture.number.into(), 16);
        if structured {
            // The structure is present, and nothing departs from its templates.
            bits.push(0b1_0000, 5);
            structure(picture, &mut bits);
        }
        bits.end()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// template_dependency_structure (A.8.3) of two templates and one decode target.
fn structure(picture: &Picture, bits: &mut Bits) {
    const SAME_LAYER: u64 = 0;
    const NO_MORE: u64 = 3;
    const SWITCH: u64 = 2;
    for (value, len) in [
        // template_id_offset, dt_cnt_minus_one
        (0, 6),
        (0, 5),
        (SAME_LAYER, 2),
        (NO_MORE, 2),
        (SWITCH, 2),
        (SWITCH, 2),
        // A keyframe follows nothing, another the frame before.
        (0, 1),
        (1, 1),
        (0, 4),
        (0, 1),
        // One chain, and how far back its frame before is for each template.
        (1, 1),
        (0, 4),
        (1, 4),
        (1, 1),
        (u64::from(picture.width.max(1)) - 1, 16),
        (u64::from(picture.height.max(1)) - 1, 16),
    ] {
        bits.push(value, len);
    }
}

#[derive(Default)]
struct Bits {
    all: u128,
    len: u32,
}

impl Bits {
    fn push(&mut self, value: u64, len: u32) {
        self.all = self.all << len | u128::from(value);
        self.len += len;
    }

    fn end(self) -> Descriptor {
        let whole = (self.all << (u128::BITS - self.len)).to_be_bytes();
        let len = self.len.div_ceil(8) as usize;
        let mut bytes = [0; MAX_DESCRIPTOR];
        bytes[..len].copy_from_slice(&whole[..len]);
        Descriptor {
            bytes,
            len: len as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convoke_media::rtp::codec::descriptor::{frame_number, starts_structure};

    #[test]
    fn a_server_reads_frames_and_where_a_structure_begins() {
        for (keyframe, first, last, head, len) in [
            (true, true, false, 0b1000_0000, 13),
            (true, false, true, 0b0100_0000, 3),
            (false, true, true, 0b1100_0001, 3),
        ] {
            let picture = Picture {
                keyframe,
                id: 1,
                number: 0xfffe,
                tl0: 0,
                width: 1280,
                height: 720,
            };
            let descriptor = Descriptor::new(&picture, first, last);
            let bytes = descriptor.bytes();
            assert_eq!((bytes[0], bytes.len()), (head, len));
            assert_eq!(frame_number(bytes), Some(0xfffe));
            assert_eq!(starts_structure(bytes), keyframe && first);
        }
    }

    #[test]
    fn the_structure_ends_in_the_size() {
        let picture = Picture {
            keyframe: true,
            id: 1,
            number: 1,
            tl0: 0,
            width: 1280,
            height: 720,
        };
        let descriptor = Descriptor::new(&picture, true, true);
        let all = descriptor
            .bytes()
            .iter()
            .fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        // 97 bits are used of 104.
        let size = all >> 7;
        assert_eq!((size >> 16 & 0xffff, size & 0xffff), (1279, 719));
    }
}
