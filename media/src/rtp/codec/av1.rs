//! AV1 payloads (AV1 RTP specification §4.4): the aggregation header tells where a
//! coded video sequence begins, its first OBU how large it is.

use super::Facts;
use super::bits::Bits;
use crate::control::FrameSize;

const OBU_SEQUENCE_HEADER: u8 = 1;

pub(super) fn facts(payload: &[u8]) -> Facts {
    let Some((&head, rest)) = payload.split_first() else {
        return Facts::default();
    };
    // N marks the first packet of a coded video sequence (§4.4).
    let new_sequence = head & 0x88 == 0x08;
    let mut size = None;
    if new_sequence {
        size = sequence_header(head, rest).and_then(max_size);
    }
    Facts {
        keyframe: new_sequence,
        size,
        ..Facts::default()
    }
}

/// Body of the sequence header, which comes first in a coded video sequence but
/// for temporal delimiters that senders should have removed.
fn sequence_header(head: u8, mut rest: &[u8]) -> Option<&[u8]> {
    let elements = head >> 4 & 0x03;
    let mut index = 1;
    while !rest.is_empty() && index <= 8 {
        // The last of W elements has no length (§4.4); W = 0 gives each one.
        let element = if elements == index {
            std::mem::take(&mut rest)
        } else {
            let len = leb128(&mut rest)?;
            let (element, tail) = rest.split_at_checked(len)?;
            rest = tail;
            element
        };
        let (&obu, mut body) = element.split_first()?;
        if obu & 0x04 != 0 {
            body = body.get(1..)?;
        }
        if obu & 0x02 != 0 {
            let len = leb128(&mut body)?;
            body = body.get(..len)?;
        }
        if obu >> 3 & 0x0f == OBU_SEQUENCE_HEADER {
            return Some(body);
        }
        index += 1;
    }
    None
}

fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in 0..4 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << (shift * 7);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Largest frame that the sequence may hold (AV1 bitstream specification §5.5.1).
fn max_size(header: &[u8]) -> Option<FrameSize> {
    let mut bits = Bits::new(header);
    bits.skip(4)?;
    if bits.bit()? {
        bits.skip(5)?;
    } else {
        operating_points(&mut bits)?;
    }
    let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
    let side = |minus_one: u32| u16::try_from(minus_one + 1).ok();
    Some(FrameSize {
        width: side(bits.bits(width_bits)?)?,
        height: side(bits.bits(height_bits)?)?,
    })
}

fn operating_points(bits: &mut Bits<'_>) -> Option<()> {
    let mut delay_bits = None;
    if bits.bit()? {
        bits.skip(32)?;
        bits.skip(32)?;
        if bits.bit()? {
            // uvlc has the form of an exponential Golomb code (§4.10.3).
            bits.golomb()?;
        }
        if bits.bit()? {
            delay_bits = Some(bits.bits(5)? + 1);
            bits.skip(32)?;
            bits.skip(10)?;
        }
    }
    let display_delay = bits.bit()?;
    for _ in 0..=bits.bits(5)? {
        bits.skip(12)?;
        if bits.bits(5)? > 7 {
            bits.skip(1)?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.bit()?
        {
            bits.skip(delay_bits)?;
            bits.skip(delay_bits)?;
            bits.skip(1)?;
        }
        if display_delay && bits.bit()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OBU header and sequence header of a 1280x720 main profile stream of libaom.
    const SEQUENCE: [u8; 11] = [
        0x08, 0x00, 0x00, 0x00, 0x2d, 0x4c, 0xff, 0xb3, 0xcc, 0xaf, 0x95,
    ];

    #[test]
    fn a_coded_video_sequence_begins_with_n() {
        let size = Some(FrameSize {
            width: 1280,
            height: 720,
        });
        let w1 = [&[0x18][..], &SEQUENCE].concat();
        let w2 = [&[0x28, 11][..], &SEQUENCE, &[0x30, 1, 2]].concat();
        let w0 = [&[0x08, 2, 0x12, 0, 11][..], &SEQUENCE, &[1, 0x30]].concat();
        let cases: [(&[u8], bool, Option<FrameSize>); 6] = [
            (&w1, true, size),
            (&w2, true, size),
            (&w0, true, size),
            (&[0x10, 0x30], false, None),
            // Continuation of an OBU cannot begin anything.
            (&[0x98, 0x08], false, None),
            (&[], false, None),
        ];
        for (payload, keyframe, size) in cases {
            let read = facts(payload);
            assert_eq!((read.keyframe, read.size), (keyframe, size), "{payload:x?}");
        }
    }
}
