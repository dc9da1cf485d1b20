//! Whose Encoding a packet belongs to (RFC 8843 §9.2). SSRCs are signalled, or
//! learned from the packets that name their m-line and layer; retransmissions of
//! simulcast layers are always learned, because Chromium signals no SSRC for them.

use smallvec::SmallVec;

use crate::ids::{Mid, Pt, Rid, Ssrc};
use crate::negotiation::params::CodecParams;
use crate::router::table::EncodingIndex;
use crate::rtp::ext::Extensions;

/// What an SSRC of an Encoding carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Media,
    /// Retransmissions and probes (RFC 4588).
    Repair,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) encoding: EncodingIndex,
    pub(crate) role: Role,
    /// The SSRC was unknown until this packet.
    pub(crate) learned: bool,
}

/// A publishing m-line as the demultiplexer sees it.
#[derive(Debug, Clone)]
pub(crate) struct DemuxSection {
    pub(crate) mid: Mid,
    pub(crate) codecs: SmallVec<[CodecParams; 6]>,
    pub(crate) encodings: SmallVec<[(Option<Rid>, EncodingIndex); 3]>,
}

impl DemuxSection {
    fn role_of(&self, pt: Pt) -> Option<Role> {
        self.codecs.iter().find_map(|codec| {
            if codec.pt == pt {
                Some(Role::Media)
            } else {
                (codec.rtx_pt == Some(pt)).then_some(Role::Repair)
            }
        })
    }

    fn encoding_of(&self, rid: Option<Rid>) -> Option<EncodingIndex> {
        match (rid, &self.encodings[..]) {
            (None, [(_, only)]) => Some(*only),
            (None, _) => None,
            // A rid that was not negotiated is refused, not learned.
            (Some(_), encodings) => Some(encodings.iter().find(|(known, _)| *known == rid)?.1),
        }
    }
}

/// The table of one Participant. An Encoding has one SSRC for each role, so a
/// stranger who keeps inventing SSRCs replaces his own entries and nothing grows.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    ssrcs: Vec<Ssrc>,
    routes: Vec<(EncodingIndex, Role)>,
    sections: Vec<DemuxSection>,
}

impl Demux {
    pub(crate) fn set_sections(&mut self, sections: Vec<DemuxSection>) {
        let known = |encoding: &EncodingIndex| {
            let mut encodings = sections.iter().flat_map(|section| &section.encodings);
            encodings.any(|(_, other)| other == encoding)
        };
        let keep: Vec<bool> = self
            .routes
            .iter()
            .map(|(encoding, _)| known(encoding))
            .collect();
        let mut kept = keep.iter();
        self.ssrcs.retain(|_| kept.next().copied().unwrap_or(false));
        let mut kept = keep.iter();
        self.routes
            .retain(|_| kept.next().copied().unwrap_or(false));
        self.sections = sections;
    }

    /// Ties an SSRC to an Encoding, replacing what either was tied to.
    pub(crate) fn bind(&mut self, ssrc: Ssrc, encoding: EncodingIndex, role: Role) {
        // An SSRC belongs to whom it was bound last; an Encoding has one per role.
        let stale = |at: usize| self.ssrcs[at] == ssrc || self.routes[at] == (encoding, role);
        let first = (0..self.ssrcs.len()).find(|at| stale(*at));
        match first {
            Some(at) => {
                for other in (at + 1..self.ssrcs.len()).rev() {
                    if self.ssrcs[other] == ssrc || self.routes[other] == (encoding, role) {
                        self.ssrcs.swap_remove(other);
                        self.routes.swap_remove(other);
                    }
                }
                self.ssrcs[at] = ssrc;
                self.routes[at] = (encoding, role);
            }
            None => {
                self.ssrcs.push(ssrc);
                self.routes.push((encoding, role));
            }
        }
    }

    /// The route of an SSRC that is known already.
    pub(crate) fn lookup(&self, ssrc: Ssrc) -> Option<(EncodingIndex, Role)> {
        // At most two dozen entries, side by side: scanning them beats hashing.
        let at = self.ssrcs.iter().position(|known| *known == ssrc)?;
        Some(self.routes[at])
    }

    pub(crate) fn route(
        &mut self,
        ssrc: Ssrc,
        pt: Pt,
        extensions: &Extensions<'_>,
    ) -> Option<Route> {
        if let Some((encoding, role)) = self.lookup(ssrc) {
            return Some(Route {
                encoding,
                role,
                learned: false,
            });
        }
        let (encoding, role) = self.identify(pt, extensions)?;
        self.bind(ssrc, encoding, role);
        Some(Route {
            encoding,
            role,
            learned: true,
        })
    }

    /// By mid and rid (RFC 8852 §3), by mid alone, or by a payload type that only
    /// one m-line has.
    fn identify(&self, pt: Pt, extensions: &Extensions<'_>) -> Option<(EncodingIndex, Role)> {
        let section = match extensions.mid {
            Some(mid) => self.sections.iter().find(|section| section.mid == mid)?,
            None => {
                let mut fitting = self.sections.iter().filter(|s| s.role_of(pt).is_some());
                fitting.next().filter(|_| fitting.next().is_none())?
            }
        };
        let role = section.role_of(pt)?;
        let rid = match role {
            Role::Media => extensions.rid,
            Role::Repair => extensions.repaired_rid.or(extensions.rid),
        };
        Some((section.encoding_of(rid)?, role))
    }

    /// Any SSRC that feedback on the transport as a whole can name.
    pub(crate) fn any_ssrc(&self) -> Option<Ssrc> {
        self.ssrcs.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::negotiation::params::Codec;

    fn codec(codec: Codec, pt: u8, rtx: Option<u8>) -> CodecParams {
        CodecParams {
            codec,
            pt: Pt::new(pt).unwrap(),
            rtx_pt: rtx.and_then(Pt::new),
            nack: true,
            pli: true,
        }
    }

    fn demux() -> Demux {
        let rid = |name| Some(Rid::try_from(name).unwrap());
        let section = |mid, codecs, encodings| DemuxSection {
            mid: Mid::try_from(mid).unwrap(),
            codecs,
            encodings,
        };
        let mut demux = Demux::default();
        let vp8 = codec(Codec::Vp8, 96, Some(97));
        demux.set_sections(vec![
            section(
                "0",
                smallvec![codec(Codec::Opus, 111, None)],
                smallvec![(None, EncodingIndex(0))],
            ),
            section(
                "1",
                smallvec![vp8],
                smallvec![(rid("q"), EncodingIndex(1)), (rid("f"), EncodingIndex(2))],
            ),
            section("2", smallvec![vp8], smallvec![(None, EncodingIndex(3))]),
        ]);
        demux.bind(Ssrc(50), EncodingIndex(3), Role::Media);
        demux
    }

    fn route(demux: &mut Demux, ssrc: u32, pt: u8, named: [&str; 3]) -> Option<(u16, Role)> {
        let extensions = Extensions {
            mid: Mid::try_from(named[0]).ok(),
            rid: Rid::try_from(named[1]).ok(),
            repaired_rid: Rid::try_from(named[2]).ok(),
            ..Extensions::default()
        };
        let route = demux.route(Ssrc(ssrc), Pt::new(pt).unwrap(), &extensions)?;
        Some((route.encoding.0, route.role))
    }

    #[test]
    fn packets_find_their_encoding() {
        let mut demux = demux();
        let cases = [
            (50, 96, ["", "", ""], Some((3, Role::Media))),
            (60, 96, ["1", "q", ""], Some((1, Role::Media))),
            (60, 96, ["", "", ""], Some((1, Role::Media))),
            (61, 97, ["1", "", "q"], Some((1, Role::Repair))),
            (61, 97, ["", "", ""], Some((1, Role::Repair))),
            (62, 96, ["1", "x", ""], None),
            (63, 96, ["1", "", ""], None),
            (64, 96, ["", "", ""], None),
            (65, 111, ["", "", ""], Some((0, Role::Media))),
            (66, 97, ["2", "", ""], Some((3, Role::Repair))),
            (67, 100, ["2", "", ""], None),
            (68, 96, ["9", "", ""], None),
        ];
        for (ssrc, pt, named, want) in cases {
            assert_eq!(route(&mut demux, ssrc, pt, named), want, "{ssrc} {named:?}");
        }
    }

    #[test]
    fn invented_ssrcs_replace_each_other() {
        let mut demux = demux();
        for ssrc in 1000..101_000 {
            assert!(route(&mut demux, ssrc, 96, ["1", "q", ""]).is_some());
        }
        assert_eq!(demux.ssrcs.len(), 2);
        assert_eq!(
            demux.lookup(Ssrc(100_999)),
            Some((EncodingIndex(1), Role::Media))
        );
        assert_eq!(
            demux.lookup(Ssrc(50)),
            Some((EncodingIndex(3), Role::Media))
        );
        // An SSRC taken over from another Encoding leaves one owner.
        demux.bind(Ssrc(50), EncodingIndex(1), Role::Media);
        assert_eq!(demux.ssrcs, [Ssrc(50)]);
    }

    #[test]
    fn renegotiation_keeps_what_was_learned_of_the_sections_that_stay() {
        let mut demux = demux();
        route(&mut demux, 60, 96, ["1", "f", ""]);
        let sections = demux.sections[..2].to_vec();
        demux.set_sections(sections);
        assert_eq!(
            demux.lookup(Ssrc(60)),
            Some((EncodingIndex(2), Role::Media))
        );
        assert_eq!(demux.lookup(Ssrc(50)), None);
    }
}
