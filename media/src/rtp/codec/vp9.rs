//! VP9 payload descriptor (RFC 9628 §4.2), flexible mode or not. Spatial layers of
//! one Encoding travel together, so only the picture as a whole matters.

use super::Facts;
use crate::control::FrameSize;

pub(super) fn facts(payload: &[u8]) -> Facts {
    read(payload).unwrap_or_default()
}

fn read(payload: &[u8]) -> Option<Facts> {
    let mut rest = payload.iter().copied();
    let first = rest.next()?;
    let bit = |mask: u8| first & mask != 0;
    let (picture_id, predicted, layers, flexible) = (bit(0x80), bit(0x40), bit(0x20), bit(0x10));
    let (begins, structure) = (bit(0x08), bit(0x02));
    if picture_id && rest.next()? & 0x80 != 0 {
        rest.next()?;
    }
    let mut spatial = 0;
    if layers {
        spatial = rest.next()? >> 1 & 0x07;
        if !flexible {
            rest.next()?;
        }
    }
    if flexible && predicted {
        // At most three references, each announcing the next by its lowest bit.
        for _ in 0..3 {
            if rest.next()? & 1 == 0 {
                break;
            }
        }
    }
    Some(Facts {
        keyframe: !predicted && begins && spatial == 0,
        size: if structure { largest(&mut rest) } else { None },
        ..Facts::default()
    })
}

/// Size of the highest spatial layer, from the scalability structure.
fn largest(rest: &mut impl Iterator<Item = u8>) -> Option<FrameSize> {
    let head = rest.next()?;
    if head & 0x10 == 0 {
        return None;
    }
    let mut side = || Some(u16::from(rest.next()?) << 8 | u16::from(rest.next()?));
    let mut size = None;
    for _ in 0..=head >> 5 {
        let (width, height) = (side()?, side()?);
        size = Some(FrameSize { width, height });
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_begin_the_lowest_layer_of_an_unpredicted_picture() {
        let size = |width, height| Some(FrameSize { width, height });
        let cases: [(&[u8], bool, Option<FrameSize>); 10] = [
            // I, B: no layers.
            (&[0x88, 0x81, 0x02, 0], true, None),
            // I, P, B: predicted.
            (&[0xc8, 0x81, 0x02, 0], false, None),
            // I, L, B, V: non-flexible with TL0PICIDX and two layers' sizes.
            (
                &[0xaa, 0x05, 0x00, 0x09, 0x30, 1, 64, 0, 180, 2, 128, 1, 104],
                true,
                size(640, 360),
            ),
            // The second spatial layer of the same picture.
            (&[0xa8, 0x05, 0x03, 0x09, 0], false, None),
            // Continuation of the frame.
            (&[0x80, 0x05, 0], false, None),
            // I, L, F, B, flexible, unpredicted.
            (&[0xb8, 0x05, 0x00, 0], true, None),
            // I, P, L, F, B with two references.
            (&[0xf8, 0x05, 0x00, 0x03, 0x02, 0], false, None),
            // Structure without sizes, cut structure, nothing.
            (&[0x0a, 0x00], true, None),
            (&[0x0a, 0x10, 1, 64], true, None),
            (&[], false, None),
        ];
        for (payload, keyframe, size) in cases {
            let read = facts(payload);
            assert_eq!((read.keyframe, read.size), (keyframe, size), "{payload:x?}");
        }
    }
}
