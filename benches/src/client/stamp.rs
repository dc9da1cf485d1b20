//! The end of every payload: who sent it and when, so that a receiver can tell how
//! long it took. At the end, because servers rewrite what is in front of it: VP8's
//! picture ids change their length.

use crate::clock::Nanos;

use super::tally::LayerId;

pub(crate) const STAMP_LEN: usize = 20;

const MAGIC: u32 = 0xC0D4_57A3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sent: Nanos,
    pub(crate) publisher: u32,
    pub(crate) layer: LayerId,
}

impl Stamp {
    pub(crate) fn write(&self, out: &mut [u8; STAMP_LEN]) {
        out[..8].copy_from_slice(&self.sent.0.to_be_bytes());
        out[8..12].copy_from_slice(&self.publisher.to_be_bytes());
        out[12] = self.layer.0;
        out[13..16].fill(0);
        out[16..].copy_from_slice(&MAGIC.to_be_bytes());
    }

    /// Of a payload that ends in one.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (_, stamp) = payload.split_last_chunk::<STAMP_LEN>()?;
        let magic = stamp.last_chunk::<4>().map(|m| u32::from_be_bytes(*m));
        let sent = u64::from_be_bytes(*stamp.first_chunk()?);
        let publisher = u32::from_be_bytes(*stamp[8..].first_chunk()?);
        (magic == Some(MAGIC)).then_some(Self {
            sent: Nanos(sent),
            publisher,
            layer: LayerId(stamp[12]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_behind_anything() {
        let stamp = Stamp {
            sent: Nanos(0x0123_4567_89ab_cdef),
            publisher: 77,
            layer: LayerId(3),
        };
        let mut bytes = [0; STAMP_LEN];
        stamp.write(&mut bytes);
        let payload = [&[1, 2, 3][..], &bytes].concat();
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(&payload[..payload.len() - 1]), None);
        assert_eq!(Stamp::read(&[]), None);
    }
}
