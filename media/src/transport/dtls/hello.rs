//! Looks into the ClientHello for its SRTP profiles before the handshake begins.
//!
//! A ClientHello with a post-quantum key share spans datagrams, so they are held back
//! until it is whole. Only `use_srtp` is read (RFC 5764 §4.1.1); what is wrong with
//! the rest is for the handshake to say.

use super::records::{Fragment, Fragments, HANDSHAKE, MAX_MESSAGE, Records};
use crate::transport::keys::Profile;

const CLIENT_HELLO: u8 = 1;
const USE_SRTP: u16 = 14;
const SRTP_AES128_CM_HMAC_SHA1_80: u16 = 0x0001;
const SRTP_AEAD_AES_128_GCM: u16 = 0x0007;

/// What is held back. Past it everything is forgotten: the client repeats its flight.
const MAX_HELD: usize = 2 * MAX_MESSAGE;
const MAX_FRAGMENTS: usize = 32;

/// Which of our profiles a ClientHello offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offered {
    gcm: bool,
    sha1: bool,
}

impl Offered {
    /// AES-GCM costs a quarter of AES-CM with HMAC-SHA1, whatever the client prefers.
    pub(super) fn best(self) -> Option<Profile> {
        if self.gcm {
            Some(Profile::AeadAes128Gcm)
        } else {
            self.sha1.then_some(Profile::Aes128CmSha1_80)
        }
    }
}

/// Datagrams up to and including the one that completes the first ClientHello.
#[derive(Default)]
pub(super) struct HelloPeek {
    held: Vec<Vec<u8>>,
    held_bytes: usize,
    message: Vec<u8>,
    /// What of `message` is there.
    parts: Vec<(usize, usize)>,
}

impl HelloPeek {
    /// `Some` when the ClientHello is whole.
    pub(super) fn push(&mut self, datagram: &[u8]) -> Option<Offered> {
        if self.held_bytes + datagram.len() > MAX_HELD || self.parts.len() >= MAX_FRAGMENTS {
            *self = Self::default();
        }
        self.held_bytes += datagram.len();
        self.held.push(datagram.to_vec());
        let clear = Records(datagram)
            .flatten()
            .filter(|record| record.content_type == HANDSHAKE && record.epoch == 0);
        let mut whole = false;
        for fragment in clear.flat_map(|record| Fragments(record.body)).flatten() {
            // A DTLS client's first message has number zero (RFC 6347 §4.2.2).
            if fragment.message_type == CLIENT_HELLO && fragment.sequence == 0 {
                whole |= self.add(&fragment);
            }
        }
        whole.then(|| parse(&self.message).unwrap_or_default())
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> bool {
        if self.message.len() != fragment.message_len {
            self.message = vec![0; fragment.message_len];
            self.parts.clear();
        }
        let end = fragment.offset + fragment.body.len();
        let Some(target) = self.message.get_mut(fragment.offset..end) else {
            return false;
        };
        target.copy_from_slice(fragment.body);
        self.parts.push((fragment.offset, end));
        self.parts.sort_unstable();
        let covered = self.parts.iter().fold(0, |covered, (start, end)| {
            if *start <= covered {
                covered.max(*end)
            } else {
                covered
            }
        });
        covered == self.message.len()
    }

    /// What was held back, to be replayed into the handshake.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(self).held
    }
}

/// Splits off a vector whose length is `N` bytes long (RFC 5246 §4.3).
fn vector<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, tail) = rest.split_first_chunk::<N>()?;
    let len = len.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
    let (body, tail) = tail.split_at_checked(len)?;
    *rest = tail;
    Some(body)
}

fn parse(hello: &[u8]) -> Option<Offered> {
    // Version and random (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1).
    let mut rest = hello.get(34..)?;
    vector::<1>(&mut rest)?; // session id
    vector::<1>(&mut rest)?; // cookie
    vector::<2>(&mut rest)?; // cipher suites
    vector::<1>(&mut rest)?; // compression methods
    let mut extensions = vector::<2>(&mut rest)?;
    while let Some((typ, tail)) = extensions.split_first_chunk::<2>() {
        extensions = tail;
        let mut body = vector::<2>(&mut extensions)?;
        if u16::from_be_bytes(*typ) == USE_SRTP {
            let profiles = vector::<2>(&mut body)?;
            let has = |wanted: u16| profiles.chunks_exact(2).any(|p| p == wanted.to_be_bytes());
            return Some(Offered {
                gcm: has(SRTP_AEAD_AES_128_GCM),
                sha1: has(SRTP_AES128_CM_HMAC_SHA1_80),
            });
        }
    }
    None
}
