//! Our DTLS certificate, and what the client's is compared with.

use std::sync::Arc;
use std::time::Duration;

use rtc_crypto::{
    CryptoError, HashAlgorithm, HmacAlgorithm, RTCCrypto, RTCCryptoProvider, RTCRandom,
};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use sha2::{Digest, Sha384, Sha512};

use super::hello::{Cookie, Hello};
use crate::negotiation::params::{Fingerprint, FingerprintHash};
use crate::transport::keys::Profile;

/// Record and handshake headers and a full Certificate fit a datagram of 1200 bytes
/// on every path (RFC 8085 §3.2 with room for a tunnel).
const MTU: usize = 1_150;

/// We repeat flights ourselves; the crate's timer, which ends a handshake after eight,
/// never fires.
const NEVER: Duration = Duration::from_secs(86_400);

#[derive(Debug, thiserror::Error)]
#[error("cannot make a DTLS certificate: {0}")]
pub struct IdentityError(String);

/// Self-signed ECDSA P-256 certificate (RFC 8827 §6.5), one per process: clients
/// verify it by the fingerprint in the answer.
pub struct DtlsIdentity {
    certificate: Certificate,
    fingerprint: Fingerprint,
    provider: Arc<dyn RTCCryptoProvider>,
    cookie_key: [u8; 32],
}

impl DtlsIdentity {
    pub fn generate() -> Result<Self, IdentityError> {
        let failed = |error: &dyn std::fmt::Display| IdentityError(error.to_string());
        let provider = rtc_crypto::default_provider().map_err(|e| failed(&e))?;
        let certificate =
            Certificate::generate_self_signed(vec!["convoke".to_owned()], provider.crypto())
                .map_err(|e| failed(&e))?;
        let der = certificate
            .certificate
            .first()
            .ok_or_else(|| failed(&"no certificate"))?;
        let bytes = provider
            .crypto()
            .hash(HashAlgorithm::Sha256, der)
            .map_err(|e| failed(&e))?;
        let mut cookie_key = [0; 32];
        let random = provider.random();
        random.fill(&mut cookie_key).map_err(|e| failed(&e))?;
        Ok(Self {
            provider,
            cookie_key,
            fingerprint: Fingerprint {
                hash: FingerprintHash::Sha256,
                bytes,
            },
            certificate,
        })
    }

    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// For a client whose hello has shown this cookie.
    pub(super) fn server_config(
        &self,
        profile: Profile,
        cookie: Cookie,
    ) -> Result<Arc<HandshakeConfig>, IdentityError> {
        let provider = Arc::new(WithCookie {
            provider: Arc::clone(&self.provider),
            cookie,
        });
        config(provider, &self.certificate, &[profile], false)
    }

    /// What a hello of this client has to show: nothing that we would have to remember
    /// (RFC 6347 §4.2.1).
    pub(super) fn cookie(&self, client: &Fingerprint, hello: &Hello<'_>) -> Option<Cookie> {
        let crypto = self.provider.crypto();
        let mut mac = crypto
            .new_hmac(HmacAlgorithm::Sha1, &self.cookie_key)
            .ok()?;
        let [before, after] = hello.parameters;
        let mut cookie = Cookie::default();
        mac.sign(&[&client.bytes, before, after], &mut cookie)
            .ok()?;
        Some(cookie)
    }

    /// Of the connecting side, which offers `profiles` in this order.
    pub(in crate::transport) fn client_config(
        &self,
        profiles: &[Profile],
    ) -> Result<Arc<HandshakeConfig>, IdentityError> {
        config(
            Arc::clone(&self.provider),
            &self.certificate,
            profiles,
            true,
        )
    }
}

/// The crate draws its cookies by this: the only time that it wants as many bytes.
struct WithCookie {
    provider: Arc<dyn RTCCryptoProvider>,
    cookie: Cookie,
}

impl RTCCryptoProvider for WithCookie {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self.provider.crypto()
    }

    fn random(&self) -> &dyn RTCRandom {
        self
    }
}

impl RTCRandom for WithCookie {
    fn fill(&self, output: &mut [u8]) -> Result<(), CryptoError> {
        match <&mut Cookie>::try_from(&mut *output) {
            Ok(cookie) => {
                *cookie = self.cookie;
                Ok(())
            }
            Err(_) => self.provider.random().fill(output),
        }
    }
}

fn config(
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: &Certificate,
    profiles: &[Profile],
    is_client: bool,
) -> Result<Arc<HandshakeConfig>, IdentityError> {
    let profiles = profiles.iter().map(|profile| match profile {
        Profile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        Profile::Aes128CmSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    });
    ConfigBuilder::default()
        .with_crypto_provider(provider)
        .with_certificates(vec![certificate.clone()])
        .with_srtp_protection_profiles(profiles.collect())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        // Both sides are verified by fingerprint, not by chain (RFC 8827 §6.5).
        .with_insecure_skip_verify(true)
        // Ties the keys to the certificates (RFC 7627).
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_flight_interval(NEVER)
        .with_mtu(MTU)
        .with_server_name("convoke".to_owned())
        .build(is_client, None)
        .map(Arc::new)
        .map_err(|error| IdentityError(error.to_string()))
}

/// Whether `certificate` (DER) has this fingerprint, in constant time.
pub(super) fn matches(fingerprint: &Fingerprint, certificate: &[u8]) -> bool {
    let digest = match fingerprint.hash {
        FingerprintHash::Sha256 => sha2::Sha256::digest(certificate).to_vec(),
        FingerprintHash::Sha384 => Sha384::digest(certificate).to_vec(),
        FingerprintHash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    rtc_crypto::constant_time_eq(&digest, &fingerprint.bytes)
}
