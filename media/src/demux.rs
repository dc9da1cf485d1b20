//! Whose datagram is it? First byte (RFC 7983 §7), then the address pair, then,
//! for STUN alone, the username fragment.
//!
//! Everything a stranger sends ends here, so this is written to cost next to
//! nothing: no allocation, no log, a counter.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::ids::ParticipantKey;
use crate::limits::{MAX_DATAGRAM, MIN_DATAGRAM};
use crate::transport::Path;

/// Kind of a datagram (RFC 7983 §7, RFC 5761 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatagramKind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
}

/// `None` for what none of the multiplexed protocols can have sent.
pub fn classify(datagram: &[u8]) -> Option<DatagramKind> {
    if !(MIN_DATAGRAM..=MAX_DATAGRAM).contains(&datagram.len()) {
        return None;
    }
    match datagram[0] {
        0..=3 => Some(DatagramKind::Stun),
        20..=63 => Some(DatagramKind::Dtls),
        // RFC 5761 §4: the packet types 192 to 223 of RTCP, where RTP would have
        // its marker bit and payload types 64 to 95, which must not be used.
        128..=191 => match datagram[1] {
            192..=223 => Some(DatagramKind::Rtcp),
            _ => Some(DatagramKind::Rtp),
        },
        _ => None,
    }
}

/// Why datagrams were dropped before they belonged to anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DroppedDatagrams {
    /// Of no known protocol, too short or too long.
    pub unknown_kind: u64,
    /// DTLS or SRTP from an address that no check has validated (RFC 8445 §2.5:
    /// data on an unvalidated pair would be an injection).
    pub unvalidated: u64,
    /// STUN that names nobody here, or is not a Binding request for us.
    pub stun: u64,
}

/// Username fragments and validated addresses to Participants.
#[derive(Debug, Default)]
pub struct Demux {
    paths: FxHashMap<Path, ParticipantKey>,
    fragments: FxHashMap<Box<str>, ParticipantKey>,
    /// Validated paths of each Participant, indexed by its key.
    by_participant: Vec<Vec<Path>>,
    addresses: FxHashMap<IpAddr, usize>,
    pub dropped: DroppedDatagrams,
}

impl Demux {
    pub fn by_path(&self, path: &Path) -> Option<ParticipantKey> {
        self.paths.get(path).copied()
    }

    pub fn by_fragment(&self, ufrag: &str) -> Option<ParticipantKey> {
        self.fragments.get(ufrag).copied()
    }

    pub fn add_fragment(&mut self, ufrag: &str, key: ParticipantKey) {
        self.fragments.insert(ufrag.into(), key);
    }

    pub fn remove_fragment(&mut self, ufrag: &str) {
        self.fragments.remove(ufrag);
    }

    /// Validated paths whose remote end is this IP address.
    pub fn paths_from(&self, ip: IpAddr) -> usize {
        self.addresses.get(&ip).copied().unwrap_or(0)
    }

    /// Remembers a path that a check with valid credentials came by; it belongs to
    /// its newest owner. How many one Participant may have is for its transport to
    /// say, which names those it gives up.
    pub fn validate(&mut self, path: Path, key: ParticipantKey) {
        match self.paths.insert(path, key) {
            Some(owner) if owner == key => return,
            Some(other) => {
                self.paths_of(other).retain(|known| *known != path);
                self.forget_address(path.remote.ip());
            }
            None => {}
        }
        *self.addresses.entry(path.remote.ip()).or_default() += 1;
        self.paths_of(key).push(path);
    }

    /// Forgets one path of a Participant.
    pub fn forget(&mut self, path: Path, key: ParticipantKey) {
        let known = self.paths_of(key);
        if let Some(at) = known.iter().position(|p| *p == path) {
            known.swap_remove(at);
            self.paths.remove(&path);
            self.forget_address(path.remote.ip());
        }
    }

    /// Forgets every path of a Participant.
    pub fn evict(&mut self, key: ParticipantKey) {
        for path in std::mem::take(self.paths_of(key)) {
            self.paths.remove(&path);
            self.forget_address(path.remote.ip());
        }
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.fragments.is_empty() && self.addresses.is_empty()
    }

    fn paths_of(&mut self, key: ParticipantKey) -> &mut Vec<Path> {
        let index = key.0 as usize;
        if index >= self.by_participant.len() {
            self.by_participant.resize_with(index + 1, Vec::new);
        }
        &mut self.by_participant[index]
    }

    fn forget_address(&mut self, ip: IpAddr) {
        if let Some(count) = self.addresses.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            local: ([127, 0, 0, 1], 3478).into(),
            remote: ([10, 0, 0, 1], port).into(),
        }
    }

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        let cases = [
            ([0, 1], Some(DatagramKind::Stun)),
            ([3, 0], Some(DatagramKind::Stun)),
            ([4, 0], None),
            ([19, 0], None),
            ([20, 254], Some(DatagramKind::Dtls)),
            ([63, 254], Some(DatagramKind::Dtls)),
            ([64, 0], None),
            ([127, 0], None),
            ([128, 96], Some(DatagramKind::Rtp)),
            ([0x90, 0x80 | 111], Some(DatagramKind::Rtp)),
            ([128, 191], Some(DatagramKind::Rtp)),
            ([128, 192], Some(DatagramKind::Rtcp)),
            ([128, 200], Some(DatagramKind::Rtcp)),
            ([191, 223], Some(DatagramKind::Rtcp)),
            ([191, 224], Some(DatagramKind::Rtp)),
            ([192, 200], None),
            ([255, 255], None),
        ];
        for ([a, b], want) in cases {
            let datagram = [a, b, 0, 0, 0, 0, 0, 0];
            assert_eq!(classify(&datagram), want, "{a} {b}");
        }
        assert_eq!(classify(&[0; MIN_DATAGRAM - 1]), None);
        assert_eq!(classify(&[0; MAX_DATAGRAM + 1]), None);
        assert_eq!(classify(&[]), None);
    }

    #[test]
    fn what_was_validated_is_forgotten_entirely() {
        let (mut demux, key) = (Demux::default(), ParticipantKey(4));
        for port in 1..9 {
            demux.validate(path(port), key);
            demux.validate(path(port), key);
        }
        assert_eq!(demux.paths_from(path(1).remote.ip()), 8);
        demux.forget(path(1), key);
        demux.forget(path(1), key);
        assert_eq!(demux.by_path(&path(1)), None);
        assert_eq!(demux.by_path(&path(2)), Some(key));
        assert_eq!(demux.paths_from(path(1).remote.ip()), 7);
        demux.evict(key);
        assert!(demux.is_empty());
    }

    #[test]
    fn a_path_has_one_owner() {
        let mut demux = Demux::default();
        demux.validate(path(1), ParticipantKey(0));
        demux.validate(path(1), ParticipantKey(1));
        demux.evict(ParticipantKey(0));
        assert_eq!(demux.by_path(&path(1)), Some(ParticipantKey(1)));
        demux.evict(ParticipantKey(1));
        assert!(demux.is_empty());
    }
}
