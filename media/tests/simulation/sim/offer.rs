//! The SDP that Chromium offers, cut to VP8 and Opus as our web client does.

use std::fmt::Write as _;

use convoke_media::control::MediaKind;

/// One m-line of the offer.
#[derive(Debug, Clone)]
pub struct Section {
    pub mid: String,
    pub kind: MediaKind,
    pub role: Role,
}

#[derive(Debug, Clone)]
pub enum Role {
    /// `ssrcs` when it is not simulcast: media and RTX.
    Publish {
        rids: Vec<&'static str>,
        ssrc: u32,
        rtx_ssrc: u32,
    },
    Slot,
}

/// ICE and DTLS of the offerer.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub ufrag: String,
    pub pwd: String,
    /// Upper-case hexadecimal with colons.
    pub sha256: String,
}

pub fn sdp(credentials: &Credentials, version: u32, sections: &[Section]) -> String {
    let mids: Vec<&str> = sections.iter().map(|s| s.mid.as_str()).collect();
    let mut sdp = format!(
        "v=0\r\no=- 4611731400430051336 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
         a=group:BUNDLE {}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n",
        mids.join(" ")
    );
    for section in sections {
        head(&mut sdp, credentials, section);
        direction(&mut sdp, section);
        codecs(&mut sdp, section.kind);
        streams(&mut sdp, section);
    }
    sdp
}

fn head(sdp: &mut String, credentials: &Credentials, section: &Section) {
    let (kind, pts) = match section.kind {
        MediaKind::Audio => ("audio", "111"),
        MediaKind::Video => ("video", "96 97"),
    };
    let Credentials { ufrag, pwd, sha256 } = credentials;
    let mid = &section.mid;
    let _ = write!(
        sdp,
        "m={kind} 9 UDP/TLS/RTP/SAVPF {pts}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=ice-options:trickle\r\n\
         a=fingerprint:sha-256 {sha256}\r\na=setup:actpass\r\na=mid:{mid}\r\n"
    );
    let common = "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
         a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    match section.kind {
        MediaKind::Audio => {
            sdp.push_str("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n");
            sdp.push_str(common);
        }
        MediaKind::Video => {
            sdp.push_str("a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\n");
            sdp.push_str(common);
            sdp.push_str(
                "a=extmap:13 urn:3gpp:video-orientation\r\n\
                 a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n\
                 a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
                 a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n",
            );
        }
    }
}

fn direction(sdp: &mut String, section: &Section) {
    sdp.push_str(match &section.role {
        Role::Publish { .. } => "a=sendonly\r\na=msid:- 9d7e0b6c-track\r\n",
        Role::Slot => "a=recvonly\r\n",
    });
    sdp.push_str("a=rtcp-mux\r\na=rtcp-rsize\r\n");
}

fn codecs(sdp: &mut String, kind: MediaKind) {
    sdp.push_str(match kind {
        MediaKind::Audio => {
            "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
             a=fmtp:111 minptime=10;useinbandfec=1\r\n"
        }
        MediaKind::Video => {
            "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n\
             a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
             a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
        }
    });
}

fn streams(sdp: &mut String, section: &Section) {
    let Role::Publish {
        rids,
        ssrc,
        rtx_ssrc,
        ..
    } = &section.role
    else {
        return;
    };
    if rids.is_empty() {
        if section.kind == MediaKind::Video {
            let _ = write!(sdp, "a=ssrc-group:FID {ssrc} {rtx_ssrc}\r\n");
            let _ = write!(sdp, "a=ssrc:{rtx_ssrc} cname:simulated\r\n");
        }
        let _ = write!(sdp, "a=ssrc:{ssrc} cname:simulated\r\n");
        return;
    }
    for rid in rids {
        let _ = write!(sdp, "a=rid:{rid} send\r\n");
    }
    let _ = write!(sdp, "a=simulcast:send {}\r\n", rids.join(";"));
}

/// What an answer tells the client.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    pub ufrag: String,
    pub pwd: String,
    pub sha256: String,
    pub candidates: Vec<std::net::SocketAddr>,
    /// Media and RTX SSRC by mid, where `a=ssrc` says them.
    pub ssrcs: Vec<(String, Vec<u32>)>,
}

pub fn parse_answer(sdp: &str) -> Answered {
    let mut answered = Answered::default();
    let mut mid = String::new();
    for line in sdp.lines() {
        if let Some(value) = line.strip_prefix("a=mid:") {
            mid = value.to_owned();
        } else if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
            answered.ufrag = value.to_owned();
        } else if let Some(value) = line.strip_prefix("a=ice-pwd:") {
            answered.pwd = value.to_owned();
        } else if let Some(value) = line.strip_prefix("a=fingerprint:sha-256 ") {
            answered.sha256 = value.to_owned();
        } else if let Some(value) = line.strip_prefix("a=candidate:") {
            let words: Vec<&str> = value.split(' ').collect();
            let address =
                std::net::SocketAddr::new(words[4].parse().unwrap(), words[5].parse().unwrap());
            if !answered.candidates.contains(&address) {
                answered.candidates.push(address);
            }
        } else if let Some(value) = line.strip_prefix("a=ssrc:") {
            note_ssrc(&mut answered.ssrcs, &mid, value);
        }
    }
    answered
}

/// The first SSRC of an m-line is its media, a second one its RTX.
fn note_ssrc(ssrcs: &mut Vec<(String, Vec<u32>)>, mid: &str, value: &str) {
    let Some(ssrc) = value.split(' ').next().and_then(|word| word.parse().ok()) else {
        return;
    };
    if ssrcs.last().is_none_or(|(known, _)| known != mid) {
        ssrcs.push((mid.to_owned(), Vec::new()));
    }
    if let Some((_, known)) = ssrcs.last_mut()
        && !known.contains(&ssrc)
    {
        known.push(ssrc);
    }
}
