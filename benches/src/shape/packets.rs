//! Payloads as recipes: what a packet begins with, its length, and its stamp. What is
//! between is nobody's concern, so a history of recipes repeats packets without
//! keeping them.

use crate::client::{STAMP_LEN, Stamp};

const HEAD_SPACE: usize = 24;

/// First bytes of a payload.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Head {
    bytes: [u8; HEAD_SPACE],
    len: u8,
}

impl Head {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Shortest payload that holds the longest head and a stamp.
pub(crate) const MIN_PAYLOAD: usize = HEAD_SPACE + STAMP_LEN;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    head: Head,
    len: u16,
    stamp: Stamp,
}

impl Payload {
    pub(crate) fn new(head: Head, len: usize, stamp: Stamp) -> Self {
        let least = usize::from(head.len) + STAMP_LEN;
        Self {
            head,
            len: len.max(least) as u16,
            stamp,
        }
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Fills `out`, which is [`Self::len`] long.
    pub(crate) fn write(&self, out: &mut [u8]) {
        let head = self.head.bytes();
        out[..head.len()].copy_from_slice(head);
        if let Some(stamp) = out.last_chunk_mut::<STAMP_LEN>() {
            self.stamp.write(stamp);
        }
    }
}

/// Cuts a frame as libwebrtc's packetisers do: as few packets as fit, their sizes
/// differing by one byte at most, the larger ones last.
pub(super) fn split(total: usize, max: usize, out: &mut Vec<usize>) {
    out.clear();
    let count = total.div_ceil(max.max(1)).max(1);
    let (size, larger) = (total / count, total % count);
    out.extend((0..count).map(|n| size + usize::from(n >= count - larger)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_a_frame_differ_by_one_at_most() {
        let mut out = Vec::new();
        for total in [1, 50, 1_199, 1_200, 1_201, 5_003, 123_456] {
            split(total, 1_200, &mut out);
            assert_eq!(out.iter().sum::<usize>(), total);
            assert_eq!(out.len(), total.div_ceil(1_200));
            assert!(
                out.is_sorted() && out[out.len() - 1] - out[0] <= 1,
                "{out:?}"
            );
        }
    }
}
