//! Frames: of a bit rate, with keyframes several times larger than the others, or of
//! a steady number of packets for comparison with figures that others published.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::packets::{Head, MIN_PAYLOAD, split};
use super::{Descriptor, av1, vp8};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    #[default]
    Vp8,
    Av1,
}

/// How large frames are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FrameShape {
    /// Delta frames around the mean of a bit rate, keyframes larger by a factor.
    Bitrate { bits_per_second: f64, keyframe: f64 },
    /// Packets of the largest size, in bursts at the frame rate.
    Packets { per_second: f64 },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct VideoShape {
    pub(crate) codec: Codec,
    pub(crate) fps: f64,
    pub(crate) frames: FrameShape,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// What a payload's first bytes say of its frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    pub(super) keyframe: bool,
    pub(super) id: u16,
    /// As the dependency descriptor counts: in 16 bits.
    pub(super) number: u16,
    pub(super) tl0: u8,
    pub(super) width: u16,
    pub(super) height: u16,
}

/// A stream of frames.
#[derive(Debug)]
pub(crate) struct Video {
    pub(crate) shape: VideoShape,
    rng: ChaCha8Rng,
    /// Packets that the steady rate owes, below one.
    owed: f64,
    number: u16,
    tl0: u8,
    sizes: Vec<usize>,
}

/// Delta frames vary by a quarter of their mean.
const VARIATION: f64 = 0.25;

impl Video {
    pub(crate) fn new(shape: VideoShape, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            shape,
            number: rng.random(),
            rng,
            owed: 0.0,
            tl0: 0,
            sizes: Vec::new(),
        }
    }

    /// Heads and sizes of the payloads of the next frame, each at most `max` long, and what
    /// their headers say of it. None is a frame too: a steady rate below the frame rate skips some.
    pub(crate) fn next_frame(
        &mut self,
        keyframe: bool,
        max: usize,
    ) -> impl Iterator<Item = (Head, Descriptor, usize)> {
        self.cut(keyframe, max);
        self.number = self.number.wrapping_add(1);
        self.tl0 = self.tl0.wrapping_add(1);
        let picture = Picture {
            keyframe,
            id: self.number & 0x7fff,
            number: self.number,
            tl0: self.tl0,
            width: self.shape.width,
            height: self.shape.height,
        };
        let (codec, last) = (self.shape.codec, self.sizes.len());
        self.sizes.iter().enumerate().map(move |(at, size)| {
            let first = at == 0;
            let is_last = at + 1 == last;
            match codec {
                Codec::Vp8 => (vp8::head(&picture, first), Descriptor::default(), *size),
                Codec::Av1 => {
                    let descriptor = Descriptor::new(&picture, first, is_last);
                    (av1::head(&picture, first, is_last), descriptor, *size)
                }
            }
        })
    }

    fn cut(&mut self, keyframe: bool, max: usize) {
        match self.shape.frames {
            FrameShape::Packets { per_second } => {
                self.owed += per_second / self.shape.fps;
                let count = self.owed as usize;
                self.owed -= count as f64;
                self.sizes.clear();
                self.sizes.resize(count, max);
            }
            FrameShape::Bitrate {
                bits_per_second,
                keyframe: factor,
            } => {
                let mean = bits_per_second / 8.0 / self.shape.fps;
                let varied = mean * self.rng.random_range(1.0 - VARIATION..1.0 + VARIATION);
                let size = if keyframe { mean * factor } else { varied };
                split((size as usize).max(MIN_PAYLOAD), max, &mut self.sizes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(codec: Codec, frames: FrameShape) -> Video {
        let shape = VideoShape {
            codec,
            fps: 30.0,
            frames,
            width: 640,
            height: 360,
        };
        Video::new(shape, 7)
    }

    #[test]
    fn a_steady_rate_is_met_exactly() {
        for per_second in [300.0, 25.0, 100.0, 1_000.0] {
            let mut video = video(Codec::Vp8, FrameShape::Packets { per_second });
            let packets: usize = (0..300)
                .map(|_| video.next_frame(false, 1_180).count())
                .sum();
            assert!((packets as f64 - per_second * 10.0).abs() <= 1.0);
        }
        let mut bursts = video(Codec::Vp8, FrameShape::Packets { per_second: 300.0 });
        let sizes: Vec<usize> = bursts
            .next_frame(true, 1_180)
            .map(|(.., len)| len)
            .collect();
        assert_eq!(sizes, [1_180; 10]);
    }

    #[test]
    fn a_bit_rate_is_met_on_average_and_keyframes_are_larger() {
        let frames = FrameShape::Bitrate {
            bits_per_second: 500_000.0,
            keyframe: 4.0,
        };
        let mut video = video(Codec::Av1, frames);
        let size = |video: &mut Video, key| video.next_frame(key, 1_100).map(|(.., len)| len).sum();
        let key: usize = size(&mut video, true);
        let total: usize = (0..300).map(|_| -> usize { size(&mut video, false) }).sum();
        let rate = total as f64 * 8.0 / 10.0;
        assert!((480_000.0..520_000.0).contains(&rate), "{rate}");
        assert!(key > 8_000, "{key}");
    }

    /// By the server's own reading of payloads, which is what these are for.
    #[test]
    fn servers_see_keyframes_and_nothing_else() {
        use convoke_media::negotiation::params::Codec as Negotiated;
        let frames = FrameShape::Bitrate {
            bits_per_second: 900_000.0,
            keyframe: 4.0,
        };
        for (codec, negotiated) in [
            (Codec::Vp8, Negotiated::Vp8),
            (Codec::Av1, Negotiated::Av1 { profile: 0 }),
        ] {
            let mut video = video(codec, frames);
            for keyframe in [true, false] {
                let parts: Vec<_> = video.next_frame(keyframe, 1_100).collect();
                assert!(parts.len() > 1);
                for (at, (head, _, len)) in parts.into_iter().enumerate() {
                    let stamp = crate::client::Stamp {
                        sent: crate::clock::Nanos(1),
                        publisher: 0,
                        layer: crate::client::LayerId::VIDEO,
                    };
                    let payload = super::super::Payload::new(head, len, stamp);
                    let mut bytes = vec![0; payload.len()];
                    payload.write(&mut bytes);
                    let none = convoke_media::rtp::ext::Extensions::default();
                    let facts = convoke_media::rtp::codec::Facts::read(negotiated, &bytes, &none);
                    assert_eq!(facts.keyframe, keyframe && at == 0, "{codec:?} {at}");
                    let size = facts.size.map(|size| (size.width, size.height));
                    assert_eq!(size, (keyframe && at == 0).then_some((640, 360)));
                }
            }
        }
    }
}
