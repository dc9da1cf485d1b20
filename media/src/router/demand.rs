//! Which layers of a picture its publisher should send: one that nobody is shown costs
//! its upload, its processor, and the server's receiving, and is not missed.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::Router;
use super::table::TrackIndex;
use crate::control::Event;
use crate::ids::Rid;

/// How long nobody has wanted a layer before its publisher is told: whoever turns back to
/// a picture soon finds it as it was.
const IDLE: Duration = Duration::from_secs(5);

/// Whether an Encoding is wanted, and what its publisher knows of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Demand {
    #[default]
    Wanted,
    /// Not any more, which its publisher has not been told yet.
    Idle { since: Instant },
    /// Its publisher was told that it need not send it.
    Refused,
}

impl Demand {
    /// Follows up on whether somebody wants it `now`; answers whether its publisher has to
    /// be told.
    fn judge(&mut self, now: Instant, wanted: bool) -> bool {
        let before = *self;
        *self = match (before, wanted) {
            (_, true) => Self::Wanted,
            (Self::Wanted, false) => Self::Idle { since: now },
            (Self::Idle { since }, false) if now.saturating_duration_since(since) >= IDLE => {
                Self::Refused
            }
            (same, false) => same,
        };
        (before == Self::Refused) != (*self == Self::Refused)
    }
}

impl Router {
    /// Tells the publishers of layered Tracks what has changed in who wants their layers.
    pub(super) fn judge_demand(&mut self, now: Instant) {
        for (_, slot) in self.slots.iter() {
            let encodings = [slot.target, slot.ideal, slot.encoding()];
            for encoding in encodings.into_iter().flatten() {
                if let Some(encoding) = self.encodings.get_mut(encoding) {
                    encoding.wanted = true;
                }
            }
        }
        let tracks: SmallVec<[TrackIndex; 64]> = self.layered().collect();
        for track in tracks {
            self.judge_track(now, track);
        }
        for (_, encoding) in self.encodings.iter_mut() {
            encoding.wanted = false;
        }
    }

    /// The smallest layer is always wanted: who comes has a picture at once.
    fn judge_track(&mut self, now: Instant, index: TrackIndex) {
        let track = &self.tracks[index];
        // Nothing of it is sent, and it is to come back as it was.
        if track.muted {
            return;
        }
        let smallest = self.smallest(track);
        let mut changed = false;
        for encoding in track.encodings.clone() {
            let is_smallest = Some(encoding) == smallest;
            let encoding = &mut self.encodings[encoding];
            // What never came cannot be done without: its size is not known.
            let wanted = encoding.wanted || is_smallest || encoding.activity.size.is_none();
            changed |= encoding.demand.judge(now, wanted);
        }
        if changed {
            self.tell_demand(index);
        }
    }

    /// A new connection sends all layers, whatever was told to the one before.
    pub(super) fn forget_demand(&mut self, index: TrackIndex) {
        let mut changed = false;
        for encoding in self.tracks[index].encodings.clone() {
            let demand = std::mem::take(&mut self.encodings[encoding].demand);
            changed |= demand == Demand::Refused;
        }
        if changed {
            self.tell_demand(index);
        }
    }

    fn tell_demand(&mut self, track: TrackIndex) {
        let track = &self.tracks[track];
        let encodings = track.encodings.iter().map(|index| &self.encodings[*index]);
        let wanted: Vec<Rid> = encodings
            .filter(|encoding| encoding.demand != Demand::Refused)
            .filter_map(|encoding| encoding.origin.rid)
            .collect();
        self.events.push_back(Event::Layers {
            participant: track.id.participant,
            source: track.id.source,
            wanted,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn idle_layers_are_refused_late_and_wanted_at_once() {
        let start = Instant::now();
        let mut demand = Demand::default();
        // Seconds, whether somebody wants it, and whether its publisher is told.
        for (at, wanted, told) in [
            (0, true, false),
            (1, false, false),
            (5, false, false),
            (6, false, true),
            (7, false, false),
            (8, true, true),
            (9, false, false),
            (13, true, false),
            (14, false, false),
            (18, false, false),
            (19, false, true),
        ] {
            let now = start + Duration::from_secs(at);
            assert_eq!(demand.judge(now, wanted), told, "second {at}");
        }
    }
}
