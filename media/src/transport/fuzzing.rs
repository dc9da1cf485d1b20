//! Bodies of the STUN, DTLS and SRTP fuzz targets, compiled in every build so that
//! they keep up with the code. Each takes any bytes; a panic is a finding.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::client::ClientTransport;
use super::dtls::{Association, DtlsIdentity};
use super::keys::{Profile, SrtpKeys};
use super::srtp::SrtpSession;
use super::{Path, Transport, stun};
use crate::negotiation::params::TransportParams;

/// Any path.
fn path() -> Path {
    let address = std::net::SocketAddr::from(([192, 0, 2, 1], 9));
    Path {
        local: address,
        remote: address,
    }
}

/// Made once: it costs more than everything else here.
fn identity() -> Option<Arc<DtlsIdentity>> {
    static IDENTITY: OnceLock<Option<Arc<DtlsIdentity>>> = OnceLock::new();
    let make = || DtlsIdentity::generate().ok().map(Arc::new);
    IDENTITY.get_or_init(make).clone()
}

#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
fn now() -> Instant {
    Instant::now()
}

/// A datagram on the way to a Transport by its ufrag, and to a client's.
pub fn stun(bytes: &[u8]) {
    if let Some(ufrag) = stun::local_ufrag_of(bytes) {
        stun::worker_of(ufrag);
    }
    let Some(identity) = identity() else { return };
    let now = now();
    let params = TransportParams {
        remote_ufrag: "remote45".to_owned(),
        remote_pwd: "0123456789abcdefghijklmn".to_owned(),
        fingerprint: identity.fingerprint().clone(),
    };
    let mut transport = Transport::new(identity.clone(), 0, [0; 32]);
    transport.set_remote(now, &params);
    transport.handle_stun(now, path(), bytes);
    let mut client = ClientTransport::new(identity, &[Profile::AeadAes128Gcm], [0; 32]);
    client.set_remote(now, params, path());
    client.handle_timeout(now);
    client.handle_control(now, path(), bytes);
}

/// Cuts input into datagrams by a length byte, in units of 8.
fn datagrams(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first()?;
        let (datagram, rest) = rest.split_at((usize::from(*len) * 8).min(rest.len()));
        bytes = rest;
        Some(datagram)
    })
}

/// A handshake in which our flight is sent and the client's awaited.
fn half_way(now: Instant, mut server: Association, mut client: Association) -> Association {
    for _ in 0..2 {
        for datagram in client.drain() {
            let _ = server.handle(now, &datagram);
        }
        // The cookie; the second time our flight, whose answer is left to the fuzzer.
        for datagram in server.drain() {
            let _ = client.handle(now, &datagram);
        }
    }
    server
}

/// Datagrams from a validated address to the server, before and after the cookie, and to
/// a client from a server.
pub fn dtls(bytes: &[u8]) {
    let Some(identity) = identity() else { return };
    let mut now = now();
    let expected = identity.fingerprint().clone();
    let server = || Association::server(now, identity.clone(), expected.clone());
    let client = || {
        let config = identity.client_config(&[Profile::AeadAes128Gcm]).ok()?;
        Association::client(now, config, expected.clone()).ok()
    };
    let (fresh, ahead) = (
        server(),
        client().map(|client| half_way(now, server(), client)),
    );
    let client = client();
    for mut association in [Some(fresh), ahead, client].into_iter().flatten() {
        for datagram in datagrams(bytes) {
            now += Duration::from_millis(100);
            let ended = association.handle(now, datagram).is_err()
                || association.handle_timeout(now).is_err();
            association.drain().for_each(drop);
            if ended {
                break;
            }
        }
        association.close(now);
    }
}

/// Packets as they come, and as sealed by someone with the keys: the first byte says
/// which, and which profile.
pub fn srtp(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let profile = if choice & 1 == 0 {
        Profile::AeadAes128Gcm
    } else {
        Profile::Aes128CmSha1_80
    };
    let material = vec![0x5a; profile.keying_len()];
    let session = |client| {
        let keys = SrtpKeys::split(profile, &material, client)?;
        SrtpSession::new(&keys).ok()
    };
    let (Some(mut near), Some(mut far)) = (session(true), session(false)) else {
        return;
    };
    for packet in datagrams(bytes) {
        let _ = far.open_rtp.open(&mut packet.to_vec());
        let _ = far.open_rtcp.open(&mut packet.to_vec());
        let mut room = packet.to_vec();
        room.resize(packet.len() + super::RTCP_OVERHEAD, 0);
        if let Some([high, low]) = packet.get(2..4) {
            let seq = crate::ids::SeqNo(u64::from(u16::from_be_bytes([*high, *low])));
            if let Ok(len) = near.seal_rtp.seal(seq, &mut room, packet.len()) {
                let opened = far.open_rtp.open(&mut room[..len]);
                assert!(opened.is_err() || room[..packet.len()] == *packet);
            }
        }
        room[..packet.len()].copy_from_slice(packet);
        if let Ok(len) = near.seal_rtcp.seal(&mut room, packet.len()) {
            let opened = far.open_rtcp.open(&mut room[..len]);
            assert_eq!(opened, Ok(packet.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..max)
    }

    /// A record whose length fits, of any type and epoch, with handshake fragments
    /// that are often plausible.
    fn record() -> impl Strategy<Value = Vec<u8>> {
        let kind = prop::sample::select(vec![20u8, 21, 22, 22, 22, 22, 23]);
        let message = prop::sample::select(vec![0u8, 1, 1, 2, 3, 11, 12, 13, 14, 15, 16, 20]);
        (kind, 0u8..2, message, 0u8..4, bytes(300), any::<bool>()).prop_map(
            |(kind, epoch, message, sequence, body, framed)| {
                let mut inner = Vec::new();
                if framed {
                    let len = [0, (body.len() >> 8) as u8, body.len() as u8];
                    inner.push(message);
                    inner.extend(len);
                    inner.extend([0, sequence, 0, 0, 0]);
                    inner.extend(len);
                }
                inner.extend(body);
                let mut record = vec![kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence];
                record.extend((inner.len() as u16).to_be_bytes());
                record.extend(inner);
                // As `datagrams` cuts them.
                record.resize(record.len().next_multiple_of(8), 0);
                record.insert(0, (record.len() / 8) as u8);
                record
            },
        )
    }

    proptest! {
        #[test]
        fn any_stun_is_survived(body in bytes(120), typ in 0u8..2) {
            super::stun(&body);
            let mut framed = vec![typ, 1, 0, body.len() as u8, 0x21, 0x12, 0xa4, 0x42];
            framed.extend([7; 12]);
            framed.extend(body);
            super::stun(&framed);
        }

        #[test]
        fn any_dtls_is_survived(records in prop::collection::vec(record(), 0..12)) {
            super::dtls(&records.concat());
        }

        #[test]
        fn any_srtp_is_survived(
            choice in any::<u8>(),
            packets in prop::collection::vec((0x80u8..0xc0, any::<u8>(), bytes(100)), 0..8),
        ) {
            let mut input = vec![choice];
            for (first, second, body) in packets {
                let len = (body.len() + 2).next_multiple_of(8);
                input.push((len / 8) as u8);
                input.extend([first, second]);
                input.extend(body);
                input.resize(input.len().next_multiple_of(8) + 1, 0);
            }
            super::srtp(&input);
        }
    }
}
