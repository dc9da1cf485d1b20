//! Redundant audio (RFC 2198 §3): a list of block headers, then the blocks, the
//! newest last.

use crate::ids::Pt;

/// Most blocks that we look at; browsers send 2 or 3.
const MAX_BLOCKS: usize = 9;
/// Most bytes that [`remap`] writes.
pub const MAX_HEADERS: usize = (MAX_BLOCKS - 1) * 4 + 1;

/// Where the block headers end, and the sum of the redundant blocks' lengths.
fn layout(payload: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut redundant = 0;
    for _ in 0..MAX_BLOCKS {
        let first = *payload.get(at)?;
        if first & 0x80 == 0 {
            let headers = at + 1;
            return (headers + redundant <= payload.len()).then_some((headers, redundant));
        }
        let header = payload.get(at..at + 4)?;
        redundant += usize::from(header[2] & 0x03) << 8 | usize::from(header[3]);
        at += 4;
    }
    None
}

/// The newest block: what a receiver without RED is sent.
pub fn primary(payload: &[u8]) -> Option<&[u8]> {
    let (headers, redundant) = layout(payload)?;
    payload.get(headers + redundant..)
}

/// Copies the block headers with every block's payload type set to `pt`; returns
/// their length.
pub fn remap(payload: &[u8], pt: Pt, out: &mut [u8; MAX_HEADERS]) -> Option<usize> {
    let (headers, _) = layout(payload)?;
    out[..headers].copy_from_slice(&payload[..headers]);
    for at in (0..headers).step_by(4) {
        out[at] = out[at] & 0x80 | pt.get();
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_and_renumbered() {
        let payload = [
            0x80 | 111,
            0x0f,
            0x00,
            2,
            0x80 | 111,
            0x07,
            0x80,
            1,
            111,
            0xa,
            0xb,
            0xc,
            0xd,
            0xe,
        ];
        assert_eq!(primary(&payload), Some(&[0xd, 0xe][..]));
        let mut out = [0; MAX_HEADERS];
        assert_eq!(remap(&payload, Pt::new(109).unwrap(), &mut out), Some(9));
        assert_eq!(
            out[..9],
            [0x80 | 109, 0x0f, 0, 2, 0x80 | 109, 0x07, 0x80, 1, 109]
        );
        assert_eq!(primary(&[111, 1, 2]), Some(&[1, 2][..]));
        assert_eq!(primary(&[111]), Some(&[][..]));
    }

    #[test]
    fn lying_lengths_are_refused() {
        for payload in [
            &[][..],
            &[0x80 | 111],
            &[0x80 | 111, 0, 0, 1],
            &[0x80 | 111, 0, 0, 5, 111, 1],
            &[0xff; 64],
        ] {
            assert_eq!(primary(payload), None, "{payload:?}");
        }
    }
}
