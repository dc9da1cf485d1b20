//! What a key server answers, as keys that verify: a JSON Web Key Set (RFC 7517 §5),
//! or the map of key id to X.509 certificate that Google publishes for Firebase.
//!
//! Each key has exactly one algorithm, decided here and not by any token (RFC 8725
//! §3.1). A key that we cannot use is skipped (RFC 7517 §5: "SHOULD be ignored"), and
//! a symmetric one above all: a public document has no secrets.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::Value;

use super::token::VerificationKey;

/// More keys than anybody rotates through.
const MAX_KEYS: usize = 32;
const MAX_KEY_ID_BYTES: usize = 256;
/// RFC 7518 §3.3: 2048 bits at least. What takes longer than 4096 to verify is
/// refused by the arithmetic anyway.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// The keys of one answer.
#[derive(Default)]
pub(super) struct KeySet(Vec<VerificationKey>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("it is neither a JSON Web Key Set nor a map of certificates")]
    Malformed,
    #[error("none of its keys can be used")]
    Empty,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Set { keys: Vec<Value> },
    Certificates(BTreeMap<String, String>),
}

/// The members of a key that say what it is (RFC 7517 §4, RFC 7518 §6, RFC 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    pub(super) fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let document = serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        let keys: Vec<_> = match document {
            Document::Set { keys } => keys
                .into_iter()
                .take(MAX_KEYS)
                .filter_map(|key| serde_json::from_value(key).ok())
                .filter_map(from_jwk)
                .collect(),
            Document::Certificates(certificates) => certificates
                .into_iter()
                .take(MAX_KEYS)
                .filter_map(|(id, pem)| from_certificate(id, &pem))
                .collect(),
        };
        if keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        Ok(Self(keys))
    }

    /// By id where the token names one. Without, only a key that leaves no choice is
    /// taken, so that one token costs one verification.
    pub(super) fn find(&self, header: &Header) -> Option<&VerificationKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == header.alg);
        if header.kid.is_some() {
            return fitting.find(|key| key.id == header.kid);
        }
        fitting.next().filter(|_| fitting.next().is_none())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn from_jwk(jwk: Jwk) -> Option<VerificationKey> {
    let for_signatures = jwk
        .purpose
        .as_deref()
        .is_none_or(|purpose| purpose == "sig");
    let short_id = jwk
        .kid
        .as_ref()
        .is_none_or(|id| id.len() <= MAX_KEY_ID_BYTES);
    if !for_signatures || !short_id {
        return None;
    }
    let (algorithm, name, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => (Algorithm::RS256, "RS256", rsa(&jwk)?),
        ("EC", Some("P-256")) => {
            let key = DecodingKey::from_ec_components(jwk.x.as_deref()?, jwk.y.as_deref()?);
            (Algorithm::ES256, "ES256", key.ok()?)
        }
        ("OKP", Some("Ed25519")) => {
            let key = DecodingKey::from_ed_components(jwk.x.as_deref()?);
            (Algorithm::EdDSA, "EdDSA", key.ok()?)
        }
        _ => return None,
    };
    // A key meant for another algorithm is not bent to ours. RFC 9864 renamed EdDSA.
    let meant = jwk
        .alg
        .as_deref()
        .is_none_or(|alg| alg == name || (name == "EdDSA" && alg == "Ed25519"));
    meant.then_some(VerificationKey {
        id: jwk.kid,
        algorithm,
        key,
    })
}

fn rsa(jwk: &Jwk) -> Option<DecodingKey> {
    let (modulus, exponent) = (jwk.n.as_deref()?, jwk.e.as_deref()?);
    let bytes = URL_SAFE_NO_PAD.decode(modulus).ok()?;
    let length = bytes.iter().skip_while(|byte| **byte == 0).count();
    if !MODULUS_BYTES.contains(&length) {
        return None;
    }
    DecodingKey::from_rsa_components(modulus, exponent).ok()
}

/// The certificate is taken for its key alone: that it is the server's word was
/// settled by the TLS connection that it came through.
fn from_certificate(id: String, pem: &str) -> Option<VerificationKey> {
    if id.len() > MAX_KEY_ID_BYTES {
        return None;
    }
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = webpki::EndEntityCert::try_from(&der).ok()?;
    let info = STANDARD.encode(certificate.subject_public_key_info());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{info}\n-----END PUBLIC KEY-----\n");
    Some(VerificationKey {
        id: Some(id),
        algorithm: Algorithm::RS256,
        key: DecodingKey::from_rsa_pem(pem.as_bytes()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PUBLIC: &str = include_str!("../../tests/keys/public.json");
    const CERTIFICATE: &str = include_str!("../../tests/keys/rsa.crt.pem");

    fn public(name: &str) -> Value {
        serde_json::from_str::<Value>(PUBLIC).unwrap()[name].clone()
    }

    fn with(name: &str, member: &str, value: Value) -> Value {
        let mut key = public(name);
        key[member] = value;
        key
    }

    fn parse(document: &Value) -> Result<KeySet, KeySetError> {
        KeySet::parse(document.to_string().as_bytes())
    }

    fn algorithms(document: &Value) -> Vec<Algorithm> {
        let keys = parse(document).map(|set| set.0).unwrap_or_default();
        keys.iter().map(|key| key.algorithm).collect()
    }

    #[test]
    fn a_key_has_the_algorithm_of_its_kind_and_no_other() {
        use Algorithm::{ES256, EdDSA, RS256};
        let cases = [
            (public("rsa"), Some(RS256)),
            (public("ec"), Some(ES256)),
            (public("ed"), Some(EdDSA)),
            (with("ed", "alg", json!("Ed25519")), Some(EdDSA)),
            (with("rsa", "alg", Value::Null), Some(RS256)),
            (with("rsa", "alg", json!("PS256")), None),
            (with("rsa", "alg", json!("HS256")), None),
            (with("rsa", "alg", json!("RSA-OAEP")), None),
            (with("rsa", "use", json!("enc")), None),
            (with("rsa", "n", json!("AQAB")), None),
            (with("rsa", "n", json!("not base64!")), None),
            (with("ec", "crv", json!("P-384")), None),
            (with("ec", "y", Value::Null), None),
            (with("ed", "crv", json!("X25519")), None),
            (with("ed", "kid", json!("x".repeat(257))), None),
            (
                json!({"kty": "oct", "kid": "s", "alg": "HS256", "k": "c2VjcmV0"}),
                None,
            ),
            (json!("a string"), None),
        ];
        for (key, want) in cases {
            let got = algorithms(&json!({"keys": [key]}));
            assert_eq!(got.first().copied(), want, "{key}");
        }
    }

    #[test]
    fn what_is_no_key_set() {
        let cases = [
            (json!({"keys": []}), KeySetError::Empty),
            (json!({}), KeySetError::Empty),
            (json!({"kid": "no certificate"}), KeySetError::Empty),
            (json!({"error": 404}), KeySetError::Malformed),
            (json!([]), KeySetError::Malformed),
            (json!({"keys": "none"}), KeySetError::Empty),
        ];
        for (document, want) in cases {
            assert_eq!(parse(&document).err(), Some(want), "{document}");
        }
        assert_eq!(KeySet::parse(b"<html>").err(), Some(KeySetError::Malformed));
    }

    #[test]
    fn keys_that_cannot_be_used_do_not_spoil_the_others_and_there_is_an_end_of_them() {
        let mixed = json!({"keys": [{"kty": "future"}, public("rsa"), 7]});
        assert_eq!(algorithms(&mixed), [Algorithm::RS256]);
        let many: Vec<_> = (0..100)
            .map(|n| with("ed", "kid", json!(n.to_string())))
            .collect();
        assert_eq!(algorithms(&json!({"keys": many})).len(), MAX_KEYS);
    }

    #[test]
    fn certificates_by_key_id() {
        let set = parse(&json!({"one": CERTIFICATE, "bad": "-----BEGIN"})).unwrap();
        assert_eq!(set.0.len(), 1);
        assert_eq!(set.0[0].id.as_deref(), Some("one"));
        assert_eq!(set.0[0].algorithm, Algorithm::RS256);
    }

    #[test]
    fn without_an_id_there_must_be_no_choice() {
        let header = |alg, kid: Option<&str>| Header {
            kid: kid.map(str::to_owned),
            ..Header::new(alg)
        };
        let one = parse(&json!({"keys": [public("rsa"), public("ec")]})).unwrap();
        assert!(one.find(&header(Algorithm::RS256, None)).is_some());
        assert!(one.find(&header(Algorithm::RS256, Some("rsa-1"))).is_some());
        assert!(one.find(&header(Algorithm::ES256, Some("rsa-1"))).is_none());
        assert!(one.find(&header(Algorithm::EdDSA, None)).is_none());
        let two = parse(&json!({"keys": [public("rsa"), public("other-rsa")]})).unwrap();
        assert!(two.find(&header(Algorithm::RS256, None)).is_none());
        assert!(two.find(&header(Algorithm::RS256, Some("rsa-2"))).is_some());
    }
}
