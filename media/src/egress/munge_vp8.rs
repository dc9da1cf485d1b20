//! Continues VP8's picture ids and layer counters over a change of source: a
//! decoder takes a jump in them for loss (RFC 7741 §4.2).

use crate::rtp::codec::vp8::{Descriptor, PictureId};

/// Added to what a source counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Vp8Offsets {
    picture_id: u16,
    tl0_pic_idx: u8,
    key_idx: u8,
}

/// Newest values that were sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Vp8Newest {
    picture_id: Option<u16>,
    tl0_pic_idx: Option<u8>,
    key_idx: Option<u8>,
}

impl Vp8Newest {
    /// Offsets under which `first`, the keyframe of a new source, follows on.
    pub(crate) fn follow(&self, first: &Descriptor) -> Vp8Offsets {
        let gap8 = |newest: Option<u8>, first: Option<u8>| match (newest, first) {
            (Some(newest), Some(first)) => newest.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        };
        Vp8Offsets {
            picture_id: match (self.picture_id, first.picture_id) {
                (Some(newest), Some(first)) => newest.wrapping_add(1).wrapping_sub(first.value),
                _ => 0,
            },
            tl0_pic_idx: gap8(self.tl0_pic_idx, first.tl0_pic_idx),
            key_idx: gap8(self.key_idx, first.key_idx),
        }
    }

    pub(crate) fn sent(&mut self, descriptor: &Descriptor) {
        self.picture_id = descriptor.picture_id.map(|id| id.value).or(self.picture_id);
        self.tl0_pic_idx = descriptor.tl0_pic_idx.or(self.tl0_pic_idx);
        self.key_idx = descriptor.key_idx.or(self.key_idx);
    }
}

impl Vp8Offsets {
    pub(crate) fn apply(&self, received: &Descriptor) -> Descriptor {
        Descriptor {
            picture_id: received.picture_id.map(|id| PictureId {
                value: id.value.wrapping_add(self.picture_id) & 0x7fff,
                long: true,
            }),
            tl0_pic_idx: received
                .tl0_pic_idx
                .map(|index| index.wrapping_add(self.tl0_pic_idx)),
            key_idx: received
                .key_idx
                .map(|index| index.wrapping_add(self.key_idx) & 0x1f),
            ..*received
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(picture_id: u16, tl0: u8, key: u8) -> Descriptor {
        Descriptor {
            first: 0x10,
            picture_id: Some(PictureId {
                value: picture_id,
                long: true,
            }),
            tl0_pic_idx: Some(tl0),
            temporal: Some(0),
            key_idx: Some(key),
            len: 6,
        }
    }

    #[test]
    fn a_new_source_counts_on_across_every_wrap() {
        let mut newest = Vp8Newest::default();
        assert_eq!(newest.follow(&descriptor(100, 5, 3)), Vp8Offsets::default());
        newest.sent(&descriptor(0x7fff, 255, 31));
        let offsets = newest.follow(&descriptor(9000, 77, 4));
        assert_eq!(offsets.apply(&descriptor(9000, 77, 4)), descriptor(0, 0, 0));
        assert_eq!(offsets.apply(&descriptor(9003, 79, 5)), descriptor(3, 2, 1));
        // The source's own wrap passes through.
        let offsets = newest.follow(&descriptor(0x7ffe, 254, 30));
        assert_eq!(
            offsets.apply(&descriptor(0x7ffe, 254, 30)),
            descriptor(0, 0, 0)
        );
        assert_eq!(offsets.apply(&descriptor(1, 1, 1)), descriptor(3, 3, 3));
    }

    #[test]
    fn what_a_source_does_not_count_is_not_invented() {
        let mut newest = Vp8Newest::default();
        newest.sent(&descriptor(7, 7, 7));
        let bare = Descriptor {
            first: 0x10,
            len: 1,
            ..Descriptor::default()
        };
        assert_eq!(newest.follow(&bare).apply(&bare), bare);
        newest.sent(&bare);
        assert_eq!(
            newest
                .follow(&descriptor(1, 1, 1))
                .apply(&descriptor(1, 1, 1)),
            descriptor(8, 8, 8)
        );
    }
}
