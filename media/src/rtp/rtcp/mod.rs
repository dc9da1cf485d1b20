//! RTCP (RFC 3550 §6, RFC 4585): a compound read packet by packet without
//! allocating, and writers for what we send.

pub mod nack;
pub mod pli;
pub mod report;
pub mod twcc;

use crate::ids::Ssrc;
use nack::NackList;
use pli::FirEntries;
use report::{ReportBlocks, SenderInfo};

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const RTPFB: u8 = 205;
const PSFB: u8 = 206;

/// Largest compound that we build: fits a 1280-byte IPv6 path with SRTCP around it.
pub const MAX_COMPOUND: usize = 1180;

/// One packet of a compound, as far as we act on it.
#[derive(Debug, Clone)]
pub enum RtcpPacket<'a> {
    SenderReport {
        ssrc: Ssrc,
        info: SenderInfo,
        blocks: ReportBlocks<'a>,
    },
    ReceiverReport {
        blocks: ReportBlocks<'a>,
    },
    Bye {
        ssrc: Ssrc,
    },
    Nack {
        media: Ssrc,
        lost: NackList<'a>,
    },
    Pli {
        media: Ssrc,
    },
    Fir {
        entries: FirEntries<'a>,
    },
    /// Well-formed and nothing to us: SDES, APP, REMB, XR.
    Other,
}

/// The packets of `compound`; a malformed one ends the iteration with `Err`.
pub fn packets(compound: &[u8]) -> Compound<'_> {
    Compound { rest: compound }
}

/// See [`packets`].
#[derive(Debug, Clone)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

/// A length or a count that its packet does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed RTCP")]
pub struct RtcpError;

impl<'a> Iterator for Compound<'a> {
    type Item = Result<RtcpPacket<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let parsed = self.step();
        if parsed.is_none() {
            self.rest = &[];
        }
        Some(parsed.ok_or(RtcpError))
    }
}

impl<'a> Compound<'a> {
    fn step(&mut self) -> Option<RtcpPacket<'a>> {
        let head: [u8; 4] = *self.rest.first_chunk()?;
        if head[0] >> 6 != 2 {
            return None;
        }
        let len = (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1) * 4;
        let packet = self.rest.get(..len)?;
        self.rest = &self.rest[len..];
        let body = if head[0] & 0x20 != 0 {
            let padding = usize::from(*packet.last()?);
            if padding == 0 || padding > len - 4 {
                return None;
            }
            &packet[4..len - padding]
        } else {
            &packet[4..]
        };
        parse(head[1], head[0] & 0x1f, body)
    }
}

fn parse(packet_type: u8, count: u8, body: &[u8]) -> Option<RtcpPacket<'_>> {
    Some(match (packet_type, count) {
        (SR, _) => {
            let (ssrc, info) = SenderInfo::parse(body)?;
            let blocks = ReportBlocks::parse(count, body.get(24..)?)?;
            RtcpPacket::SenderReport { ssrc, info, blocks }
        }
        (RR, _) => {
            ssrc_at(body, 0)?;
            RtcpPacket::ReceiverReport {
                blocks: ReportBlocks::parse(count, body.get(4..)?)?,
            }
        }
        (BYE, 1..) => RtcpPacket::Bye {
            ssrc: ssrc_at(body, 0)?,
        },
        (RTPFB, nack::FMT) => RtcpPacket::Nack {
            media: ssrc_at(body, 4)?,
            lost: NackList::parse(body.get(8..)?)?,
        },
        (PSFB, pli::FMT_PLI) => RtcpPacket::Pli {
            media: ssrc_at(body, 4)?,
        },
        (PSFB, pli::FMT_FIR) => RtcpPacket::Fir {
            entries: FirEntries::parse(body.get(8..)?)?,
        },
        _ => RtcpPacket::Other,
    })
}

fn ssrc_at(body: &[u8], at: usize) -> Option<Ssrc> {
    word_at(body, at).map(Ssrc)
}

fn word_at(body: &[u8], at: usize) -> Option<u32> {
    let bytes = body.get(at..at + 4)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

/// Builds one packet or a compound of them in place. What does not fit is left
/// out as a whole, so the bytes are valid at any time.
#[derive(Debug)]
pub struct RtcpWriter {
    bytes: [u8; MAX_COMPOUND],
    len: usize,
}

impl Default for RtcpWriter {
    fn default() -> Self {
        Self {
            bytes: [0; MAX_COMPOUND],
            len: 0,
        }
    }
}

impl RtcpWriter {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    pub fn room(&self) -> usize {
        MAX_COMPOUND - self.len
    }

    /// Appends a packet whose body `fill` writes, returning its length, a multiple
    /// of four, or `None` to append nothing.
    fn append(
        &mut self,
        count: u8,
        packet_type: u8,
        fill: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        if self.room() < 4 {
            return false;
        }
        let (head, body) = self.bytes[self.len..].split_at_mut(4);
        let Some(len) = fill(body) else { return false };
        head[0] = 0x80 | count;
        head[1] = packet_type;
        head[2..].copy_from_slice(&((len / 4) as u16).to_be_bytes());
        self.len += 4 + len;
        true
    }
}

fn put(out: &mut [u8], at: usize, word: u32) {
    out[at..at + 4].copy_from_slice(&word.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_counts_must_hold() {
        let malformed: [&[u8]; 8] = [
            &[0x80],
            &[0x40, RR, 0, 1, 0, 0, 0, 1],
            &[0x80, RR, 0, 2, 0, 0, 0, 1],
            &[0x81, RR, 0, 1, 0, 0, 0, 1],
            &[0x80, SR, 0, 1, 0, 0, 0, 1],
            &[0xa0, RR, 0, 1, 0, 0, 0, 9],
            &[0x81, RTPFB, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
            &[0x81, PSFB, 0, 1, 0, 0, 0, 1],
        ];
        for bytes in malformed {
            let last = packets(bytes).last();
            assert!(matches!(last, Some(Err(RtcpError))), "{bytes:?} {last:?}");
        }
    }

    #[test]
    fn a_compound_is_walked_to_its_end() {
        let bytes = [
            0x80, RR, 0, 1, 0, 0, 0, 1, // empty report
            0x81, SDES, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0, // chunk
            0x81, PSFB, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9, // PLI
            0x81, BYE, 0, 1, 0, 0, 0, 9,
        ];
        let kinds: Vec<_> = packets(&bytes).map(Result::unwrap).collect();
        assert!(matches!(
            kinds[..],
            [
                RtcpPacket::ReceiverReport { .. },
                RtcpPacket::Other,
                RtcpPacket::Pli { media: Ssrc(9) },
                RtcpPacket::Bye { ssrc: Ssrc(9) }
            ]
        ));
    }
}
