//! What of a client's datagrams reaches the handshake once its hello has our cookie.
//!
//! Until the handshake ends, nothing but the client's Finished is authentic, and the
//! crate believes the rest: an alert in the clear ends it, a message that came first
//! stays, a record with a high number makes it deaf to all others. So messages are put
//! together here, checked as far as that is possible without keys, and given on in
//! records of our own numbering.
//!
//! Left is who forges a ClientKeyExchange or CertificateVerify with the client's address
//! in the one round trip between our flight and the client's: that handshake fails, and
//! the client offers anew.

use super::hello::vector;
use super::identity::matches;
use super::records::{
    Assembly, CHANGE_CIPHER_SPEC, Fragment, Fragments, HANDSHAKE, Record, Records, message, record,
};
use crate::negotiation::params::Fingerprint;

/// The messages of the client's last flight before Finished: their numbers follow those
/// of the two hellos (RFC 6347 §4.2.4, flight 5).
const FLIGHT: [(u16, u8); 3] = [
    (2, CERTIFICATE),
    (3, CLIENT_KEY_EXCHANGE),
    (4, CERTIFICATE_VERIFY),
];
const CERTIFICATE: u8 = 11;
const CLIENT_KEY_EXCHANGE: u8 = 16;
const CERTIFICATE_VERIFY: u8 = 15;

pub(super) struct Gate {
    flight: [Assembly; 3],
    /// Of the next record; the hellos were 0 and 1.
    sequence: u64,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            flight: Default::default(),
            sequence: 2,
        }
    }

    /// The records to give on, in one datagram, which is empty if there are none.
    pub(super) fn pass(&mut self, datagram: &[u8], expected: &Fingerprint) -> Vec<u8> {
        let records = Records(datagram).flatten();
        records
            .flat_map(|record| self.record(&record, expected))
            .flatten()
            .collect()
    }

    fn record(&mut self, record: &Record<'_>, expected: &Fingerprint) -> Vec<Vec<u8>> {
        match (record.epoch, record.content_type) {
            // Encrypted, so authentic or dropped.
            (1, _) => vec![record.bytes.to_vec()],
            (0, CHANGE_CIPHER_SPEC) if record.body == [1] => {
                vec![self.own(CHANGE_CIPHER_SPEC, &[1])]
            }
            (0, HANDSHAKE) => {
                let fragments = Fragments(record.body).flatten();
                let whole = fragments.filter_map(|fragment| self.fragment(&fragment, expected));
                whole.collect()
            }
            _ => Vec::new(),
        }
    }

    fn fragment(&mut self, fragment: &Fragment<'_>, expected: &Fingerprint) -> Option<Vec<u8>> {
        let (sequence, typ) = (fragment.sequence, fragment.message_type);
        let at = FLIGHT.iter().position(|one| *one == (sequence, typ))?;
        let body = self.flight[at].add(fragment)?;
        let forged = typ == CERTIFICATE && !leaf(&body).is_some_and(|leaf| matches(expected, leaf));
        (!forged).then(|| self.own(HANDSHAKE, &message(typ, sequence, &body)))
    }

    fn own(&mut self, content_type: u8, body: &[u8]) -> Vec<u8> {
        let sequence = self.sequence;
        self.sequence += 1;
        record(content_type, sequence, body)
    }
}

/// The first of a Certificate message (RFC 5246 §7.4.2).
fn leaf(mut body: &[u8]) -> Option<&[u8]> {
    let mut list = vector::<3>(&mut body)?;
    vector::<3>(&mut list)
}
