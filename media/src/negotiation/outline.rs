//! What an offer contains, for those who were told of it by its SDP alone and not by
//! messages beside it (WHIP and WHEP): which m-lines there are, and whether the whole
//! would be accepted. Pure, so that an offer can be judged before anybody joins.

use crate::control::{MediaKind, Offer, OfferError, PublishIntent};
use crate::ids::Mid;

use super::Negotiator;
pub use super::sdp::Direction;
use super::sdp::OfferSdp;

/// One m-line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub mid: Mid,
    /// `None` for data channels and whatever else there may be.
    pub kind: Option<MediaKind>,
    pub direction: Direction,
}

/// The m-lines of an offer in their order.
pub fn lines(sdp: &str) -> Result<Vec<Line>, OfferError> {
    let sdp = OfferSdp::parse(sdp)?;
    let lines = sdp.sections.iter().map(|section| Line {
        mid: section.mid,
        kind: section.kind(),
        direction: section.direction,
    });
    Ok(lines.collect())
}

/// What a Participant without history would publish by this offer, if it were answered.
pub fn published(offer: &Offer) -> Result<Vec<PublishIntent>, OfferError> {
    // Its SSRCs are thrown away with it.
    let negotiated = Negotiator::new([0; 32]).accept(offer)?;
    let published = negotiated.published.iter().map(|section| PublishIntent {
        mid: section.mid,
        source: section.source,
    });
    Ok(published.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Source;

    const OFFER: &str = include_str!("../../tests/data/sdp/chromium-datachannel.sdp");

    fn offer(publish: &[(&str, Source)]) -> Offer {
        let intents = publish.iter().map(|(mid, source)| PublishIntent {
            mid: Mid::try_from(*mid).unwrap(),
            source: *source,
        });
        Offer {
            sdp: OFFER.to_owned(),
            publish: intents.collect(),
        }
    }

    #[test]
    fn data_channels_are_seen_and_stand_in_nobody_s_way() {
        let lines = lines(OFFER).unwrap();
        let kinds: Vec<_> = lines.iter().map(|line| line.kind).collect();
        assert_eq!(
            (kinds[0], kinds[1]),
            (Some(MediaKind::Audio), Some(MediaKind::Video))
        );
        assert_eq!((kinds[8], kinds.len()), (None, 9));
        assert_eq!(lines[0].direction, Direction::SendOnly);
        assert_eq!(lines[4].direction, Direction::RecvOnly);
        let all = [
            ("0", Source::Microphone),
            ("1", Source::Camera),
            ("2", Source::Screen),
        ];
        let offer = offer(&all);
        assert_eq!(published(&offer).unwrap(), offer.publish);
    }

    #[test]
    fn what_would_be_refused_is_refused_here() {
        assert!(super::lines("v=0").is_err());
        let nowhere = published(&offer(&[("nowhere", Source::Camera)]));
        assert!(matches!(nowhere, Err(OfferError::Mid(_))), "{nowhere:?}");
        // It sends, and nobody said what.
        let unsaid = published(&offer(&[]));
        assert!(matches!(unsaid, Err(OfferError::Mid(_))), "{unsaid:?}");
    }
}
