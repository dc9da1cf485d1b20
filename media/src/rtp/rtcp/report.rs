//! Sender and receiver reports and the CNAME that goes with them (RFC 3550 §6.4,
//! §6.5).

use super::{RR, RtcpWriter, SDES, SR, put, ssrc_at, word_at};
use crate::ids::Ssrc;

const BLOCK: usize = 24;

/// What a sender says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall-clock time of `rtp`, in 64-bit NTP format.
    pub ntp: u64,
    pub rtp: u32,
    pub packets: u32,
    pub octets: u32,
}

impl SenderInfo {
    pub(super) fn parse(body: &[u8]) -> Option<(Ssrc, Self)> {
        let ssrc = ssrc_at(body, 0)?;
        Some((
            ssrc,
            Self {
                ntp: u64::from(word_at(body, 4)?) << 32 | u64::from(word_at(body, 8)?),
                rtp: word_at(body, 12)?,
                packets: word_at(body, 16)?,
                octets: word_at(body, 20)?,
            },
        ))
    }
}

/// Reception of one source, as its receiver saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: Ssrc,
    /// Of the last interval, in 1/256.
    pub fraction_lost: u8,
    /// 24 bits, signed: duplicates can make it negative.
    pub lost: i32,
    pub highest_seq: u32,
    pub jitter: u32,
    /// Middle 32 bits of the last sender report's NTP time, 0 before the first.
    pub last_sr: u32,
    /// Since that report, in 1/65536 s.
    pub delay: u32,
}

/// The blocks of a report.
#[derive(Debug, Clone)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl<'a> ReportBlocks<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        // Profile-specific extensions may follow (RFC 3550 §6.4.3).
        body.get(..usize::from(count) * BLOCK).map(Self)
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_first_chunk::<BLOCK>()?;
        self.0 = rest;
        let loss = word_at(block, 4)?;
        Some(ReportBlock {
            ssrc: ssrc_at(block, 0)?,
            fraction_lost: (loss >> 24) as u8,
            lost: (loss << 8) as i32 >> 8,
            highest_seq: word_at(block, 8)?,
            jitter: word_at(block, 12)?,
            last_sr: word_at(block, 16)?,
            delay: word_at(block, 20)?,
        })
    }
}

impl RtcpWriter {
    pub fn sender_report(&mut self, ssrc: Ssrc, info: &SenderInfo) -> bool {
        self.append(0, SR, |body| {
            let body = body.get_mut(..24)?;
            put(body, 0, ssrc.0);
            put(body, 4, (info.ntp >> 32) as u32);
            put(body, 8, info.ntp as u32);
            put(body, 12, info.rtp);
            put(body, 16, info.packets);
            put(body, 20, info.octets);
            Some(24)
        })
    }

    /// At most 31 blocks fit the count (RFC 3550 §6.4.1).
    pub fn receiver_report(&mut self, ssrc: Ssrc, blocks: &[ReportBlock]) -> bool {
        let blocks = &blocks[..blocks.len().min(31)];
        self.append(blocks.len() as u8, RR, |body| {
            let len = 4 + blocks.len() * BLOCK;
            let body = body.get_mut(..len)?;
            put(body, 0, ssrc.0);
            for (at, block) in (4..).step_by(BLOCK).zip(blocks) {
                let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
                put(body, at, block.ssrc.0);
                put(body, at + 4, u32::from(block.fraction_lost) << 24 | lost);
                put(body, at + 8, block.highest_seq);
                put(body, at + 12, block.jitter);
                put(body, at + 16, block.last_sr);
                put(body, at + 20, block.delay);
            }
            Some(len)
        })
    }

    /// One SDES chunk with a CNAME of at most 16 bytes.
    pub fn cname(&mut self, ssrc: Ssrc, cname: &[u8; 16]) -> bool {
        self.append(1, SDES, |body| {
            // SSRC, item type 1, length, text, end of list, padded to a word.
            let body = body.get_mut(..24)?;
            put(body, 0, ssrc.0);
            body[4] = 1;
            body[5] = cname.len() as u8;
            body[6..22].copy_from_slice(cname);
            body[22..].fill(0);
            Some(24)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RtcpPacket, packets};
    use super::*;

    fn block(ssrc: u32, lost: i32) -> ReportBlock {
        ReportBlock {
            ssrc: Ssrc(ssrc),
            fraction_lost: 128,
            lost,
            highest_seq: 0x1_0005,
            jitter: 77,
            last_sr: 0xabcd_0123,
            delay: 65_536,
        }
    }

    #[test]
    fn reports_are_what_an_independent_decoder_reads() {
        use rtc_rtcp::source_description::SourceDescription;
        use rtc_rtcp::{receiver_report::ReceiverReport, sender_report::SenderReport};

        let mut writer = RtcpWriter::default();
        let info = SenderInfo {
            ntp: 0x1122_3344_5566_7788,
            rtp: 9000,
            packets: 12,
            octets: 3456,
        };
        assert!(writer.sender_report(Ssrc(5), &info));
        assert!(writer.receiver_report(Ssrc(1), &[block(7, 300), block(8, -1)]));
        assert!(writer.cname(Ssrc(5), b"0123456789abcdef"));

        let mut bytes = bytes::Bytes::copy_from_slice(writer.bytes());
        let read = rtc_rtcp::packet::unmarshal(&mut bytes).unwrap();
        let report = read[0].as_any().downcast_ref::<SenderReport>().unwrap();
        assert_eq!(
            (
                report.ssrc,
                report.ntp_time,
                report.rtp_time,
                report.packet_count,
                report.octet_count
            ),
            (5, info.ntp, 9000, 12, 3456)
        );
        let report = read[1].as_any().downcast_ref::<ReceiverReport>().unwrap();
        let first = &report.reports[0];
        assert_eq!(
            (
                first.ssrc,
                first.fraction_lost,
                first.total_lost,
                first.last_sequence_number
            ),
            (7, 128, 300, 0x1_0005)
        );
        assert_eq!(
            (first.jitter, first.last_sender_report, first.delay),
            (77, 0xabcd_0123, 65_536)
        );
        let description = read[2]
            .as_any()
            .downcast_ref::<SourceDescription>()
            .unwrap();
        assert_eq!(
            &description.chunks[0].items[0].text[..],
            b"0123456789abcdef"
        );
    }

    #[test]
    fn reports_are_read_back() {
        let mut writer = RtcpWriter::default();
        writer.receiver_report(Ssrc(1), &[block(7, 300), block(8, -1)]);
        let Some(Ok(RtcpPacket::ReceiverReport { blocks })) = packets(writer.bytes()).next() else {
            panic!("not a report");
        };
        assert_eq!(blocks.collect::<Vec<_>>(), [block(7, 300), block(8, -1)]);
    }
}
