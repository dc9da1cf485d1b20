//! Tells signaling who speaks: microphones above the noise, loudest first.

use std::time::{Duration, Instant};

use crate::control::Speaker;

/// The last list that was told, and when.
#[derive(Debug, Default)]
pub(super) struct SpeakerList {
    told: Vec<Speaker>,
    told_at: Option<Instant>,
}

impl SpeakerList {
    /// The list to tell now, or `None`: at most one per `pace`, and only if somebody
    /// began or ceased to speak or another became the loudest.
    pub(super) fn update(
        &mut self,
        now: Instant,
        pace: Duration,
        mut speakers: Vec<Speaker>,
    ) -> Option<Vec<Speaker>> {
        let rested = self
            .told_at
            .is_none_or(|at| now.saturating_duration_since(at) >= pace);
        speakers.sort_by_key(|speaker| (speaker.level, speaker.participant));
        if !rested || self.same(&speakers) {
            return None;
        }
        self.told_at = Some(now);
        self.told.clone_from(&speakers);
        Some(speakers)
    }

    fn same(&self, speakers: &[Speaker]) -> bool {
        let loudest = |list: &[Speaker]| list.first().map(|speaker| speaker.participant);
        let known = |speaker: &Speaker| {
            let mut told = self.told.iter();
            told.any(|other| other.participant == speaker.participant)
        };
        self.told.len() == speakers.len()
            && loudest(&self.told) == loudest(speakers)
            && speakers.iter().all(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ParticipantId;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn changes_are_told_loudest_first_and_not_too_often() {
        let start = Instant::now();
        let pace = Duration::from_millis(300);
        let mut list = SpeakerList::default();
        let mut update = |ms, levels: &[(u128, u8)]| {
            let speakers = levels.iter().map(|(id, level)| Speaker {
                participant: ParticipantId(*id),
                level: *level,
            });
            let told = list.update(start + Duration::from_millis(ms), pace, speakers.collect())?;
            Some(told.iter().map(|s| s.participant.0).collect::<Vec<_>>())
        };
        assert_eq!(update(0, &[]), None);
        assert_eq!(update(100, &[(1, 40), (2, 20)]), Some(vec![2, 1]));
        assert_eq!(update(200, &[(1, 40)]), None);
        assert_eq!(update(400, &[(1, 40)]), Some(vec![1]));
        assert_eq!(update(900, &[(1, 10)]), None);
        assert_eq!(
            update(1000, &[(1, 30), (2, 20), (3, 40)]),
            Some(vec![2, 1, 3])
        );
        assert_eq!(update(1400, &[(1, 40), (2, 20), (3, 30)]), None);
        assert_eq!(update(1500, &[]), Some(vec![]));
    }
}
