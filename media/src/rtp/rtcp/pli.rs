//! Requests for a keyframe: picture loss indication (RFC 4585 §6.3.1) and full
//! intra request (RFC 5104 §4.3.1).

use super::{PSFB, RtcpWriter, put, word_at};
use crate::ids::Ssrc;

pub(super) const FMT_PLI: u8 = 1;
pub(super) const FMT_FIR: u8 = 4;

/// The (SSRC, command number) pairs of a FIR.
#[derive(Debug, Clone)]
pub struct FirEntries<'a>(&'a [u8]);

impl<'a> FirEntries<'a> {
    pub(super) fn parse(entries: &'a [u8]) -> Option<Self> {
        (!entries.is_empty() && entries.len().is_multiple_of(8)).then_some(Self(entries))
    }
}

impl Iterator for FirEntries<'_> {
    type Item = (Ssrc, u8);

    fn next(&mut self) -> Option<Self::Item> {
        let (entry, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some((Ssrc(word_at(entry, 0)?), entry[4]))
    }
}

impl RtcpWriter {
    pub fn pli(&mut self, sender: Ssrc, media: Ssrc) -> bool {
        self.append(FMT_PLI, PSFB, |body| {
            let body = body.get_mut(..8)?;
            put(body, 0, sender.0);
            put(body, 4, media.0);
            Some(8)
        })
    }

    pub fn fir(&mut self, sender: Ssrc, media: Ssrc, command: u8) -> bool {
        self.append(FMT_FIR, PSFB, |body| {
            let body = body.get_mut(..16)?;
            put(body, 0, sender.0);
            // The target stands in the entry (RFC 5104 §4.3.1.2).
            put(body, 4, 0);
            put(body, 8, media.0);
            put(body, 12, u32::from(command) << 24);
            Some(16)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, packets};
    use super::*;

    #[test]
    fn requests_survive_the_wire() {
        let mut writer = RtcpWriter::default();
        assert!(writer.pli(Ssrc(1), Ssrc(2)));
        assert!(writer.fir(Ssrc(1), Ssrc(3), 7));
        let read: Vec<_> = packets(writer.bytes()).map(Result::unwrap).collect();
        let [
            RtcpPacket::Pli { media: Ssrc(2) },
            RtcpPacket::Fir { entries },
        ] = &read[..]
        else {
            panic!("{read:?}");
        };
        assert_eq!(entries.clone().collect::<Vec<_>>(), [(Ssrc(3), 7)]);
    }
}
