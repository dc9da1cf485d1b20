//! STUN binding requests, as ICE uses them (RFC 8489, RFC 8445 §7).

/// The local half of USERNAME (`local:remote`, RFC 8445 §7.2.2) of what looks like a
/// binding request; cheap, and nothing is verified.
pub fn local_ufrag_of(datagram: &[u8]) -> Option<&str> {
    let _ = datagram;
    None
}

/// The worker that made this local ufrag.
pub fn worker_of(ufrag: &str) -> Option<u8> {
    let _ = ufrag;
    None
}
