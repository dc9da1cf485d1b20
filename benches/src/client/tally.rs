//! What a thread's clients sent and got: counters that cost nothing to add to, and
//! that are merged over threads and windows afterwards.

use std::collections::BTreeMap;

use crate::measure::Histogram;

/// What a stream is, for the bit rates of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LayerId(pub u8);

/// Layers that are told apart: sound, a screen and its sound, and eight of a camera.
pub(crate) const LAYERS: usize = 12;

impl LayerId {
    pub(crate) const AUDIO: Self = Self(0);
    pub(crate) const SCREEN_AUDIO: Self = Self(1);
    pub(crate) const SCREEN: Self = Self(2);
    /// A camera without simulcast.
    pub(crate) const VIDEO: Self = Self(3);

    /// The n-th simulcast layer, smallest first.
    pub(crate) fn simulcast(index: usize) -> Self {
        Self((4 + index.min(LAYERS - 5)) as u8)
    }

    pub(crate) const fn index(self) -> usize {
        let index = self.0 as usize;
        if index < LAYERS { index } else { 0 }
    }
}

/// As results name it; `rids` are the simulcast layers, smallest first.
pub(crate) fn layer_name(layer: LayerId, rids: &[String]) -> String {
    match layer.0 {
        0 => "audio".to_owned(),
        1 => "screen-audio".to_owned(),
        2 => "screen".to_owned(),
        3 => "video".to_owned(),
        n => match rids.get(usize::from(n) - 4) {
            Some(rid) => format!("video/{rid}"),
            None => format!("video/{}", n - 4),
        },
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) published: u64,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
    pub(crate) retransmitted: u64,
    pub(crate) freezes: u64,
    /// Of RTP packets, header and payload.
    pub(crate) bytes: [u64; LAYERS],
    pub(crate) latency: Histogram,
    /// Opened, of `received`; the others were counted by their headers.
    pub(crate) opened: u64,
    /// Did not authenticate.
    pub(crate) broken: u64,
    /// Held nothing of ours: a browser made them.
    pub(crate) foreign: u64,
    /// The receivers' sockets had no room for them.
    pub(crate) overflowed: u64,
    /// The publishers' sockets did not take them.
    pub(crate) unsent: u64,
    /// Keyframes that receivers asked for, and that publishers were asked for.
    pub(crate) keyframes_wanted: u64,
    pub(crate) keyframes_asked: u64,
}

impl Tally {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.published += other.published;
        self.received += other.received;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        self.retransmitted += other.retransmitted;
        self.freezes += other.freezes;
        for (mine, theirs) in self.bytes.iter_mut().zip(other.bytes) {
            *mine += theirs;
        }
        self.latency.merge(&other.latency);
        self.opened += other.opened;
        self.broken += other.broken;
        self.foreign += other.foreign;
        self.overflowed += other.overflowed;
        self.unsent += other.unsent;
        self.keyframes_wanted += other.keyframes_wanted;
        self.keyframes_asked += other.keyframes_asked;
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// Bits per second by layer, of those that had any.
    pub(crate) fn bitrate(&self, seconds: f64, rids: &[String]) -> BTreeMap<String, f64> {
        let layers = self
            .bytes
            .iter()
            .enumerate()
            .filter(|(_, bytes)| **bytes > 0);
        layers
            .map(|(index, bytes)| {
                let name = layer_name(LayerId(index as u8), rids);
                (name, *bytes as f64 * 8.0 / seconds.max(f64::MIN_POSITIVE))
            })
            .collect()
    }
}
