//! Header extensions (RFC 8285): one pass over the block of an incoming packet,
//! and a writer for the block of an outgoing one. Identifiers are those that the
//! offer gave, so they differ from Participant to Participant.

use crate::ids::{Mid, Rid};
use crate::negotiation::params::ExtensionIds;
use crate::rtp::packet::Packet;

const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;

/// Header extension values of one packet that we act on or pass along.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extensions<'a> {
    pub mid: Option<Mid>,
    pub rid: Option<Rid>,
    pub repaired_rid: Option<Rid>,
    /// RFC 6464: the raw byte, V bit and -dBov.
    pub audio_level: Option<u8>,
    pub transport_cc: Option<u16>,
    pub abs_capture_time: Option<&'a [u8]>,
    pub dependency_descriptor: Option<&'a [u8]>,
    pub video_orientation: Option<u8>,
    pub playout_delay: Option<[u8; 3]>,
}

impl<'a> Extensions<'a> {
    pub fn read(packet: &Packet<'a>, ids: &ExtensionIds) -> Self {
        let mut values = Self::default();
        for (id, value) in elements(packet) {
            values.set(ids, id, value);
        }
        values
    }

    fn set(&mut self, ids: &ExtensionIds, id: u8, value: &'a [u8]) {
        let id = Some(id);
        if id == ids.transport_cc {
            self.transport_cc = value.first_chunk().map(|seq| u16::from_be_bytes(*seq));
        } else if id == ids.audio_level {
            self.audio_level = value.first().copied();
        } else if id == ids.mid {
            self.mid = token(value);
        } else if id == ids.rid {
            self.rid = token(value);
        } else if id == ids.repaired_rid {
            self.repaired_rid = token(value);
        } else if id == ids.abs_capture_time {
            self.abs_capture_time = Some(value).filter(|v| v.len() == 8 || v.len() == 16);
        } else if id == ids.dependency_descriptor {
            self.dependency_descriptor = Some(value).filter(|v| v.len() >= 3);
        } else if id == ids.video_orientation {
            self.video_orientation = value.first().copied();
        } else if id == ids.playout_delay {
            self.playout_delay = value.first_chunk().copied();
        }
    }
}

fn token<'v, T: TryFrom<&'v str>>(value: &'v [u8]) -> Option<T> {
    T::try_from(std::str::from_utf8(value).ok()?).ok()
}

/// Elements of the extension block in either form; stops at the first that does
/// not fit.
pub fn elements<'a>(packet: &Packet<'a>) -> Elements<'a> {
    match packet.extension() {
        Some((ONE_BYTE, rest)) => Elements {
            rest,
            two_byte: false,
        },
        // The low four bits are the application's (RFC 8285 §4.3).
        Some((profile, rest)) if profile & 0xfff0 == TWO_BYTE => Elements {
            rest,
            two_byte: true,
        },
        _ => Elements {
            rest: &[],
            two_byte: false,
        },
    }
}

/// See [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            if first == 0 {
                self.rest = rest;
                continue;
            }
            let (id, len, rest) = if self.two_byte {
                let (&len, rest) = rest.split_first()?;
                (first, usize::from(len), rest)
            } else {
                (first >> 4, usize::from(first & 0x0f) + 1, rest)
            };
            // 15 ends a one-byte block whatever follows (RFC 8285 §4.2).
            if !self.two_byte && id == 15 || len > rest.len() {
                self.rest = &[];
                return None;
            }
            let (value, rest) = rest.split_at(len);
            self.rest = rest;
            return Some((id, value));
        }
    }
}

/// Most bytes of elements that one outgoing packet carries: a dependency
/// descriptor with its structure is about 100, all the others together 60.
const BLOCK_MAX: usize = 256;

/// Collects the elements of an outgoing packet, then writes them as one block.
#[derive(Debug, Default)]
pub struct ExtensionBlock<'a> {
    elements: [(u8, &'a [u8]); 8],
    len: usize,
    two_byte: bool,
    bytes: usize,
}

impl<'a> ExtensionBlock<'a> {
    /// Adds an element unless its id was not negotiated or it does not fit.
    pub fn push(&mut self, id: Option<u8>, value: &'a [u8]) {
        let Some(id @ 1..) = id else { return };
        if self.len == self.elements.len()
            || value.len() > 255
            || self.bytes + value.len() > BLOCK_MAX
        {
            return;
        }
        // What the one-byte form cannot say makes the block two-byte (RFC 8285 §4.1).
        self.two_byte |= id > 14 || value.is_empty() || value.len() > 16;
        self.elements[self.len] = (id, value);
        self.len += 1;
        self.bytes += value.len();
    }

    /// Size of the whole block, header and padding included; at least `floor`
    /// bytes of elements, so that packets of one Slot stay equally long.
    pub fn size(&self, floor: usize) -> usize {
        let per_element = if self.two_byte { 2 } else { 1 };
        let body = (self.bytes + self.len * per_element).max(floor);
        if body == 0 {
            0
        } else {
            4 + body.next_multiple_of(4)
        }
    }

    /// Fills `out`, which is [`size`](Self::size) long.
    pub fn write(&self, out: &mut [u8]) {
        let Some((head, body)) = out.split_first_chunk_mut::<4>() else {
            return;
        };
        let profile = if self.two_byte { TWO_BYTE } else { ONE_BYTE };
        head[..2].copy_from_slice(&profile.to_be_bytes());
        head[2..].copy_from_slice(&((body.len() / 4) as u16).to_be_bytes());
        let mut at = 0;
        for (id, value) in &self.elements[..self.len] {
            if self.two_byte {
                body[at] = *id;
                body[at + 1] = value.len() as u8;
                at += 2;
            } else {
                body[at] = id << 4 | (value.len() - 1) as u8;
                at += 1;
            }
            body[at..at + value.len()].copy_from_slice(value);
            at += value.len();
        }
        body[at..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(profile: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x90; 1];
        bytes.resize(12, 0);
        bytes.extend(profile.to_be_bytes());
        bytes.extend(((body.len() / 4) as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn read(profile: u16, body: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let bytes = packet(profile, body);
        let view = Packet::parse(&bytes).unwrap();
        elements(&view)
            .map(|(id, value)| (id, value.to_vec()))
            .collect()
    }

    #[test]
    fn both_forms_are_read_and_the_overlong_is_not() {
        assert_eq!(
            read(ONE_BYTE, &[0x10, 0xaa, 0, 0x21, 1, 2, 0, 0]),
            [(1, vec![0xaa]), (2, vec![1, 2])]
        );
        assert_eq!(
            read(TWO_BYTE | 5, &[200, 0, 3, 2, 7, 8, 0, 0]),
            [(200, vec![]), (3, vec![7, 8])]
        );
        assert_eq!(read(ONE_BYTE, &[0x10, 1, 0xf0, 0x20]), [(1, vec![1])]);
        assert!(read(ONE_BYTE, &[0x3f, 0, 0, 0]).is_empty());
        assert!(read(TWO_BYTE, &[3, 9, 0, 0]).is_empty());
        assert!(read(0x1234, &[0x10, 1, 0, 0]).is_empty());
    }

    #[test]
    fn what_is_written_is_read_back_in_either_form() {
        let long = [5; 40];
        for (values, floor, size) in [
            (vec![(1, &[0x61][..]), (3, &[1, 2, 3][..])], 0, 12),
            (vec![(1, &[0x61][..])], 9, 16),
            (vec![(1, &[0x61][..]), (2, &long[..])], 0, 52),
            (vec![(20, &[1][..])], 0, 8),
            (vec![], 0, 0),
        ] {
            let mut block = ExtensionBlock::default();
            for (id, value) in &values {
                block.push(Some(*id), value);
            }
            block.push(None, &[1]);
            assert_eq!(block.size(floor), size);
            let mut bytes = vec![if size > 0 { 0x90 } else { 0x80 }];
            bytes.resize(12 + size, 0xee);
            block.write(&mut bytes[12..]);
            let view = Packet::parse(&bytes).unwrap();
            assert_eq!(elements(&view).collect::<Vec<_>>(), values);
        }
    }
}
