//! Known answers of RFC 3711, RFC 7714 and libsrtp, and the rules on indices.

use super::*;
use crate::transport::testdata::hex;
use crate::transport::{RTCP_OVERHEAD, RTP_OVERHEAD};

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];

fn gcm_of_rfc_7714() -> Cipher {
    let provider = rtc_crypto::default_provider().unwrap();
    let key = hex("000102030405060708090a0b0c0d0e0f");
    let salt = hex("517569642070726f2071756f");
    Cipher::gcm(
        provider.crypto(),
        &key.try_into().unwrap(),
        salt.try_into().unwrap(),
    )
    .unwrap()
}

fn cm_of_libsrtp(kind: Kind) -> Cipher {
    let master = MasterKey {
        key: hex("e1f97a0d3e018be0d64fa32c06de4139").try_into().unwrap(),
        salt: hex("0ec675ad498afeebb6960b3aabe6").try_into().unwrap(),
    };
    let provider = rtc_crypto::default_provider().unwrap();
    Cipher::new(provider.crypto(), Profile::Aes128CmSha1_80, &master, kind).unwrap()
}

fn session_pair(profile: Profile) -> (SrtpSession, SrtpSession) {
    let material: Vec<u8> = (0..profile.keying_len() as u8).collect();
    let keys = |client| SrtpKeys::split(profile, &material, client).unwrap();
    (
        SrtpSession::new(&keys(true)).unwrap(),
        SrtpSession::new(&keys(false)).unwrap(),
    )
}

fn rtp(seq: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn seal(sealer: &mut SrtpSession, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = rtp(index as u16, 0x1234, payload);
    let len = packet.len();
    packet.resize(len + RTP_OVERHEAD, 0);
    let sealed = sealer
        .seal_rtp
        .seal(SeqNo(index), &mut packet, len)
        .unwrap();
    packet.truncate(sealed);
    packet
}

#[test]
fn rfc_7714_section_16_1() {
    let plain = hex(
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e6973206469766973\
         6120696e207061727465732074726573",
    );
    let sealed = hex(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd5\
         0d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
    );
    let mut buf = plain.clone();
    buf.resize(plain.len() + RTP_OVERHEAD, 0);
    let len = RtpSealer::new(gcm_of_rfc_7714())
        .seal(SeqNo(0xf17b), &mut buf, plain.len())
        .unwrap();
    assert_eq!(buf[..len], sealed);
    let len = RtpOpener::new(gcm_of_rfc_7714()).open(&mut buf).unwrap();
    assert_eq!(buf[..len], plain);
}

#[test]
fn rfc_7714_section_17_1() {
    let plain = hex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
         deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let sealed = hex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32d\
         c676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf872\
         45d9eade800005d4",
    );
    let mut sealer = RtcpSealer::new(gcm_of_rfc_7714());
    sealer.skip_to(0x5d4);
    let mut buf = plain.clone();
    buf.resize(plain.len() + RTCP_OVERHEAD, 0);
    let len = sealer.seal(&mut buf, plain.len()).unwrap();
    assert_eq!(buf[..len], sealed);
    let len = RtcpOpener::new(gcm_of_rfc_7714()).open(&mut buf).unwrap();
    assert_eq!(buf[..len], plain);
}

#[test]
fn rfc_3711_appendix_b2() {
    let provider = rtc_crypto::default_provider().unwrap();
    let key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
    let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let iv = counter_block(&salt, Ssrc(0), 0);
    assert_eq!(iv[..], hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"));
    let mut keystream = [0; 48];
    provider
        .crypto()
        .new_stream_cipher(StreamCipherAlgorithm::Aes128Ctr, &key)
        .unwrap()
        .apply_keystream(&iv, &mut keystream)
        .unwrap();
    assert_eq!(
        keystream[..],
        hex(
            "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB\
             41E95B3BB0A2E8DD477901E4FCA894C0"
        )
    );
}

/// The reference packets of libsrtp's `srtp_driver`.
#[test]
fn libsrtp_reference_packets() {
    let plain = hex("800f1234decafbadcafebabeabababababababababababababababab");
    let sealed = hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402\
         b78d6acc99ea179b8dbb");
    let mut buf = plain.clone();
    buf.resize(plain.len() + RTP_OVERHEAD, 0);
    let len = RtpSealer::new(cm_of_libsrtp(Kind::Rtp))
        .seal(SeqNo(0x1234), &mut buf, plain.len())
        .unwrap();
    assert_eq!(buf[..len], sealed);
    let len = RtpOpener::new(cm_of_libsrtp(Kind::Rtp))
        .open(&mut buf[..len])
        .unwrap();
    assert_eq!(buf[..len], plain);

    let plain = hex("81c8000bcafebabeabababababababababababababababab");
    let sealed = hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a8\
         80000001993e08cd54d6c1230798");
    let mut sealer = RtcpSealer::new(cm_of_libsrtp(Kind::Rtcp));
    sealer.skip_to(1);
    let mut buf = plain.clone();
    buf.resize(plain.len() + RTCP_OVERHEAD, 0);
    let len = sealer.seal(&mut buf, plain.len()).unwrap();
    assert_eq!(buf[..len], sealed);
    let len = RtcpOpener::new(cm_of_libsrtp(Kind::Rtcp))
        .open(&mut buf[..len])
        .unwrap();
    assert_eq!(buf[..len], plain);
}

#[test]
fn both_directions_cross_the_wrap_with_reordering() {
    for profile in PROFILES {
        let (mut client, mut server) = session_pair(profile);
        for index in [65_533u64, 65_537, 65_535, 65_534, 65_540, 65_536] {
            let mut packet = seal(&mut client, index, b"up");
            let len = server.open_rtp.open(&mut packet).unwrap();
            assert_eq!(&packet[12..len], b"up", "{profile:?} {index}");
            let mut packet = seal(&mut server, index, b"down");
            let len = client.open_rtp.open(&mut packet).unwrap();
            assert_eq!(&packet[12..len], b"down");
        }
    }
}

#[test]
fn a_thousand_replays_open_nothing() {
    for profile in PROFILES {
        let (mut client, mut server) = session_pair(profile);
        let packets: Vec<Vec<u8>> = (0..1_000u64)
            .map(|index| seal(&mut client, index, b"once"))
            .collect();
        for packet in &packets {
            server.open_rtp.open(&mut packet.clone()).unwrap();
        }
        for packet in packets {
            assert_eq!(
                server.open_rtp.open(&mut packet.clone()),
                Err(SrtpError::Replayed)
            );
        }
    }
}

#[test]
fn a_forged_packet_is_refused_and_changes_nothing() {
    for profile in PROFILES {
        let (mut client, mut server) = session_pair(profile);
        let good = seal(&mut client, 100, b"payload");
        for at in 0..good.len() {
            let mut forged = good.clone();
            forged[at] ^= 0x04;
            assert!(server.open_rtp.open(&mut forged).is_err(), "byte {at}");
        }
        // A forged high number must not have moved the window past the good one.
        let mut far = seal(&mut client, 30_000, b"payload");
        let last = far.len() - 1;
        far[last] ^= 1;
        assert_eq!(
            server.open_rtp.open(&mut far),
            Err(SrtpError::Unauthenticated)
        );
        assert!(server.open_rtp.open(&mut good.clone()).is_ok());
    }
}

#[test]
fn header_extensions_and_csrcs_are_authenticated_in_clear() {
    for profile in PROFILES {
        let (mut client, mut server) = session_pair(profile);
        let mut packet = vec![0x91, 96, 0, 9, 0, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4];
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 0x30, 0, 0]);
        let clear = packet.len();
        packet.extend(b"payload");
        let plain = packet.clone();
        packet.resize(plain.len() + RTP_OVERHEAD, 0);
        let len = client
            .seal_rtp
            .seal(SeqNo(9), &mut packet, plain.len())
            .unwrap();
        assert_eq!(packet[..clear], plain[..clear]);
        assert_ne!(packet[clear..plain.len()], plain[clear..]);
        let opened = server.open_rtp.open(&mut packet[..len]).unwrap();
        assert_eq!(packet[..opened], plain);
    }
}

#[test]
fn malformed_packets_are_named_so() {
    for profile in PROFILES {
        let (mut client, mut server) = session_pair(profile);
        let cases: [&[u8]; 6] = [
            &[],
            &[0x80; 11],
            // Only a header: no room for the tag.
            &[0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            // Version 1.
            &[0x40; 60],
            // Fifteen CSRCs in 40 bytes.
            &[0x8f; 40],
            // An extension of 0x9090 words.
            &[0x90; 60],
        ];
        for case in cases {
            let mut packet = case.to_vec();
            assert_eq!(
                server.open_rtp.open(&mut packet),
                Err(SrtpError::Malformed),
                "{case:x?}"
            );
        }
        for case in cases {
            let mut packet = case.to_vec();
            assert_eq!(
                server.open_rtcp.open(&mut packet),
                Err(SrtpError::Malformed)
            );
        }
        let mut full = rtp(1, 2, b"x");
        let len = full.len();
        assert_eq!(
            client.seal_rtp.seal(SeqNo(1), &mut full, len),
            Err(SrtpError::NoRoom)
        );
        assert_eq!(
            client.seal_rtp.seal(SeqNo(1), &mut full, len + 1),
            Err(SrtpError::NoRoom)
        );
    }
}

#[test]
fn srtcp_round_trip_replay_and_forgery() {
    for profile in PROFILES {
        let (mut client, mut server) = session_pair(profile);
        for round in 0..3u8 {
            let plain = [0x80, 201, 0, 2, 0, 0, 0, 9, 1, 2, 3, round];
            let mut packet = plain.to_vec();
            packet.resize(plain.len() + RTCP_OVERHEAD, 0);
            let len = client.seal_rtcp.seal(&mut packet, plain.len()).unwrap();
            packet.truncate(len);
            for at in 0..len {
                let mut forged = packet.clone();
                forged[at] ^= 0x10;
                assert!(server.open_rtcp.open(&mut forged).is_err(), "byte {at}");
            }
            let mut replay = packet.clone();
            let len = server.open_rtcp.open(&mut packet).unwrap();
            assert_eq!(packet[..len], plain);
            assert_eq!(server.open_rtcp.open(&mut replay), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn an_exhausted_index_seals_no_more() {
    let (mut client, _) = session_pair(Profile::AeadAes128Gcm);
    let mut packet = rtp(0, 1, b"x");
    let len = packet.len();
    packet.resize(len + RTP_OVERHEAD, 0);
    assert_eq!(
        client.seal_rtp.seal(SeqNo(1 << 48), &mut packet, len),
        Err(SrtpError::Exhausted)
    );
    client.seal_rtcp.skip_to(1 << 31);
    let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
    packet.resize(8 + RTCP_OVERHEAD, 0);
    assert_eq!(
        client.seal_rtcp.seal(&mut packet, 8),
        Err(SrtpError::Exhausted)
    );
}
