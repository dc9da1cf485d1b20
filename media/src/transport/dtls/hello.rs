//! The client's hello, before the handshake begins: the stateless cookie exchange
//! (RFC 6347 §4.2.1), and a look at the SRTP profiles (RFC 5764 §4.1.1). What is wrong
//! with the rest is for the handshake to say.
//!
//! The crate does exchange cookies, but remembers the hello that came first, so whoever
//! forges the client's address and is faster would have begun the handshake with his
//! own. Here only a hello with our cookie in it, which whoever cannot read the client's
//! datagrams does not know, begins anything.

use super::records::{Assembly, Fragment, Fragments, HANDSHAKE, Records, message, record};
use crate::transport::keys::Profile;

const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const USE_SRTP: u16 = 14;
const SRTP_AES128_CM_HMAC_SHA1_80: u16 = 0x0001;
const SRTP_AEAD_AES_128_GCM: u16 = 0x0007;

/// As long as the crate's.
pub(super) type Cookie = [u8; 20];

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

/// The two hellos of a client, without and with a cookie, as their fragments come: one
/// with a post-quantum key share spans datagrams.
#[derive(Default)]
pub(super) struct HelloReader([Assembly; 2]);

impl HelloReader {
    /// The bodies of those that are whole now, and which they are.
    pub(super) fn push(&mut self, datagram: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let clear = Records(datagram)
            .flatten()
            .filter(|record| record.content_type == HANDSHAKE && record.epoch == 0);
        let fragments = clear.flat_map(|record| Fragments(record.body)).flatten();
        fragments
            .filter_map(|fragment| self.add(&fragment))
            .collect()
    }

    fn add(&mut self, fragment: &Fragment<'_>) -> Option<(u16, Vec<u8>)> {
        if fragment.message_type != CLIENT_HELLO {
            return None;
        }
        let assembly = self.0.get_mut(usize::from(fragment.sequence))?;
        Some((fragment.sequence, assembly.add(fragment)?))
    }
}

/// What we read of a hello.
pub(super) struct Hello<'a> {
    /// Version, random and session id; then cipher suites and compression methods.
    pub(super) parameters: [&'a [u8]; 2],
    pub(super) cookie: &'a [u8],
    pub(super) offered: Offered,
    extensions: &'a [u8],
}

impl<'a> Hello<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        // Version and random (RFC 5246 §7.4.1.2, RFC 6347 §4.2.1).
        let mut rest = body.get(34..)?;
        vector::<1>(&mut rest)?; // session id
        let (before, _) = body.split_at(body.len() - rest.len());
        let cookie = vector::<1>(&mut rest)?;
        let after = rest;
        vector::<2>(&mut rest)?; // cipher suites
        vector::<1>(&mut rest)?; // compression methods
        let (after, extensions) = after.split_at(after.len() - rest.len());
        Some(Self {
            parameters: [before, after],
            cookie,
            offered: profiles(extensions).unwrap_or_default(),
            extensions,
        })
    }

    /// The records of the two hellos of whoever got `cookie` at once, numbered from 0.
    pub(super) fn records(&self, body: &[u8]) -> [Vec<u8>; 2] {
        let [before, after] = self.parameters;
        let first = [before, &[0], after, self.extensions].concat();
        let hello = |sequence, body| message(CLIENT_HELLO, sequence, body);
        [
            record(HANDSHAKE, 0, &hello(0, &first)),
            record(HANDSHAKE, 1, &hello(1, body)),
        ]
    }
}

/// The datagram that asks for `cookie`. Always record 0: a client that has it drops the
/// next by its replay window, and the handshake's own records begin at 1.
pub(super) fn hello_verify_request(cookie: &Cookie) -> Vec<u8> {
    let body = [&[0xfe, 0xfd, cookie.len() as u8], &cookie[..]].concat();
    record(HANDSHAKE, 0, &message(HELLO_VERIFY_REQUEST, 0, &body))
}

/// Splits off a vector whose length is `N` bytes long (RFC 5246 §4.3).
pub(super) fn vector<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, tail) = rest.split_first_chunk::<N>()?;
    let len = len.iter().fold(0, |sum, b| sum << 8 | usize::from(*b));
    let (body, tail) = tail.split_at_checked(len)?;
    *rest = tail;
    Some(body)
}

fn profiles(mut extensions: &[u8]) -> Option<Offered> {
    let mut extensions = vector::<2>(&mut extensions)?;
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
