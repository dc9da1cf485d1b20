//! The dependency descriptor (AV1 RTP specification, appendix A), which browsers
//! send with every codec. It stays readable when the payload is encrypted end to
//! end. Its mandatory fields are all that concerns us: frame boundaries and the
//! frame number, which a receiver orders frames by.

/// Mandatory fields: flags and template, then the frame number (appendix A.8.1).
pub const MANDATORY: usize = 3;
/// Longest descriptor that is passed on: a structure of nine decode targets takes
/// about 90 bytes.
pub const MAX_DESCRIPTOR: usize = 200;

pub fn frame_number(descriptor: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([
        *descriptor.get(1)?,
        *descriptor.get(2)?,
    ]))
}

/// Whether it begins a frame and brings the template structure, which only a
/// keyframe does (appendix A.8.2).
pub fn starts_structure(descriptor: &[u8]) -> bool {
    descriptor.len() > MANDATORY && descriptor[0] & 0x80 != 0 && descriptor[3] & 0x80 != 0
}

/// Copies `descriptor` with its frame number moved by `offset`.
pub fn renumber<'o>(
    descriptor: &[u8],
    offset: u16,
    out: &'o mut [u8; MAX_DESCRIPTOR],
) -> Option<&'o [u8]> {
    let number = frame_number(descriptor)?.wrapping_add(offset);
    let out = out.get_mut(..descriptor.len())?;
    out.copy_from_slice(descriptor);
    out[1..MANDATORY].copy_from_slice(&number.to_be_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_frame_number_is_rewritten() {
        let mut out = [0; MAX_DESCRIPTOR];
        let descriptor = [0xc5, 0xff, 0xfe, 0x80, 1, 2];
        assert!(starts_structure(&descriptor));
        let renumbered = renumber(&descriptor, 3, &mut out);
        assert_eq!(renumbered, Some(&[0xc5, 0x00, 0x01, 0x80, 1, 2][..]));
        assert!(!starts_structure(&[0x45, 0, 1, 0x80]));
        assert!(!starts_structure(&[0xc5, 0, 1]));
        assert_eq!(renumber(&[0xc5, 0], 3, &mut out), None);
        assert_eq!(renumber(&[0; MAX_DESCRIPTOR + 1], 3, &mut out), None);
    }
}
