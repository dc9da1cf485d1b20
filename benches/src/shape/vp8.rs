//! VP8 payload descriptor (RFC 7741 §4.2) as Chromium fills it, and the frame header
//! (RFC 6386 §9.1), by which servers tell keyframes and sizes.

use super::packets::Head;
use super::video::Picture;

pub(super) fn head(picture: &Picture, first: bool) -> Head {
    let mut head = Head::default();
    let id = (picture.id & 0x7fff) | 0x8000;
    // X and S; I, L and T; picture id, TL0PICIDX, temporal layer 0 that is a sync point.
    head.push(&[0x80 | u8::from(first) << 4, 0xE0]);
    head.push(&id.to_be_bytes());
    head.push(&[picture.tl0, 0x20]);
    if first {
        if picture.keyframe {
            head.push(&[0x30, 0, 0, 0x9d, 0x01, 0x2a]);
            head.push(&picture.width.to_le_bytes());
            head.push(&picture.height.to_le_bytes());
        } else {
            head.push(&[0x31, 0, 0]);
        }
    }
    head
}
