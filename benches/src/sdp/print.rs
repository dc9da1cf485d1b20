//! Writes our side: Chromium's offer cut to the codec in use and Opus, as our web client
//! cuts it, and the answer to a server that offers.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use convoke_media::control::MediaKind;
use convoke_media::negotiation::params::Fingerprint;

use crate::shape::Codec;

use super::parse::{Description, Media};

/// URIs of the header extensions that a client uses.
pub(crate) mod uri {
    pub(crate) const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    pub(crate) const ABS_SEND_TIME: &str =
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
    pub(crate) const TRANSPORT_CC: &str =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    pub(crate) const DEPENDENCY_DESCRIPTOR: &str =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
    pub(crate) const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
    pub(crate) const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    pub(crate) const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
}

/// With Chromium's numbers.
const AUDIO_EXTENSIONS: [(u8, &str); 4] = [
    (1, uri::AUDIO_LEVEL),
    (2, uri::ABS_SEND_TIME),
    (3, uri::TRANSPORT_CC),
    (4, uri::MID),
];
const VIDEO_EXTENSIONS: [(u8, &str); 6] = [
    (2, uri::ABS_SEND_TIME),
    (3, uri::TRANSPORT_CC),
    (4, uri::MID),
    (8, uri::DEPENDENCY_DESCRIPTOR),
    (10, uri::RID),
    (11, uri::REPAIRED_RID),
];

const OPUS: u8 = 111;

const fn video_types(codec: Codec) -> (u8, u8, &'static str) {
    match codec {
        Codec::Vp8 => (96, 97, "VP8"),
        Codec::Av1 => (45, 46, "AV1"),
    }
}

/// ICE and DTLS of ours, and where we are.
#[derive(Debug, Clone)]
pub(crate) struct Credentials<'a> {
    pub(crate) ufrag: &'a str,
    pub(crate) pwd: &'a str,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) address: SocketAddr,
}

impl Credentials<'_> {
    fn write(&self, sdp: &mut String) {
        let Self { ufrag, pwd, .. } = self;
        let hex: Vec<String> = self
            .fingerprint
            .bytes
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        // Never passive: our DTLS is a client (RFC 8842 §5.2 lets an offerer say so).
        add(
            sdp,
            format_args!(
                "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:sha-256 {}\r\n\
                 a=setup:active\r\n",
                hex.join(":")
            ),
        );
    }

    /// None before an address is bound: the server learns it from our checks.
    fn candidate(&self, sdp: &mut String) {
        if self.address.ip().is_unspecified() {
            return;
        }
        let (ip, port) = (self.address.ip(), self.address.port());
        add(
            sdp,
            format_args!(
                "a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\na=end-of-candidates\r\n"
            ),
        );
    }
}

/// An m-line of an offer.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    pub(crate) mid: &'a str,
    pub(crate) kind: MediaKind,
    pub(crate) role: LineRole<'a>,
}

#[derive(Debug, Clone)]
pub(crate) enum LineRole<'a> {
    /// Several streams by their rids, or one by SSRC: media and repairs.
    Publish {
        rids: Vec<&'a str>,
        ssrc: u32,
        rtx_ssrc: u32,
    },
    Receive,
}

#[derive(Debug, Clone)]
pub(crate) struct Offer<'a> {
    pub(crate) credentials: Credentials<'a>,
    pub(crate) codec: Codec,
    pub(crate) lines: Vec<Line<'a>>,
}

fn add(sdp: &mut String, text: fmt::Arguments<'_>) {
    // A String takes anything.
    let _ = sdp.write_fmt(text);
}

fn head<'a>(sdp: &mut String, mids: impl Iterator<Item = &'a str>) {
    let mids: Vec<&str> = mids.collect();
    add(
        sdp,
        format_args!(
            "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
             a=group:BUNDLE {}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n",
            mids.join(" ")
        ),
    );
}

impl Offer<'_> {
    pub(crate) fn print(&self) -> String {
        let mut sdp = String::with_capacity(1_000 * (1 + self.lines.len()));
        head(&mut sdp, self.lines.iter().map(|line| line.mid));
        for line in &self.lines {
            self.line(&mut sdp, line);
        }
        sdp
    }

    fn line(&self, sdp: &mut String, line: &Line<'_>) {
        let (pt, rtx, name) = video_types(self.codec);
        match line.kind {
            MediaKind::Audio => add(sdp, format_args!("m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}\r\n")),
            MediaKind::Video => add(
                sdp,
                format_args!("m=video 9 UDP/TLS/RTP/SAVPF {pt} {rtx}\r\n"),
            ),
        }
        sdp.push_str("c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n");
        self.credentials.write(sdp);
        self.credentials.candidate(sdp);
        add(sdp, format_args!("a=mid:{}\r\n", line.mid));
        let extensions: &[(u8, &str)] = match line.kind {
            MediaKind::Audio => &AUDIO_EXTENSIONS,
            MediaKind::Video => &VIDEO_EXTENSIONS,
        };
        for (id, uri) in extensions {
            add(sdp, format_args!("a=extmap:{id} {uri}\r\n"));
        }
        sdp.push_str(match line.role {
            LineRole::Publish { .. } => "a=sendonly\r\na=msid:bench bench\r\n",
            LineRole::Receive => "a=recvonly\r\n",
        });
        sdp.push_str("a=rtcp-mux\r\na=rtcp-rsize\r\n");
        match line.kind {
            MediaKind::Audio => add(
                sdp,
                format_args!(
                    "a=rtpmap:{OPUS} opus/48000/2\r\na=rtcp-fb:{OPUS} transport-cc\r\n\
                     a=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n"
                ),
            ),
            MediaKind::Video => add(
                sdp,
                format_args!(
                    "a=rtpmap:{pt} {name}/90000\r\na=rtcp-fb:{pt} goog-remb\r\n\
                     a=rtcp-fb:{pt} transport-cc\r\na=rtcp-fb:{pt} ccm fir\r\n\
                     a=rtcp-fb:{pt} nack\r\na=rtcp-fb:{pt} nack pli\r\n\
                     a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n"
                ),
            ),
        }
        streams(sdp, line);
    }
}

fn streams(sdp: &mut String, line: &Line<'_>) {
    let LineRole::Publish {
        rids,
        ssrc,
        rtx_ssrc,
    } = &line.role
    else {
        return;
    };
    if rids.is_empty() {
        if line.kind == MediaKind::Video {
            add(
                sdp,
                format_args!(
                    "a=ssrc-group:FID {ssrc} {rtx_ssrc}\r\na=ssrc:{rtx_ssrc} cname:bench\r\n"
                ),
            );
        }
        add(sdp, format_args!("a=ssrc:{ssrc} cname:bench\r\n"));
        return;
    }
    for rid in rids {
        add(sdp, format_args!("a=rid:{rid} send\r\n"));
    }
    add(sdp, format_args!("a=simulcast:send {}\r\n", rids.join(";")));
}

/// To an offer whose every m-line we receive.
#[derive(Debug, Clone)]
pub(crate) struct Answer<'a> {
    pub(crate) credentials: Credentials<'a>,
    pub(crate) codec: Codec,
    pub(crate) offer: &'a Description,
}

impl Answer<'_> {
    pub(crate) fn print(&self) -> String {
        let mut sdp = String::with_capacity(1_000 * (1 + self.offer.media.len()));
        head(
            &mut sdp,
            self.offer.media.iter().map(|media| media.mid.as_str()),
        );
        for media in &self.offer.media {
            self.line(&mut sdp, media);
        }
        sdp
    }

    fn line(&self, sdp: &mut String, media: &Media) {
        let (kind, name, rtpmap) = match media.kind {
            Some(MediaKind::Audio) => ("audio", "opus", "opus/48000/2"),
            _ => match self.codec {
                Codec::Vp8 => ("video", "vp8", "VP8/90000"),
                Codec::Av1 => ("video", "av1", "AV1/90000"),
            },
        };
        let (mid, protocol) = (&media.mid, &media.protocol);
        let Some(pt) = media.payload_type(name).filter(|_| media.port != 0) else {
            add(
                sdp,
                format_args!(
                    "m={kind} 0 {protocol} 0\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=inactive\r\n"
                ),
            );
            return;
        };
        let rtx = media.repair_of(pt);
        let types = rtx.map_or(format!("{pt}"), |rtx| format!("{pt} {rtx}"));
        add(
            sdp,
            format_args!("m={kind} 9 {protocol} {types}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n"),
        );
        self.credentials.write(sdp);
        self.credentials.candidate(sdp);
        sdp.push_str("a=recvonly\r\na=rtcp-mux\r\n");
        let known = AUDIO_EXTENSIONS.iter().chain(&VIDEO_EXTENSIONS);
        let known: Vec<&str> = known.map(|(_, uri)| *uri).collect();
        for (id, uri) in &media.extensions {
            if known.contains(&uri.as_str()) {
                add(sdp, format_args!("a=extmap:{id} {uri}\r\n"));
            }
        }
        add(sdp, format_args!("a=rtpmap:{pt} {rtpmap}\r\n"));
        if media.kind == Some(MediaKind::Video) {
            add(
                sdp,
                format_args!(
                    "a=rtcp-fb:{pt} transport-cc\r\na=rtcp-fb:{pt} ccm fir\r\n\
                     a=rtcp-fb:{pt} nack\r\na=rtcp-fb:{pt} nack pli\r\n"
                ),
            );
        }
        if let Some(rtx) = rtx {
            add(
                sdp,
                format_args!("a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n"),
            );
        }
    }
}
