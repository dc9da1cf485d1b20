//! Who speaks when: spurts and pauses of random length, with the levels that servers
//! choose speakers by (RFC 6464), and Opus packets whose sizes follow.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::STAMP_LEN;
use crate::clock::Nanos;

/// How somebody talks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TalkShape {
    /// Part of the time that they speak, 0 to 1.
    pub(crate) share: f64,
    /// Mean length of a spurt.
    pub(crate) spurt: Duration,
    /// Bytes of an Opus packet while speaking, from and to.
    pub(crate) bytes: (usize, usize),
    /// Whether silence is a packet each 400 ms, not each 20.
    pub(crate) dtx: bool,
}

/// An Opus packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Utterance {
    pub(crate) len: usize,
    /// -dBov.
    pub(crate) level: u8,
    pub(crate) voice: bool,
    /// The first after a pause (RFC 3551 §4.1).
    pub(crate) marker: bool,
}

#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) shape: TalkShape,
    rng: ChaCha8Rng,
    speaking: bool,
    until: Option<Nanos>,
    level: u8,
    silent_packets: u32,
}

/// Of Opus, in DTX.
const COMFORT_EVERY: u32 = 20;
/// What a packet of silence has; it needs room for a stamp, so more than Opus's one.
const SILENCE_BYTES: usize = STAMP_LEN + 4;
const SPEECH_LEVELS: std::ops::Range<u8> = 18..40;
const NOISE_LEVEL: u8 = 90;

impl Talk {
    pub(crate) fn new(shape: TalkShape, seed: u64) -> Self {
        Self {
            shape,
            rng: ChaCha8Rng::seed_from_u64(seed),
            speaking: false,
            until: None,
            level: 30,
            silent_packets: 0,
        }
    }

    /// The packet that is due each 20 ms; none in a pause.
    pub(crate) fn next(&mut self, now: Nanos) -> Option<Utterance> {
        let begins = self.turn(now);
        if self.speaking {
            self.silent_packets = 0;
            let step = self.rng.random_range(-2..=2_i16);
            let level = (i16::from(self.level) + step) as u8;
            self.level = level.clamp(SPEECH_LEVELS.start, SPEECH_LEVELS.end);
            let (from, to) = self.shape.bytes;
            return Some(Utterance {
                len: self
                    .rng
                    .random_range(from..=to.max(from))
                    .max(STAMP_LEN + 1),
                level: self.level,
                voice: true,
                marker: begins && self.shape.dtx,
            });
        }
        let comfort = self.silent_packets.is_multiple_of(COMFORT_EVERY);
        self.silent_packets += 1;
        let len = if self.shape.dtx {
            SILENCE_BYTES
        } else {
            (self.shape.bytes.0 / 2).max(SILENCE_BYTES)
        };
        (comfort || !self.shape.dtx).then_some(Utterance {
            len,
            level: NOISE_LEVEL,
            voice: false,
            marker: false,
        })
    }

    /// Whether a spurt begins now.
    fn turn(&mut self, now: Nanos) -> bool {
        let share = self.shape.share.clamp(0.0, 1.0);
        let Some(until) = self.until else {
            self.speaking = self.rng.random_bool(share);
            self.until = Some(now.after(self.length()));
            return self.speaking;
        };
        if now < until {
            return false;
        }
        self.speaking = match share {
            share if share >= 1.0 => true,
            share if share <= 0.0 => false,
            _ => !self.speaking,
        };
        self.until = Some(now.after(self.length()));
        self.speaking
    }

    /// Exponential, as spurts of speech are said to be.
    fn length(&mut self) -> Duration {
        let share = self.shape.share.clamp(0.01, 0.99);
        let spurt = self.shape.spurt.as_secs_f64();
        let mean = if self.speaking {
            spurt
        } else {
            spurt * (1.0 - share) / share
        };
        let uniform: f64 = self.rng.random_range(0.001..1.0);
        Duration::from_secs_f64((-uniform.ln() * mean).min(120.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    fn said(share: f64, dtx: bool) -> Vec<Option<Utterance>> {
        let shape = TalkShape {
            share,
            spurt: Duration::from_secs(1),
            bytes: (60, 120),
            dtx,
        };
        let mut talk = Talk::new(shape, 3);
        let at = |n: u32| Nanos(0).after(FRAME * n);
        (0..100_000).map(|n| talk.next(at(n))).collect()
    }

    #[test]
    fn people_speak_for_their_share() {
        for share in [0.0, 0.1, 0.5, 1.0] {
            let packets = said(share, false);
            let voiced = packets.iter().flatten().filter(|p| p.voice).count();
            let spoken = voiced as f64 / packets.len() as f64;
            assert!((spoken - share).abs() < 0.05, "{share} {spoken}");
            assert!(packets.iter().all(Option::is_some));
        }
    }

    #[test]
    fn pauses_are_nearly_silent_with_dtx() {
        let packets = said(0.5, true);
        let silent = packets.iter().filter(|p| p.is_none()).count();
        assert!((0.4..0.55).contains(&(silent as f64 / packets.len() as f64)));
        let spurts = packets.iter().flatten().filter(|p| p.marker).count();
        assert!(spurts > 500, "{spurts}");
    }
}
