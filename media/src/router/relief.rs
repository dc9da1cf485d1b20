//! What a Router leaves out while its worker has too much to do: large pictures first,
//! then small pictures of those who matter least to a receiver, sound never.

use crate::control::{FrameSize, Strain};

/// How much is left out: 0 is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Relief(u8);

impl Relief {
    pub const NONE: Self = Self(0);
    pub const MOST: Self = Self(LEVELS.len() as u8 - 1);

    #[must_use]
    pub fn more(self) -> Self {
        Self((self.0 + 1).min(Self::MOST.0))
    }

    #[must_use]
    pub fn less(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub const fn level(self) -> u8 {
        self.0
    }

    /// Largest picture that a Slot is sent, if there is a smaller layer at all.
    pub(crate) fn max_size(self) -> Option<FrameSize> {
        self.row().0
    }

    /// Pictures that a Participant is sent.
    pub(crate) fn pictures(self) -> usize {
        self.row().1
    }

    pub const fn strain(self) -> Strain {
        match self.0 {
            0 => Strain::None,
            1 | 2 => Strain::SmallerPictures,
            _ => Strain::FewerPictures,
        }
    }

    fn row(self) -> (Option<FrameSize>, usize) {
        LEVELS[usize::from(self.0)]
    }
}

const fn up_to(width: u16, height: u16) -> Option<FrameSize> {
    Some(FrameSize { width, height })
}

/// Each level saves about half of what the one before still sends in a large meeting.
const LEVELS: [(Option<FrameSize>, usize); 6] = [
    (None, usize::MAX),
    (up_to(640, 360), usize::MAX),
    (up_to(320, 180), usize::MAX),
    (up_to(320, 180), 9),
    (up_to(320, 180), 4),
    (up_to(320, 180), 1),
];

/// The smaller of what is wanted and what is allowed; neither side of a picture is
/// enlarged, so a hidden one (0x0) stays hidden.
pub(super) fn smaller(wanted: Option<FrameSize>, allowed: Option<FrameSize>) -> Option<FrameSize> {
    let (Some(wanted), Some(allowed)) = (wanted, allowed) else {
        return wanted.or(allowed);
    };
    Some(FrameSize {
        width: wanted.width.min(allowed.width),
        height: wanted.height.min(allowed.height),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_only_take_away() {
        let mut relief = Relief::NONE;
        assert_eq!(relief.less(), Relief::NONE);
        while relief < Relief::MOST {
            let more = relief.more();
            assert!(more.pictures() <= relief.pictures());
            let area = |relief: Relief| {
                let size = relief.max_size();
                size.map_or(u32::MAX, |s| u32::from(s.width) * u32::from(s.height))
            };
            assert!(area(more) <= area(relief));
            assert!(more.strain() >= relief.strain());
            assert_eq!(more.less(), relief);
            relief = more;
        }
        assert_eq!((relief.more(), relief.pictures()), (Relief::MOST, 1));
    }

    #[test]
    fn what_is_hidden_stays_hidden_and_what_is_small_stays_small() {
        for (wanted, allowed, want) in [
            (None, None, None),
            (up_to(1280, 720), None, up_to(1280, 720)),
            (None, up_to(640, 360), up_to(640, 360)),
            (up_to(1280, 720), up_to(640, 360), up_to(640, 360)),
            (up_to(160, 90), up_to(640, 360), up_to(160, 90)),
            (up_to(0, 0), up_to(640, 360), up_to(0, 0)),
        ] {
            assert_eq!(smaller(wanted, allowed), want);
        }
    }
}
