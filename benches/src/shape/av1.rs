//! AV1 aggregation header (AV1 RTP specification §4.4) and as much of a sequence
//! header as tells the size. One spatial and one temporal layer in each stream, as
//! simulcast without SVC.

use super::packets::Head;
use super::video::Picture;

const CONTINUES: u8 = 0x80;
const TO_BE_CONTINUED: u8 = 0x40;
const NEW_SEQUENCE: u8 = 0x08;
/// OBU types in place (AV1 bitstream specification §5.3.2), without sizes.
const OBU_SEQUENCE_HEADER: u8 = 1 << 3;
const OBU_FRAME: u8 = 6 << 3;

pub(super) fn head(picture: &Picture, first: bool, last: bool) -> Head {
    let mut head = Head::default();
    let split = (u8::from(!first) * CONTINUES) | (u8::from(!last) * TO_BE_CONTINUED);
    if first && picture.keyframe {
        let sequence = sequence_header(picture.width, picture.height);
        head.push(&[split | 2 << 4 | NEW_SEQUENCE, 1 + sequence.len() as u8]);
        head.push(&[OBU_SEQUENCE_HEADER]);
        head.push(&sequence);
    } else {
        head.push(&[split | 1 << 4]);
    }
    if first {
        head.push(&[OBU_FRAME]);
    }
    head
}

/// §5.5.1, with reduced_still_picture_header, after which the size comes at once.
fn sequence_header(width: u16, height: u16) -> [u8; 7] {
    let mut bits = 0_u64;
    let mut used = 0;
    for (value, len) in [
        (0, 3),
        (1, 1),
        (1, 1),
        (0, 5),
        (15, 4),
        (15, 4),
        (u64::from(width.max(1)) - 1, 16),
        (u64::from(height.max(1)) - 1, 16),
    ] {
        bits = bits << len | value;
        used += len;
    }
    let [bytes @ .., _] = (bits << (64 - used)).to_be_bytes();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_header_says_the_size() {
        let bytes = sequence_header(1280, 720);
        let mut all = 0_u64;
        for byte in bytes {
            all = all << 8 | u64::from(byte);
        }
        // Seven bytes are 56 bits, of which 50 are used.
        let size = all >> 6 & 0xffff_ffff;
        assert_eq!((size >> 16, size & 0xffff), (1279, 719));
    }
}
