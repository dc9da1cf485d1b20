//! What the client publishes and how it is recognised again: pictures that look
//! like VP8 to whoever reads headers (RFC 7741, RFC 6386 §9.1), and carry a number
//! and their sender's name.

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// A video packet as it arrived: one picture each.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) from: String,
    pub(crate) counter: u32,
    pub(crate) sequence: u16,
    pub(crate) keyframe: bool,
}

/// X, S; I; fifteen bits of picture id.
const DESCRIPTOR: usize = 4;
/// Frame tag, start code, width and height; a delta frame has the tag alone.
const KEYFRAME_HEADER: [u8; 10] = [0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1];
const DELTA_HEADER: [u8; 3] = [0x11, 2, 0];

pub(crate) fn picture(name: &str, counter: u32, keyframe: bool) -> Bytes {
    let id = (counter as u16) & 0x7fff;
    let mut payload = vec![0x90, 0x80, 0x80 | (id >> 8) as u8, id as u8];
    if keyframe {
        payload.extend(KEYFRAME_HEADER);
    } else {
        payload.extend(DELTA_HEADER);
    }
    payload.extend(counter.to_be_bytes());
    payload.extend(name.as_bytes());
    payload.into()
}

pub(crate) fn read_picture(packet: &rtp::Packet) -> Picture {
    let frame = &packet.payload[DESCRIPTOR..];
    let keyframe = frame[0] & 1 == 0;
    let header = if keyframe {
        KEYFRAME_HEADER.len()
    } else {
        DELTA_HEADER.len()
    };
    let (counter, name) = frame[header..].split_at(4);
    Picture {
        from: String::from_utf8_lossy(name).into_owned(),
        counter: u32::from_be_bytes(counter.try_into().unwrap()),
        sequence: packet.header.sequence_number,
        keyframe,
    }
}

/// An Opus packet of one 20 ms frame (RFC 6716 §3.1), to whoever reads its head.
pub(crate) fn voice(name: &str) -> Bytes {
    [&[0x78], name.as_bytes()].concat().into()
}

pub(crate) fn read_voice(packet: &rtp::Packet) -> String {
    String::from_utf8_lossy(&packet.payload[1..]).into_owned()
}

pub(crate) fn packet(
    ssrc: u32,
    payload_type: u8,
    counter: u32,
    ticks: u32,
    payload: Bytes,
) -> rtp::Packet {
    // Near the wrap of both, so that going over it is part of the test.
    let sequence_number = (counter as u16).wrapping_sub(40);
    let timestamp = counter.wrapping_mul(ticks).wrapping_sub(40 * ticks);
    rtp::Packet {
        header: rtp::header::Header {
            version: 2,
            marker: true,
            payload_type,
            sequence_number,
            timestamp,
            ssrc,
            ..Default::default()
        },
        payload,
    }
}

pub(crate) fn track(kind: RtpCodecKind, ssrc: u32, codec: RTCRtpCodec) -> TrackLocalStaticRTP {
    TrackLocalStaticRTP::new(MediaStreamTrack::new(
        format!("stream-{ssrc}"),
        format!("track-{ssrc}"),
        format!("label-{ssrc}"),
        kind,
        vec![RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            codec,
            ..Default::default()
        }],
    ))
}

pub(crate) fn vp8() -> RTCRtpCodec {
    codec("video/VP8", 90_000, 0)
}

pub(crate) fn opus() -> RTCRtpCodec {
    codec("audio/opus", 48_000, 2)
}

fn codec(mime_type: &str, clock_rate: u32, channels: u16) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: mime_type.to_owned(),
        clock_rate,
        channels,
        ..Default::default()
    }
}
