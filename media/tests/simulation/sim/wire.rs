//! RTP, RTCP and VP8 bytes as a browser writes and reads them. Written apart from
//! the crate's own parsers on purpose: a mistake there shall not hide here.

/// Header extension ids of the simulated offer, as Chromium numbers them.
pub mod ext {
    pub const AUDIO_LEVEL: u8 = 1;
    pub const ABS_SEND_TIME: u8 = 2;
    pub const TRANSPORT_CC: u8 = 3;
    pub const MID: u8 = 4;
    pub const RID: u8 = 10;
    pub const REPAIRED_RID: u8 = 11;
}

/// A packet as the application sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rtp {
    pub marker: bool,
    pub pt: u8,
    pub seq: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl Rtp {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0x80, self.pt | u8::from(self.marker) << 7];
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.extend_from_slice(&self.ssrc.to_be_bytes());
        if !self.extensions.is_empty() {
            bytes[0] |= 0x10;
            let mut block = Vec::new();
            for (id, value) in &self.extensions {
                block.push(id << 4 | (value.len() as u8 - 1));
                block.extend_from_slice(value);
            }
            block.resize(block.len().next_multiple_of(4), 0);
            // RFC 8285 §4.2: one-byte header form.
            bytes.extend_from_slice(&[0xBE, 0xDE]);
            bytes.extend_from_slice(&((block.len() / 4) as u16).to_be_bytes());
            bytes.extend_from_slice(&block);
        }
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < 12 || bytes[0] >> 6 != 2 {
            return None;
        }
        let mut at = 12 + usize::from(bytes[0] & 0x0f) * 4;
        let mut extensions = Vec::new();
        if bytes[0] & 0x10 != 0 {
            let profile = be16(bytes, at)?;
            let len = usize::from(be16(bytes, at + 2)?) * 4;
            let block = bytes.get(at + 4..at + 4 + len)?;
            extensions = match profile {
                0xBEDE => one_byte(block)?,
                p if p >> 4 == 0x100 => two_byte(block)?,
                _ => return None,
            };
            at += 4 + len;
        }
        let mut payload = bytes.get(at..)?.to_vec();
        if bytes[0] & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            payload.truncate(payload.len().checked_sub(padding)?);
        }
        Some(Self {
            marker: bytes[1] & 0x80 != 0,
            pt: bytes[1] & 0x7f,
            seq: be16(bytes, 2)?,
            timestamp: be32(bytes, 4)?,
            ssrc: be32(bytes, 8)?,
            extensions,
            payload,
        })
    }

    pub fn extension(&self, id: u8) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|(known, _)| *known == id);
        found.map(|(_, value)| value.as_slice())
    }
}

fn one_byte(mut block: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut all = Vec::new();
    while let [first, rest @ ..] = block {
        let (id, len) = (first >> 4, usize::from(first & 0x0f) + 1);
        match id {
            0 => block = rest,
            15 => break,
            _ => {
                all.push((id, rest.get(..len)?.to_vec()));
                block = &rest[len..];
            }
        }
    }
    Some(all)
}

fn two_byte(mut block: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut all = Vec::new();
    while let [id, rest @ ..] = block {
        if *id == 0 {
            block = rest;
            continue;
        }
        let (&len, rest) = rest.split_first()?;
        all.push((*id, rest.get(..usize::from(len))?.to_vec()));
        block = &rest[usize::from(len)..];
    }
    Some(all)
}

/// VP8 payload descriptor (RFC 7741 §4.2) as Chromium fills it: 15-bit picture id,
/// TL0PICIDX, temporal layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8 {
    pub start: bool,
    pub picture_id: u16,
    pub tl0: u8,
}

pub const VP8_DESCRIPTOR: usize = 6;

impl Vp8 {
    pub fn encode(&self) -> [u8; VP8_DESCRIPTOR] {
        let id = (self.picture_id | 0x8000).to_be_bytes();
        [
            0x80 | u8::from(self.start) << 4,
            0xE0,
            id[0],
            id[1],
            self.tl0,
            0x20,
        ]
    }

    pub fn decode(payload: &[u8]) -> Option<(Self, &[u8])> {
        let first = *payload.first()?;
        if first & 0x80 == 0 || *payload.get(1)? & 0xE0 != 0xE0 || payload.get(2)? & 0x80 == 0 {
            return None;
        }
        let descriptor = Self {
            start: first & 0x10 != 0,
            picture_id: be16(payload, 2)? & 0x7fff,
            tl0: *payload.get(4)?,
        };
        Some((descriptor, payload.get(VP8_DESCRIPTOR..)?))
    }
}

/// VP8 frame header (RFC 6386 §9.1).
pub fn vp8_frame_header(key: Option<(u16, u16)>) -> Vec<u8> {
    match key {
        None => vec![0x31, 0, 0],
        Some((width, height)) => {
            let mut bytes = vec![0x30, 0, 0, 0x9d, 0x01, 0x2a];
            bytes.extend_from_slice(&width.to_le_bytes());
            bytes.extend_from_slice(&height.to_le_bytes());
            bytes
        }
    }
}

pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// One packet of a compound (RFC 3550 §6.4.1): type, count or format, body after
/// the common header.
pub fn rtcp_packets(mut compound: &[u8]) -> Vec<(u8, u8, &[u8])> {
    let mut all = Vec::new();
    while compound.len() >= 4 {
        let len = usize::from(u16::from_be_bytes([compound[2], compound[3]])) * 4 + 4;
        if len > compound.len() {
            break;
        }
        all.push((compound[1], compound[0] & 0x1f, &compound[4..len]));
        compound = &compound[len..];
    }
    all
}

fn rtcp(pt: u8, count: u8, body: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0x80 | count, pt];
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    for word in body {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes
}

pub const SENDER_REPORT: u8 = 200;
pub const RECEIVER_REPORT: u8 = 201;
pub const TRANSPORT_FEEDBACK: u8 = 205;
pub const PAYLOAD_FEEDBACK: u8 = 206;

pub fn sender_report(ssrc: u32, ntp: u64, timestamp: u32, packets: u32, octets: u32) -> Vec<u8> {
    let body = [
        ssrc,
        (ntp >> 32) as u32,
        ntp as u32,
        timestamp,
        packets,
        octets,
    ];
    rtcp(SENDER_REPORT, 0, &body)
}

/// One report block without loss.
pub fn receiver_report(from: u32, about: u32, highest: u32) -> Vec<u8> {
    rtcp(RECEIVER_REPORT, 1, &[from, about, 0, highest, 0, 0, 0])
}

pub fn pli(from: u32, about: u32) -> Vec<u8> {
    rtcp(PAYLOAD_FEEDBACK, 1, &[from, about])
}

/// Generic NACK (RFC 4585 §6.2.1).
pub fn nack(from: u32, about: u32, lost: &[u16]) -> Vec<u8> {
    let mut body = vec![from, about];
    let mut lost = lost.iter().copied().peekable();
    while let Some(pid) = lost.next() {
        let mut mask = 0_u32;
        while let Some(&next) = lost.peek() {
            let ahead = next.wrapping_sub(pid);
            if !(1..=16).contains(&ahead) {
                break;
            }
            mask |= 1 << (ahead - 1);
            lost.next();
        }
        body.push(u32::from(pid) << 16 | mask);
    }
    rtcp(TRANSPORT_FEEDBACK, 1, &body)
}

/// Sequence numbers named by a NACK's body (after its common header).
pub fn nacked(body: &[u8]) -> Vec<u16> {
    let mut all = Vec::new();
    for entry in body.get(8..).unwrap_or_default().chunks_exact(4) {
        let pid = u16::from_be_bytes([entry[0], entry[1]]);
        let mask = u16::from_be_bytes([entry[2], entry[3]]);
        all.push(pid);
        all.extend(
            (0..16)
                .filter(|bit| mask & 1 << bit != 0)
                .map(|bit| pid.wrapping_add(bit + 1)),
        );
    }
    all
}
