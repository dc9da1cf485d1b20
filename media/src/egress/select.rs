//! Which Encoding of a Track a Slot should be sent, by the size that its client
//! shows and by what the publisher sends at all. Pure; the estimate of bandwidth
//! will be one more argument.

use crate::control::FrameSize;
use crate::ids::Rid;
use crate::router::table::EncodingIndex;

/// An Encoding as a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) encoding: EncodingIndex,
    pub(crate) alive: bool,
    /// As its last keyframe told.
    pub(crate) size: Option<FrameSize>,
    pub(crate) rid: Option<Rid>,
}

impl Candidate {
    /// Sorts from the smallest: by size, or by the rid while sizes are unknown.
    fn rank(&self, at: usize, sized: bool) -> (u32, usize) {
        match self.size {
            Some(size) if sized => (u32::from(size.width) * u32::from(size.height), at),
            _ => (
                0,
                self.rid
                    .and_then(|rid| rid_rank(rid.as_str()))
                    .unwrap_or(at),
            ),
        }
    }

    /// A picture is shown whole, so one of its sides limits it. One eighth short is
    /// not seen, while the next layer costs three times as much.
    fn covers(&self, wanted: FrameSize) -> bool {
        let reaches = |side: u16, wanted: u16| u32::from(side) * 9 >= u32::from(wanted) * 8;
        self.size.is_some_and(|size| {
            reaches(size.width, wanted.width) || reaches(size.height, wanted.height)
        })
    }
}

/// Places that rids have by custom; the offer's order, smallest first, otherwise.
fn rid_rank(rid: &str) -> Option<usize> {
    Some(match rid {
        "q" | "l" | "lo" | "low" => 0,
        "h" | "m" | "mid" | "medium" => 1,
        "f" | "hi" | "high" | "full" => 2,
        _ => return None,
    })
}

/// The smallest Encoding alive that covers `max_size`, or the largest if none does.
/// While nothing is known to be alive, the choice is among all: somebody has to ask
/// for the first keyframe. `None` for a hidden picture.
pub(crate) fn select(
    candidates: &[Candidate],
    max_size: Option<FrameSize>,
) -> Option<EncodingIndex> {
    if max_size.is_some_and(FrameSize::is_hidden) {
        return None;
    }
    let any_alive = candidates.iter().any(|candidate| candidate.alive);
    let usable = || {
        let all = candidates.iter().enumerate();
        all.filter(move |(_, candidate)| candidate.alive || !any_alive)
    };
    let sized = usable().all(|(_, candidate)| candidate.size.is_some());
    let rank = |(at, candidate): &(usize, &Candidate)| candidate.rank(*at, sized);
    let covering =
        max_size.and_then(|wanted| usable().filter(|(_, c)| c.covers(wanted)).min_by_key(rank));
    let chosen = covering.or_else(|| usable().max_by_key(rank))?;
    Some(chosen.1.encoding)
}

/// The Encoding of least size, alive or not.
pub(crate) fn smallest(candidates: &[Candidate]) -> Option<EncodingIndex> {
    let sized = candidates.iter().all(|candidate| candidate.size.is_some());
    let ranked = candidates.iter().enumerate();
    let smallest = ranked.min_by_key(|(at, candidate)| candidate.rank(*at, sized));
    smallest.map(|(_, candidate)| candidate.encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(at: u16, alive: bool, rid: &str, size: Option<(u16, u16)>) -> Candidate {
        Candidate {
            encoding: EncodingIndex(at),
            alive,
            size: size.map(|(width, height)| FrameSize { width, height }),
            rid: Rid::try_from(rid).ok(),
        }
    }

    fn chosen(candidates: &[Candidate], max: Option<(u16, u16)>) -> Option<u16> {
        let max = max.map(|(width, height)| FrameSize { width, height });
        select(candidates, max).map(|encoding| encoding.0)
    }

    #[test]
    fn the_smallest_that_covers_is_chosen() {
        let layers = [
            candidate(0, true, "a", Some((1280, 720))),
            candidate(1, true, "b", Some((320, 180))),
            candidate(2, true, "c", Some((640, 360))),
        ];
        for (max, want) in [
            (None, Some(0)),
            (Some((0, 0)), None),
            (Some((100, 100)), Some(1)),
            (Some((320, 180)), Some(1)),
            (Some((350, 200)), Some(1)),
            (Some((400, 300)), Some(2)),
            (Some((640, 360)), Some(2)),
            (Some((1000, 562)), Some(0)),
            (Some((4000, 3000)), Some(0)),
            (Some((300, 2000)), Some(1)),
        ] {
            assert_eq!(chosen(&layers, max), want, "{max:?}");
        }
    }

    #[test]
    fn what_stopped_is_not_chosen_and_rids_stand_in_for_sizes() {
        let layers = [
            candidate(0, true, "q", Some((320, 180))),
            candidate(1, true, "h", Some((640, 360))),
            candidate(2, false, "f", Some((1280, 720))),
        ];
        assert_eq!(chosen(&layers, None), Some(1));
        let unknown = [
            candidate(0, true, "f", None),
            candidate(1, true, "q", Some((320, 180))),
            candidate(2, true, "h", None),
        ];
        assert_eq!(chosen(&unknown, Some((100, 100))), Some(1));
        assert_eq!(chosen(&unknown, Some((640, 360))), Some(0));
        let silent = [
            candidate(0, false, "q", None),
            candidate(1, false, "h", None),
        ];
        assert_eq!(chosen(&silent, None), Some(1));
        assert_eq!(chosen(&[], None), None);
    }
}
