//! From the keying material of a DTLS handshake to the session keys of SRTP.
//!
//! RFC 5764 §4.2 (extractor layout), RFC 3711 §4.3 (key derivation, rate zero: once),
//! RFC 7714 §11 (the same for AES-GCM, its 96-bit salt padded with zeros).

use rtc_crypto::{BlockCipherAlgorithm, CryptoError, RTCCrypto};

pub(super) const KEY_LEN: usize = 16;
/// Of AES-CM; AES-GCM uses the first twelve.
pub(super) const SALT_LEN: usize = 14;

/// Protection profiles that we negotiate (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    AeadAes128Gcm,
    Aes128CmSha1_80,
}

impl Profile {
    /// As the IANA registry of DTLS-SRTP profiles spells it, without its `SRTP_`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes128CmSha1_80 => "AES128_CM_HMAC_SHA1_80",
        }
    }

    pub(super) const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 => SALT_LEN,
        }
    }

    /// Bytes to export from the handshake: two keys and two salts.
    pub(super) const fn keying_len(self) -> usize {
        2 * (KEY_LEN + self.salt_len())
    }
}

/// Master key and salt of one direction.
#[derive(Clone, Copy)]
pub(super) struct MasterKey {
    pub(super) key: [u8; KEY_LEN],
    pub(super) salt: [u8; SALT_LEN],
}

/// Both directions, as one side of the handshake sees them.
#[derive(Clone, Copy)]
pub(super) struct SrtpKeys {
    pub(super) profile: Profile,
    pub(super) outbound: MasterKey,
    pub(super) inbound: MasterKey,
}

impl SrtpKeys {
    /// Splits `EXTRACTOR-dtls_srtp`: client key, server key, client salt, server salt.
    pub(super) fn split(profile: Profile, material: &[u8], we_are_client: bool) -> Option<Self> {
        if material.len() != profile.keying_len() {
            return None;
        }
        let (keys, salts) = material.split_at(2 * KEY_LEN);
        let master = |side: usize| {
            let mut master = MasterKey {
                key: [0; KEY_LEN],
                salt: [0; SALT_LEN],
            };
            let n = profile.salt_len();
            master
                .key
                .copy_from_slice(&keys[side * KEY_LEN..][..KEY_LEN]);
            master.salt[..n].copy_from_slice(&salts[side * n..][..n]);
            master
        };
        let (client, server) = (master(0), master(1));
        Some(Self {
            profile,
            outbound: if we_are_client { client } else { server },
            inbound: if we_are_client { server } else { client },
        })
    }
}

/// Labels of RFC 3711 §4.3.1 and §4.3.2.
#[derive(Clone, Copy)]
pub(super) enum Label {
    RtpKey = 0,
    RtpAuth = 1,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpAuth = 4,
    RtcpSalt = 5,
}

/// AES-CM key derivation (RFC 3711 §4.3.3) with a key derivation rate of zero.
pub(super) fn derive<const N: usize>(
    crypto: &dyn RTCCrypto,
    master: &MasterKey,
    label: Label,
) -> Result<[u8; N], CryptoError> {
    let mut out = [0; N];
    for (counter, chunk) in out.chunks_mut(16).enumerate() {
        let mut block = [0; 16];
        block[..SALT_LEN].copy_from_slice(&master.salt);
        block[7] ^= label as u8;
        block[15] = counter as u8;
        crypto.block_encrypt(BlockCipherAlgorithm::Aes128, &master.key, &mut block)?;
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::testdata::hex;

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_session_keys_of_rfc_3711_b3() {
        let master = MasterKey {
            key: hex("E1F97A0D3E018BE0D64FA32C06DE4139").try_into().unwrap(),
            salt: hex("0EC675AD498AFEEBB6960B3AABE6").try_into().unwrap(),
        };
        let provider = rtc_crypto::default_provider().unwrap();
        let crypto = provider.crypto();
        let key: [u8; 16] = derive(crypto, &master, Label::RtpKey).unwrap();
        let salt: [u8; 14] = derive(crypto, &master, Label::RtpSalt).unwrap();
        let auth: [u8; 94] = derive(crypto, &master, Label::RtpAuth).unwrap();
        assert_eq!(key[..], hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(salt[..], hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(
            auth[..],
            hex(
                "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE\
                 E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25\
                 6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
            )
        );
    }

    #[test]
    fn splits_keying_material_by_role() {
        let material: Vec<u8> = (0..56).collect();
        let server = SrtpKeys::split(Profile::AeadAes128Gcm, &material, false).unwrap();
        let client = SrtpKeys::split(Profile::AeadAes128Gcm, &material, true).unwrap();
        assert_eq!(server.inbound.key[..], material[..16]);
        assert_eq!(server.outbound.key[..], material[16..32]);
        assert_eq!(server.inbound.salt[..12], material[32..44]);
        assert_eq!(server.outbound.salt[..12], material[44..]);
        assert_eq!(client.outbound.key, server.inbound.key);
        assert_eq!(client.inbound.salt, server.outbound.salt);
        assert!(SrtpKeys::split(Profile::AeadAes128Gcm, &material[1..], false).is_none());
    }
}
