//! Bodies of the RTP and RTCP fuzz targets, compiled in every build so that they
//! keep up with the code. Each takes any bytes; a panic is a finding.

use crate::ids::{Pt, Ssrc};
use crate::negotiation::params::{Codec, ExtensionIds};
use crate::rtp::codec::{Facts, red, vp8};
use crate::rtp::ext::Extensions;
use crate::rtp::packet::{Packet, restore_rtx};
use crate::rtp::rtcp::{RtcpPacket, packets};

/// Everything that is read from an RTP packet before it is forwarded.
pub fn rtp(bytes: &[u8]) {
    let ids = ExtensionIds {
        mid: Some(1),
        rid: Some(2),
        repaired_rid: Some(3),
        audio_level: Some(4),
        transport_cc: Some(5),
        abs_capture_time: Some(6),
        dependency_descriptor: Some(7),
        video_orientation: Some(8),
        playout_delay: Some(9),
        ..ExtensionIds::default()
    };
    let Ok(packet) = Packet::parse(bytes) else {
        return;
    };
    let extensions = Extensions::read(&packet, &ids);
    let codecs = [
        Codec::Vp8,
        Codec::Vp9 { profile: 0 },
        Codec::Av1 { profile: 0 },
        Codec::H264 {
            profile: [0x42, 0xe0, 0x1f],
            packetization_mode: 1,
        },
    ];
    for codec in codecs {
        let facts = Facts::read(codec, packet.payload(), &extensions);
        if let Some(descriptor) = facts.vp8 {
            descriptor.write(&mut [0; vp8::MAX_DESCRIPTOR]);
        }
    }
    red::primary(packet.payload());
    red::remap(packet.payload(), packet.pt(), &mut [0; red::MAX_HEADERS]);
    let mut copy = bytes.to_vec();
    if let Some(pt) = Pt::new(96) {
        restore_rtx(&mut copy, Ssrc(1), pt);
    }
}

/// A whole compound, every list in it walked.
pub fn rtcp(bytes: &[u8]) {
    for packet in packets(bytes).flatten() {
        match packet {
            RtcpPacket::SenderReport { blocks, .. } | RtcpPacket::ReceiverReport { blocks } => {
                blocks.for_each(drop);
            }
            RtcpPacket::Nack { lost, .. } => lost.for_each(drop),
            RtcpPacket::Fir { entries } => entries.for_each(drop),
            RtcpPacket::Bye { .. } | RtcpPacket::Pli { .. } | RtcpPacket::Other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_rtp_is_survived(
            first in 0x80u8..0xc0,
            profile in prop::sample::select(vec![[0xbe, 0xde], [0x10, 0x00]]),
            words in 0u8..6,
            body in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let mut bytes = vec![first, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
            if first & 0x10 != 0 && first & 0x0f == 0 {
                bytes.extend(profile);
                bytes.extend([0, words]);
            }
            bytes.extend(body);
            super::rtp(&bytes);
        }

        #[test]
        fn any_rtcp_is_survived(
            kind in 199u8..208,
            first in 0x80u8..0xc0,
            words in 0u8..12,
            body in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            super::rtcp(&[&[first, kind, 0, words][..], &body].concat());
        }
    }
}
