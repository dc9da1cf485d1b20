//! H264 payloads (RFC 6184 §5): where a sequence parameter set starts a decodable
//! picture, and the size that it names.

use super::Facts;
use super::bits::Bits;
use crate::control::FrameSize;

const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// A keyframe begins with its parameter sets: an IDR picture without them cannot
/// be decoded by who joins, because our answer carries no sprop-parameter-sets.
pub(super) fn facts(payload: &[u8]) -> Facts {
    let Some(&head) = payload.first() else {
        return Facts::default();
    };
    let sps = match head & 0x1f {
        SPS => Some(payload),
        STAP_A => {
            aggregated(&payload[1..]).find(|nal| nal.first().is_some_and(|h| h & 0x1f == SPS))
        }
        FU_A if payload
            .get(1)
            .is_some_and(|h| h & 0x80 != 0 && h & 0x1f == SPS) =>
        {
            Some(&payload[1..])
        }
        _ => None,
    };
    Facts {
        keyframe: sps.is_some(),
        size: sps.and_then(|nal| size(nal.get(1..)?)),
        ..Facts::default()
    }
}

fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, tail) = rest.split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let nal = tail.get(..len)?;
        rest = &tail[len..];
        Some(nal)
    })
}

/// Most bytes of a parameter set that we look at; the size stands in the first
/// twenty unless there are scaling lists.
const SPS_BYTES: usize = 96;

/// Picture size after cropping (ITU-T H.264 §7.3.2.1.1).
fn size(sps: &[u8]) -> Option<FrameSize> {
    let mut raw = [0; SPS_BYTES];
    let len = unescape(sps, &mut raw);
    let mut bits = Bits::new(&raw[..len]);
    let profile = bits.bits(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = 1;
    if matches!(
        profile,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    ) {
        chroma = high_profile(&mut bits)?;
    }
    bits.golomb()?;
    picture_order(&mut bits)?;
    bits.golomb()?;
    bits.skip(1)?;
    let width = (bits.golomb()?.checked_add(1)?).checked_mul(16)?;
    let map_height = (bits.golomb()?.checked_add(1)?).checked_mul(16)?;
    let frames_only = bits.bit()?;
    if !frames_only {
        bits.skip(1)?;
    }
    let fields = if frames_only { 1 } else { 2 };
    let height = map_height.checked_mul(fields)?;
    bits.skip(1)?;
    let (mut crop_x, mut crop_y) = (0, 0);
    if bits.bit()? {
        let unit_x = if chroma == 1 || chroma == 2 { 2 } else { 1 };
        let unit_y = if chroma == 1 { 2 } else { 1 } * fields;
        let mut pair = || bits.golomb()?.checked_add(bits.golomb()?);
        crop_x = pair()?.checked_mul(unit_x)?;
        crop_y = pair()?.checked_mul(unit_y)?;
    }
    Some(FrameSize {
        width: u16::try_from(width.checked_sub(crop_x)?).ok()?,
        height: u16::try_from(height.checked_sub(crop_y)?).ok()?,
    })
}

/// Removes emulation prevention bytes (§7.4.1).
fn unescape(escaped: &[u8], raw: &mut [u8; SPS_BYTES]) -> usize {
    let mut len = 0;
    let mut zeros = 0;
    for &byte in escaped {
        if len == SPS_BYTES {
            break;
        }
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        raw[len] = byte;
        len += 1;
    }
    len
}

/// Fields that only the high profiles have; answers chroma_format_idc.
fn high_profile(bits: &mut Bits<'_>) -> Option<u32> {
    let chroma = bits.golomb()?;
    if chroma == 3 {
        bits.skip(1)?;
    }
    bits.golomb()?;
    bits.golomb()?;
    bits.skip(1)?;
    if bits.bit()? {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if bits.bit()? {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma)
}

fn scaling_list(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..count {
        if next != 0 {
            next = (last + bits.signed_golomb()?.clamp(-256, 256)).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn picture_order(bits: &mut Bits<'_>) -> Option<()> {
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1280x720 baseline, as OpenH264 writes it for Chromium.
    const SPS_720P: [u8; 12] = [
        0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x00, 0xf0,
    ];
    /// 1920x1080 high profile with cropping, as x264 writes it.
    const SPS_1080P: [u8; 26] = [
        0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00,
        0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6,
    ];

    #[test]
    fn a_keyframe_begins_with_its_parameter_set() {
        let stap = |nals: &[&[u8]]| {
            let mut payload = vec![0x78];
            for nal in nals {
                payload.extend((nal.len() as u16).to_be_bytes());
                payload.extend(*nal);
            }
            payload
        };
        let size = |width, height| Some(FrameSize { width, height });
        let pps = [0x68, 0xce, 0x3c, 0x80];
        let cases = [
            (SPS_720P.to_vec(), true, size(1280, 720)),
            (SPS_1080P.to_vec(), true, size(1920, 1080)),
            (stap(&[&SPS_720P, &pps]), true, size(1280, 720)),
            (stap(&[&pps, &SPS_1080P]), true, size(1920, 1080)),
            (stap(&[&pps]), false, None),
            // Delta slice; IDR alone; IDR in FU-A; its end; a whole FU-A of SPS.
            (vec![0x61, 0x9a], false, None),
            (vec![0x65, 0x88], false, None),
            (vec![0x7c, 0x85, 1], false, None),
            (vec![0x7c, 0x45, 1], false, None),
            (vec![0x7c, 0x87, 0x42], true, None),
            (vec![0x78, 0xff, 0xff, 0x67], false, None),
            (vec![0x67], true, None),
            (vec![], false, None),
        ];
        for (payload, keyframe, size) in cases {
            let read = facts(&payload);
            assert_eq!((read.keyframe, read.size), (keyframe, size), "{payload:x?}");
        }
    }
}
