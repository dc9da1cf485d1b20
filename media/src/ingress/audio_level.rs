//! Smoothed loudness of one audio Track, from the levels that its publisher states
//! in the header extension (RFC 6464): nothing is decoded.

use std::time::{Duration, Instant};

/// A level rises in about 60 ms (three packets), so that a word counts at once,
const ATTACK: f32 = 0.4;
/// and falls in about 400 ms, so that the pause between two words does not.
const RELEASE: f32 = 0.05;
/// DTX still sends a packet every 400 ms (RFC 6716 §2.1.9); a Track silent for
/// longer has stopped.
const STALE: Duration = Duration::from_millis(600);
/// Loudness from which somebody speaks: -50 dBov, above the noise of a room,
const SPEECH: f32 = 77.0;
/// and until which he does not stop: hysteresis keeps the edge from flapping.
const SILENCE: f32 = 67.0;

/// Loudness counts upwards here, 127 minus the level of RFC 6464.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LevelMeter {
    loudness: f32,
    heard_at: Option<Instant>,
    speaking: bool,
}

impl LevelMeter {
    /// `level` is the extension's byte; its V bit is unreliable and ignored.
    pub(crate) fn record(&mut self, now: Instant, level: u8) {
        let loudness = f32::from(127 - (level & 0x7f));
        let weight = if loudness > self.loudness {
            ATTACK
        } else {
            RELEASE
        };
        self.loudness += (loudness - self.loudness) * weight;
        self.heard_at = Some(now);
    }

    /// Decides anew whether somebody speaks.
    pub(crate) fn judge(&mut self, now: Instant, muted: bool) -> bool {
        let stale = self
            .heard_at
            .is_none_or(|at| now.saturating_duration_since(at) > STALE);
        if muted || stale {
            *self = Self::default();
        }
        let threshold = if self.speaking { SILENCE } else { SPEECH };
        self.speaking = self.loudness >= threshold;
        self.speaking
    }

    /// Smoothed level in -dBov.
    pub(crate) fn level(&self) -> u8 {
        127 - self.loudness.clamp(0.0, 127.0) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn speech_starts_fast_ends_slowly_and_never_while_muted() {
        let start = Instant::now();
        let mut now = start;
        let mut meter = LevelMeter::default();
        let mut say = |meter: &mut LevelMeter, level: u8, packets: u32| {
            for _ in 0..packets {
                now += Duration::from_millis(20);
                meter.record(now, level);
            }
            (meter.judge(now, false), now)
        };
        assert!(!say(&mut meter, 80, 50).0, "the noise of a room");
        assert!(!say(&mut meter, 20, 1).0, "one click");
        assert!(say(&mut meter, 20, 4).0);
        assert!(say(&mut meter, 127, 5).0, "a pause of 100 ms");
        assert!(!say(&mut meter, 127, 25).0);
        let (speaking, now) = say(&mut meter, 10, 10);
        assert!(speaking && meter.level() < 20);
        assert!(!meter.judge(now, true));
        assert_eq!(meter.level(), 127);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn who_stops_sending_stops_speaking() {
        let start = Instant::now();
        let mut meter = LevelMeter::default();
        for n in 0..10 {
            meter.record(start + Duration::from_millis(20 * n), 20);
        }
        assert!(meter.judge(start + Duration::from_millis(300), false));
        assert!(!meter.judge(start + Duration::from_secs(1), false));
    }
}
