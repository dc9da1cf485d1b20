//! Whether a step of a ramp is within its limits. Little loss alone does not say so: who
//! is not there, or is sent less, loses nothing.

use crate::results::{JoinResult, MediaResult};
use crate::scenario::Ramp;

/// Why it is not, in words.
pub(super) fn exceeded(
    ramp: &Ramp,
    joins: &JoinResult,
    media: &MediaResult,
    strained: bool,
) -> Option<String> {
    if let Some(absent) = absent(joins) {
        return Some(absent);
    }
    if media.forwarded == 0 {
        return Some("nothing was received".to_owned());
    }
    if strained && ramp.until_strained {
        return Some("the server had too much to do and sent less".to_owned());
    }
    if media.silent_slots > 0 {
        let silent = media.silent_slots;
        return Some(format!("{silent} Slots that show somebody got nothing"));
    }
    let (loss, latency) = (media.loss(), media.latency.p99);
    (loss > ramp.max_loss || latency > ramp.max_latency_ms).then(|| {
        format!(
            "{:.3} % were lost and p99 was {latency:.1} ms",
            loss * 100.0
        )
    })
}

/// How many did not connect, and why.
pub(super) fn absent(joins: &JoinResult) -> Option<String> {
    let count = joins
        .asked
        .checked_sub(joins.connected)
        .filter(|n| *n > 0)?;
    let mut text = format!("{count} of {} participants did not connect", joins.asked);
    for (why, count) in &joins.refused {
        text.push_str(&format!("; {count}: {why}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Quantiles;
    use crate::scenario::builtin;

    fn ramp() -> Ramp {
        let ramp = builtin("ramp").unwrap().unwrap().ramp.unwrap();
        assert_eq!((ramp.max_loss, ramp.max_latency_ms), (0.001, 20.0));
        ramp
    }

    fn all() -> JoinResult {
        JoinResult {
            asked: 25,
            connected: 25,
            ..JoinResult::default()
        }
    }

    fn media(lost: u64, p99: f64) -> MediaResult {
        MediaResult {
            forwarded: 10_000,
            lost,
            latency: Quantiles {
                p99,
                ..Quantiles::default()
            },
            ..MediaResult::default()
        }
    }

    #[test]
    fn loss_and_latency_have_limits() {
        let over = |media| exceeded(&ramp(), &all(), &media, false);
        assert_eq!(over(media(10, 20.0)), None);
        assert!(over(media(11, 1.0)).unwrap().contains("0.110 % were lost"));
        assert!(over(media(0, 20.1)).unwrap().contains("20.1 ms"));
    }

    #[test]
    fn who_is_not_there_loses_nothing_and_is_still_a_failure() {
        let mut joins = all();
        joins.connected = 20;
        joins.refused.insert("unavailable: busy".to_owned(), 5);
        assert_eq!(
            exceeded(&ramp(), &joins, &media(0, 1.0), false).unwrap(),
            "5 of 25 participants did not connect; 5: unavailable: busy"
        );
        let silent = exceeded(&ramp(), &all(), &MediaResult::default(), false);
        assert_eq!(silent.unwrap(), "nothing was received");
    }

    #[test]
    fn who_is_sent_nothing_loses_nothing_and_is_still_a_failure() {
        let starved = MediaResult {
            silent_slots: 3,
            ..media(0, 1.0)
        };
        assert_eq!(
            exceeded(&ramp(), &all(), &starved, false).unwrap(),
            "3 Slots that show somebody got nothing"
        );
    }

    #[test]
    fn a_server_that_sends_less_has_reached_its_limit_unless_the_scenario_minds_not() {
        let mut ramp = ramp();
        assert!(exceeded(&ramp, &all(), &media(0, 1.0), true).is_some());
        ramp.until_strained = false;
        assert_eq!(exceeded(&ramp, &all(), &media(0, 1.0), true), None);
    }
}
