//! Our DTLS certificate, and what the client's is compared with.

use std::sync::Arc;
use std::time::Duration;

use rtc_crypto::HashAlgorithm;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use sha2::{Digest, Sha384, Sha512};

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
    gcm: Arc<HandshakeConfig>,
    sha1: Arc<HandshakeConfig>,
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
        let server = |profile| config(&certificate, &[profile], false);
        Ok(Self {
            gcm: server(Profile::AeadAes128Gcm)?,
            sha1: server(Profile::Aes128CmSha1_80)?,
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

    pub(super) fn server_config(&self, profile: Profile) -> Arc<HandshakeConfig> {
        match profile {
            Profile::AeadAes128Gcm => self.gcm.clone(),
            Profile::Aes128CmSha1_80 => self.sha1.clone(),
        }
    }

    /// Of the connecting side, which offers `profiles` in this order.
    pub(in crate::transport) fn client_config(
        &self,
        profiles: &[Profile],
    ) -> Result<Arc<HandshakeConfig>, IdentityError> {
        config(&self.certificate, profiles, true)
    }
}

fn config(
    certificate: &Certificate,
    profiles: &[Profile],
    is_client: bool,
) -> Result<Arc<HandshakeConfig>, IdentityError> {
    let provider = rtc_crypto::default_provider().map_err(|e| IdentityError(e.to_string()))?;
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
