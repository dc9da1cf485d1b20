//! Generic NACK (RFC 4585 §6.2.1).

use super::{RTPFB, RtcpWriter, put};
use crate::ids::Ssrc;

pub(super) const FMT: u8 = 1;

/// Sequence numbers that a NACK asks for.
#[derive(Debug, Clone)]
pub struct NackList<'a> {
    entries: &'a [u8],
    pid: u16,
    /// Bit 0 is the pid itself, bit n the n-th after it.
    pending: u32,
}

impl<'a> NackList<'a> {
    pub(super) fn parse(entries: &'a [u8]) -> Option<Self> {
        if entries.is_empty() || !entries.len().is_multiple_of(4) {
            return None;
        }
        Some(Self {
            entries,
            pid: 0,
            pending: 0,
        })
    }
}

impl Iterator for NackList<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.pending == 0 {
            let (entry, rest) = self.entries.split_first_chunk::<4>()?;
            self.entries = rest;
            self.pid = u16::from_be_bytes([entry[0], entry[1]]);
            self.pending = u32::from(u16::from_be_bytes([entry[2], entry[3]])) << 1 | 1;
        }
        let bit = self.pending.trailing_zeros();
        self.pending &= self.pending - 1;
        Some(self.pid.wrapping_add(bit as u16))
    }
}

impl RtcpWriter {
    /// Asks for `lost`, in ascending order; returns how many of them fit.
    pub fn nack(&mut self, sender: Ssrc, media: Ssrc, lost: &[u16]) -> usize {
        let mut taken = 0;
        self.append(FMT, RTPFB, |body| {
            if body.len() < 12 || lost.is_empty() {
                return None;
            }
            put(body, 0, sender.0);
            put(body, 4, media.0);
            let mut at = 8;
            while taken < lost.len() && at + 4 <= body.len() {
                let pid = lost[taken];
                let mut bits = 0u16;
                taken += 1;
                while let Some(&seq) = lost.get(taken) {
                    let distance = seq.wrapping_sub(pid);
                    if !(1..=16).contains(&distance) {
                        break;
                    }
                    bits |= 1 << (distance - 1);
                    taken += 1;
                }
                put(body, at, u32::from(pid) << 16 | u32::from(bits));
                at += 4;
            }
            Some(at)
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, packets};
    use super::*;

    #[test]
    fn lists_survive_the_wire_across_the_wrap() {
        for lost in [
            vec![5u16],
            vec![65_530, 65_535, 0, 10],
            vec![1, 2, 17, 18, 35],
            (0..100).map(|n| n * 16).collect(),
        ] {
            let mut writer = RtcpWriter::default();
            assert_eq!(writer.nack(Ssrc(1), Ssrc(2), &lost), lost.len());
            let Some(Ok(RtcpPacket::Nack { media, lost: read })) = packets(writer.bytes()).next()
            else {
                panic!("not a NACK");
            };
            assert_eq!((media, read.collect::<Vec<_>>()), (Ssrc(2), lost));
        }
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let lost: Vec<u16> = (0..1000).map(|n| n * 20).collect();
        let mut writer = RtcpWriter::default();
        let taken = writer.nack(Ssrc(1), Ssrc(2), &lost);
        assert!(taken > 200 && taken < 1000, "{taken}");
        assert_eq!(writer.nack(Ssrc(1), Ssrc(2), &lost[taken..]), 0);
    }
}
