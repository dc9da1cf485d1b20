//! A view of an RTP packet's header (RFC 3550 §5.1, RFC 8285).

use crate::ids::{Pt, Ssrc};

/// Fixed part of the header, before CSRCs.
pub const FIXED_HEADER: usize = 12;

/// In the first byte: the last bytes are padding.
pub const PADDED: u8 = 0x20;

/// Why bytes are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    #[error("shorter than its header says")]
    Truncated,
    #[error("not RTP version 2")]
    Version,
    #[error("padding exceeds the payload")]
    Padding,
}

/// A parsed header over borrowed bytes; padding is already cut off.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    data: &'a [u8],
    payload_at: usize,
    extension: Option<(u16, &'a [u8])>,
}

impl<'a> Packet<'a> {
    pub fn parse(data: &'a [u8]) -> Result<Self, RtpError> {
        if data.len() < FIXED_HEADER {
            return Err(RtpError::Truncated);
        }
        if data[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let mut at = FIXED_HEADER + usize::from(data[0] & 0x0f) * 4;
        let mut extension = None;
        if data[0] & 0x10 != 0 {
            let head = data.get(at..at + 4).ok_or(RtpError::Truncated)?;
            let profile = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
            at += 4;
            extension = Some((profile, data.get(at..at + len).ok_or(RtpError::Truncated)?));
            at += len;
        }
        if at > data.len() {
            return Err(RtpError::Truncated);
        }
        let padded = data[0] & PADDED != 0;
        let padding = match data.last() {
            Some(&last) if padded => usize::from(last),
            _ => 0,
        };
        // A padded packet's last byte counts itself (RFC 3550 §5.1), so 0 is a lie.
        if padded && padding == 0 || padding > data.len() - at {
            return Err(RtpError::Padding);
        }
        Ok(Self {
            data: &data[..data.len() - padding],
            payload_at: at,
            extension,
        })
    }

    pub fn ssrc(&self) -> Ssrc {
        Ssrc(self.word(8))
    }

    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    pub fn seq(&self) -> u16 {
        u16::from_be_bytes([self.data[2], self.data[3]])
    }

    pub fn marker(&self) -> bool {
        self.data[1] & 0x80 != 0
    }

    pub fn pt(&self) -> Pt {
        // Seven bits always fit.
        Pt::new(self.data[1] & 0x7f).unwrap_or(PT_ZERO)
    }

    pub fn payload(&self) -> &'a [u8] {
        &self.data[self.payload_at..]
    }

    /// Bytes before the payload.
    pub fn header_len(&self) -> usize {
        self.payload_at
    }

    /// The packet without its padding; the padding bit may still be set.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Profile and body of the header extension block.
    pub fn extension(&self) -> Option<(u16, &'a [u8])> {
        self.extension
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes([
            self.data[at],
            self.data[at + 1],
            self.data[at + 2],
            self.data[at + 3],
        ])
    }
}

const PT_ZERO: Pt = match Pt::new(0) {
    Some(pt) => pt,
    None => unreachable!(),
};

/// Turns a retransmission into the packet it repeats (RFC 4588 §4): the original
/// sequence number stands in front of the payload. Returns what is left of
/// `packet`, or `None` when there is nothing in it (padding, RFC 4588 §4 allows a
/// probe to carry none).
pub fn restore_rtx(packet: &mut [u8], ssrc: Ssrc, pt: Pt) -> Option<&mut [u8]> {
    let (header, end) = {
        let view = Packet::parse(packet).ok()?;
        (view.header_len(), view.data().len())
    };
    let original: [u8; 2] = packet.get(header..end)?.get(..2)?.try_into().ok()?;
    packet.copy_within(..header, 2);
    let packet = &mut packet[2..end];
    packet[0] &= !PADDED;
    packet[1] = packet[1] & 0x80 | pt.get();
    packet[2..4].copy_from_slice(&original);
    packet[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
    Some(packet)
}

/// What the fixed header of an outgoing packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderFields {
    pub marker: bool,
    pub pt: Pt,
    pub seq: u16,
    pub timestamp: u32,
    pub ssrc: Ssrc,
}

impl HeaderFields {
    /// Writes the fixed header, announcing an extension block if `extended`.
    pub fn write(&self, out: &mut [u8], extended: bool) {
        out[0] = 0x80 | if extended { 0x10 } else { 0 };
        out[1] = self.pt.get() | if self.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&self.seq.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
    }
}

/// Pads a packet of `len` bytes to the end of `packet` (RFC 3550 §5.1), at most 255
/// bytes further.
pub fn pad(packet: &mut [u8], len: usize) {
    let padding = &mut packet[len..];
    let count = padding.len();
    debug_assert!(count <= 255);
    if let Some((last, zeros)) = padding.split_last_mut() {
        zeros.fill(0);
        *last = count as u8;
        packet[0] |= PADDED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(first: u8) -> Vec<u8> {
        let mut bytes = vec![0; FIXED_HEADER];
        HeaderFields {
            marker: true,
            pt: Pt::new(96).unwrap(),
            seq: 0x1234,
            timestamp: 0xdead_beef,
            ssrc: Ssrc(7),
        }
        .write(&mut bytes, false);
        bytes[0] = first;
        bytes
    }

    #[test]
    fn fields_are_read_back() {
        let mut bytes = header(0x80);
        bytes.extend([1, 2, 3]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            (
                packet.seq(),
                packet.timestamp(),
                packet.ssrc(),
                packet.pt().get(),
                packet.marker()
            ),
            (0x1234, 0xdead_beef, Ssrc(7), 96, true)
        );
        assert_eq!(packet.payload(), [1, 2, 3]);
    }

    #[test]
    fn padding_is_cut_off_again() {
        for padding in [0, 1, 4, 15, 255] {
            let mut bytes = header(0x80);
            bytes.extend([1, 2, 3]);
            bytes.resize(bytes.len() + padding, 0xee);
            pad(&mut bytes, FIXED_HEADER + 3);
            assert_eq!(Packet::parse(&bytes).unwrap().payload(), [1, 2, 3]);
        }
    }

    #[test]
    fn csrcs_extensions_and_padding_are_cut_off() {
        let mut bytes = header(0x80 | 0x20 | 0x10 | 2);
        bytes.extend([0; 8]);
        bytes.extend([0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]);
        bytes.extend([9, 9, 0, 0, 3]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.payload(), [9, 9]);
        assert_eq!(packet.extension(), Some((0xbede, &[0x10, 0xaa, 0, 0][..])));
    }

    #[test]
    fn lying_lengths_are_refused() {
        let with = |first: u8, tail: &[u8]| {
            let mut bytes = header(first);
            bytes.extend(tail);
            Packet::parse(&bytes).map(|_| ())
        };
        let cases: [(u8, &[u8], RtpError); 7] = [
            (0x40, &[], RtpError::Version),
            (0x81, &[0, 0, 0], RtpError::Truncated),
            (0x90, &[0xbe, 0xde, 0], RtpError::Truncated),
            (0x90, &[0xbe, 0xde, 0, 2, 0, 0, 0, 0], RtpError::Truncated),
            (0xa0, &[0], RtpError::Padding),
            (0xa0, &[5, 5, 5, 5], RtpError::Padding),
            (0xa0, &[], RtpError::Padding),
        ];
        for (first, tail, want) in cases {
            assert_eq!(with(first, tail), Err(want), "{first:x} {tail:?}");
        }
        assert_eq!(
            Packet::parse(&[0x80; 11]).map(|_| ()),
            Err(RtpError::Truncated)
        );
    }

    #[test]
    fn rtx_becomes_the_original_and_padding_only_becomes_nothing() {
        let mut bytes = header(0x80);
        bytes.extend([0xab, 0xcd, 1, 2, 3]);
        let restored = restore_rtx(&mut bytes, Ssrc(99), Pt::new(100).unwrap()).unwrap();
        let packet = Packet::parse(restored).unwrap();
        assert_eq!(
            (packet.seq(), packet.ssrc(), packet.pt().get()),
            (0xabcd, Ssrc(99), 100)
        );
        assert_eq!((packet.payload(), packet.marker()), (&[1, 2, 3][..], true));

        let mut probe = header(0xa0);
        probe.extend([0, 0, 0, 4]);
        assert!(restore_rtx(&mut probe, Ssrc(99), Pt::new(100).unwrap()).is_none());
    }
}
