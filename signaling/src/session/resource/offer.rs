//! Offers of clients that say what they want by their SDP alone.

use convoke_media::control::{MediaKind, Offer, OfferError, PublishIntent, Source};
use convoke_media::negotiation::outline::{self, Direction, Line};

use super::{Credentials, ResourceError};
use crate::error::CallError;

/// The first audio m-line is a microphone, the first video m-line a camera, and there
/// are no more (RFC 9725 §4.4.2). Data channels are passed over: the answer rejects them.
pub(super) fn publishing(sdp: String) -> Result<Offer, ResourceError> {
    let mut publish: Vec<PublishIntent> = Vec::new();
    for (line, kind) in media(&lines(&sdp)?) {
        if line.direction == Direction::RecvOnly {
            return Err(ResourceError::Shape("a publisher's m-lines are sendonly"));
        }
        let source = match kind {
            MediaKind::Audio => Source::Microphone,
            MediaKind::Video => Source::Camera,
        };
        if publish.iter().any(|intent| intent.source == source) {
            let shape = "a publisher has one audio and one video m-line at most";
            return Err(ResourceError::Shape(shape));
        }
        let mid = line.mid;
        publish.push(PublishIntent { mid, source });
    }
    if publish.is_empty() {
        return Err(ResourceError::Shape("nothing is published"));
    }
    let offer = Offer { sdp, publish };
    // Half a broadcast would look like a whole one to whoever sends it.
    let published = outline::published(&offer).map_err(refused)?;
    match published.len() == offer.publish.len() {
        true => Ok(offer),
        false => Err(refused(OfferError::Unsupported("what an m-line offers"))),
    }
}

/// Every m-line that receives is a Slot.
pub(super) fn receiving(sdp: String) -> Result<Offer, ResourceError> {
    let lines = lines(&sdp)?;
    if media(&lines).any(|(line, _)| line.direction != Direction::RecvOnly) {
        return Err(ResourceError::Shape("a player's m-lines are recvonly"));
    }
    if media(&lines).next().is_none() {
        return Err(ResourceError::Shape("nothing is received"));
    }
    let publish = Vec::new();
    let offer = Offer { sdp, publish };
    outline::published(&offer).map_err(refused)?;
    Ok(offer)
}

fn lines(sdp: &str) -> Result<Vec<Line>, ResourceError> {
    outline::lines(sdp).map_err(refused)
}

fn media(lines: &[Line]) -> impl Iterator<Item = (&Line, MediaKind)> {
    lines.iter().filter_map(|line| Some((line, line.kind?)))
}

fn refused(error: OfferError) -> ResourceError {
    CallError::Offer(error).into()
}

const UFRAG: &str = "a=ice-ufrag:";
const PWD: &str = "a=ice-pwd:";

/// Whether the offer was made with these credentials.
pub(super) fn has_ufrag(sdp: &str, ufrag: &str) -> bool {
    let known = sdp.lines().filter_map(|line| line.strip_prefix(UFRAG));
    known.into_iter().any(|known| known.trim_end() == ufrag)
}

/// The same offer as a client makes it that restarts ICE. What the credentials are
/// made of is for the negotiation to judge.
pub(super) fn with_credentials(offer: &Offer, new: &Credentials) -> Offer {
    let mut sdp = String::with_capacity(offer.sdp.len() + 64);
    for line in offer.sdp.split_inclusive('\n') {
        let renewed = match line {
            _ if line.starts_with(UFRAG) => Some((UFRAG, &new.ufrag)),
            _ if line.starts_with(PWD) => Some((PWD, &new.pwd)),
            _ => None,
        };
        match renewed {
            Some((key, value)) => sdp.extend([key, value, "\r\n"]),
            None => sdp.push_str(line),
        }
    }
    Offer {
        sdp,
        publish: offer.publish.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROMIUM: &str =
        include_str!("../../../../media/tests/data/sdp/chromium-datachannel.sdp");

    /// An offer of these m-lines, with all that a browser says of them.
    fn offer_of(lines: &[(&str, &str)]) -> String {
        let mut sections = CHROMIUM.split("\r\nm=");
        let head = sections.next().unwrap();
        let sections: Vec<_> = sections.map(|section| section.trim_end()).collect();
        let mids: Vec<_> = (0..lines.len()).map(|mid| mid.to_string()).collect();
        let bundle = format!("a=group:BUNDLE {}", mids.join(" "));
        let mut sdp = head.replace("a=group:BUNDLE 0 1 2 3 4 5 6 7 8", &bundle);
        for (at, (kind, direction)) in lines.iter().enumerate() {
            let alike = |section: &&&str| section.starts_with(kind);
            let section = sections.iter().find(alike).unwrap();
            let lines = section.lines().map(|line| match line {
                _ if line.starts_with("a=mid:") => format!("a=mid:{at}"),
                "a=sendonly" => format!("a={direction}"),
                line => line.to_owned(),
            });
            let lines: Vec<_> = lines.collect();
            sdp += &format!("\r\nm={}", lines.join("\r\n"));
        }
        sdp + "\r\n"
    }

    #[test]
    fn what_publishers_offer() {
        use Source::{Camera, Microphone};
        type Case<'a> = (&'a [(&'a str, &'a str)], Result<&'a [Source], ()>);
        let cases: [Case<'_>; 9] = [
            (
                &[("audio", "sendonly"), ("video", "sendonly")],
                Ok(&[Microphone, Camera]),
            ),
            (
                &[("video", "sendrecv"), ("audio", "sendrecv")],
                Ok(&[Camera, Microphone]),
            ),
            (&[("video", "sendonly")], Ok(&[Camera])),
            (
                &[("audio", "sendonly"), ("application", "")],
                Ok(&[Microphone]),
            ),
            (
                &[("application", ""), ("audio", "sendonly")],
                Ok(&[Microphone]),
            ),
            (&[("audio", "recvonly"), ("video", "sendonly")], Err(())),
            (&[("video", "sendonly"), ("video", "sendonly")], Err(())),
            (&[("audio", "sendonly"), ("audio", "sendonly")], Err(())),
            (&[("application", "")], Err(())),
        ];
        for (lines, want) in cases {
            let got = publishing(offer_of(lines)).map(|offer| offer.publish);
            let got = got.map(|publish| publish.iter().map(|i| i.source).collect::<Vec<_>>());
            let want = want.map(<[Source]>::to_vec);
            assert_eq!(got.clone().map_err(drop), want, "{lines:?}: {got:?}");
        }
    }

    #[test]
    fn what_players_offer() {
        let cases: [(&[(&str, &str)], bool); 5] = [
            (&[("audio", "recvonly"), ("video", "recvonly")], true),
            (
                &[
                    ("video", "recvonly"),
                    ("video", "recvonly"),
                    ("application", ""),
                ],
                true,
            ),
            (&[("audio", "sendonly"), ("video", "recvonly")], false),
            (&[("audio", "sendrecv")], false),
            (&[("application", "")], false),
        ];
        for (lines, want) in cases {
            let got = receiving(offer_of(lines));
            assert_eq!(got.is_ok(), want, "{lines:?}: {got:?}");
        }
    }

    #[test]
    fn a_codec_that_nobody_knows_is_refused_whole() {
        let sdp = offer_of(&[("audio", "sendonly"), ("video", "sendonly")]);
        let unknown = publishing(sdp.replace("VP8/90000", "VP7/90000"));
        let want = OfferError::Unsupported("what an m-line offers");
        assert_eq!(unknown.unwrap_err(), refused(want));
    }

    #[test]
    fn restarting_changes_credentials_and_nothing_else() {
        let sdp = offer_of(&[("audio", "sendonly"), ("video", "sendonly")]);
        let offer = publishing(sdp).unwrap();
        let new = Credentials {
            ufrag: "new1".to_owned(),
            pwd: "a-new-password-of-enough-characters".to_owned(),
        };
        assert!(!has_ufrag(&offer.sdp, "new1"));
        let restarted = with_credentials(&offer, &new);
        assert!(has_ufrag(&restarted.sdp, "new1"));
        assert_eq!(restarted.publish, offer.publish);
        let changed = offer.sdp.lines().zip(restarted.sdp.lines());
        for (before, after) in changed.filter(|(before, after)| before != after) {
            assert!(before.starts_with("a=ice-"), "{before} {after}");
        }
        assert_eq!(offer.sdp.lines().count(), restarted.sdp.lines().count());
    }
}
