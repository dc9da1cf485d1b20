//! A published Track: what it may carry, what it carries now, and who speaks on it.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::table::{EncodingIndex, ParticipantIndex};
use crate::control::TrackId;
use crate::ids::{Mid, Pt};
use crate::ingress::LevelMeter;
use crate::negotiation::params::{Codec, CodecParams};

/// A codec counts as changed at most this often: a publisher who alternates would
/// make the Router reconcile with every packet.
const CODEC_PACE: Duration = Duration::from_secs(1);
/// Speech that moves pictures: shorter is a cough.
const LASTING: Duration = Duration::from_millis(400);

#[derive(Debug)]
pub(super) struct Track {
    pub(super) owner: ParticipantIndex,
    pub(super) id: TrackId,
    pub(super) mid: Mid,
    /// Counts up with every Track of the Router: who came first.
    pub(super) order: u64,
    /// False while its m-line is inactive, or it is about to go.
    pub(super) active: bool,
    pub(super) muted: bool,
    pub(super) codecs: SmallVec<[CodecParams; 6]>,
    pub(super) encodings: SmallVec<[EncodingIndex; 3]>,
    codec: Option<(Codec, Instant)>,
    pub(super) meter: LevelMeter,
    pub(super) speech: Speech,
}

impl Track {
    pub(super) fn new(owner: ParticipantIndex, id: TrackId, mid: Mid, order: u64) -> Self {
        Self {
            owner,
            id,
            mid,
            order,
            active: false,
            muted: false,
            codecs: SmallVec::new(),
            encodings: SmallVec::new(),
            codec: None,
            meter: LevelMeter::default(),
            speech: Speech::default(),
        }
    }

    /// The codec that a payload type names, and whether it names its repair.
    pub(super) fn codec_of(&self, pt: Pt) -> Option<(&CodecParams, bool)> {
        self.codecs.iter().find_map(|params| {
            let repair = params.rtx_pt == Some(pt);
            (repair || params.pt == pt).then_some((params, repair))
        })
    }

    /// What it was last seen to carry.
    pub(super) fn codec(&self) -> Option<Codec> {
        self.codec.map(|(codec, _)| codec)
    }

    /// Notes what a packet carries; true if receivers have to be told.
    pub(super) fn carries(&mut self, now: Instant, codec: Codec) -> bool {
        let unchanged = self.codec.is_some_and(|(known, at)| {
            known == codec || now.saturating_duration_since(at) < CODEC_PACE
        });
        if !unchanged {
            self.codec = Some((codec, now));
        }
        !unchanged
    }
}

/// When somebody spoke on a Track.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Speech {
    pub(super) since: Option<Instant>,
    last: Option<Instant>,
    lasting: bool,
    last_lasting: Option<Instant>,
}

impl Speech {
    /// True if the order of speakers may have changed.
    pub(super) fn judge(&mut self, now: Instant, speaking: bool) -> bool {
        let was = (self.since.is_some(), self.lasting);
        if speaking {
            let since = *self.since.get_or_insert(now);
            self.last = Some(now);
            self.lasting = now.saturating_duration_since(since) >= LASTING;
            if self.lasting {
                self.last_lasting = Some(now);
            }
        } else {
            self.since = None;
            self.lasting = false;
        }
        was != (speaking, self.lasting)
    }

    /// Sorts who should be heard first: who speaks, the longer first, then who spoke
    /// last. Greater comes first.
    pub(super) fn heard(&self) -> SpeechRank {
        SpeechRank::new(self.since, self.last)
    }

    /// The same for who should be seen.
    pub(super) fn seen(&self) -> SpeechRank {
        SpeechRank::new(self.since.filter(|_| self.lasting), self.last_lasting)
    }
}

/// See [`Speech::heard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpeechRank {
    speaking: Option<std::cmp::Reverse<Instant>>,
    last: Option<Instant>,
}

impl SpeechRank {
    fn new(since: Option<Instant>, last: Option<Instant>) -> Self {
        Self {
            speaking: since.map(std::cmp::Reverse),
            last: last.filter(|_| since.is_none()),
        }
    }
}
