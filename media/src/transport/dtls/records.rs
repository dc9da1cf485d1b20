//! DTLS records as they come, before anything is kept of them, and as they are given on
//! (RFC 6347 §4.1, §4.2.2).

pub(super) const RECORD_HEADER: usize = 13;
pub(super) const HANDSHAKE_HEADER: usize = 12;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;

/// Longest handshake message we take; browsers' certificates have under 1 kB and
/// their ClientHello with a post-quantum key share under 2.
pub(super) const MAX_MESSAGE: usize = 8 * 1024;

/// Shortest fragment that is not a message's last. A message of 8 kB then has at most
/// 82 of them, which keeps reassembly cheap.
const MIN_FRAGMENT: usize = 100;

/// Pieces of one message that are kept; past it the client has to repeat them.
const MAX_PARTS: usize = 128;

pub(super) struct Record<'a> {
    pub(super) content_type: u8,
    pub(super) epoch: u16,
    /// Header and body.
    pub(super) bytes: &'a [u8],
    pub(super) body: &'a [u8],
}

/// The records of a datagram; `None` in place of one that does not fit.
pub(super) struct Records<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Option<Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = self
            .0
            .split_first_chunk::<RECORD_HEADER>()
            .and_then(|(head, rest)| {
                let len = usize::from(u16::from_be_bytes([head[11], head[12]]));
                let (body, rest) = rest.split_at_checked(len)?;
                let bytes = &self.0[..RECORD_HEADER + len];
                self.0 = rest;
                // An empty record carries nothing, and 0xfe is DTLS.
                (len > 0 && head[1] == 0xfe).then_some(Record {
                    content_type: head[0],
                    epoch: u16::from_be_bytes([head[3], head[4]]),
                    bytes,
                    body,
                })
            });
        if record.is_none() {
            self.0 = &[];
        }
        Some(record)
    }
}

/// Part of a handshake message.
pub(super) struct Fragment<'a> {
    pub(super) message_type: u8,
    pub(super) message_len: usize,
    pub(super) sequence: u16,
    pub(super) offset: usize,
    pub(super) body: &'a [u8],
}

/// The fragments of a cleartext handshake record.
pub(super) struct Fragments<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fragments<'a> {
    type Item = Option<Fragment<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let u24 = |b: &[u8]| usize::from(b[0]) << 16 | usize::from(b[1]) << 8 | usize::from(b[2]);
        let fragment = self
            .0
            .split_first_chunk::<HANDSHAKE_HEADER>()
            .and_then(|(head, rest)| {
                let (body, rest) = rest.split_at_checked(u24(&head[9..12]))?;
                self.0 = rest;
                Some(Fragment {
                    message_type: head[0],
                    message_len: u24(&head[1..4]),
                    sequence: u16::from_be_bytes([head[4], head[5]]),
                    offset: u24(&head[6..9]),
                    body,
                })
            });
        if fragment.is_none() {
            self.0 = &[];
        }
        Some(fragment)
    }
}

impl Fragment<'_> {
    fn is_plausible(&self) -> bool {
        let end = self.offset + self.body.len();
        self.message_len <= MAX_MESSAGE
            && end <= self.message_len
            && (end == self.message_len || self.body.len() >= MIN_FRAGMENT)
            // A fragment of nothing, unless the message is nothing (ServerHelloDone).
            && (!self.body.is_empty() || self.message_len == 0)
    }
}

/// A cleartext record (RFC 6347 §4.1).
pub(super) fn record(content_type: u8, sequence: u64, body: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(RECORD_HEADER + body.len());
    record.extend([content_type, 0xfe, 0xfd, 0, 0]);
    record.extend(&sequence.to_be_bytes()[2..]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A handshake message in one piece (RFC 6347 §4.2.2).
pub(super) fn message(message_type: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    let len = &(body.len() as u32).to_be_bytes()[1..];
    let mut message = Vec::with_capacity(HANDSHAKE_HEADER + body.len());
    message.push(message_type);
    message.extend(len);
    message.extend(sequence.to_be_bytes());
    message.extend([0; 3]);
    message.extend(len);
    message.extend(body);
    message
}

/// A handshake message whose fragments come in any order and more than once.
#[derive(Default)]
pub(super) struct Assembly {
    message: Vec<u8>,
    /// What of `message` is there.
    parts: Vec<(usize, usize)>,
}

impl Assembly {
    /// The message, when `fragment` was the last that it lacked. What follows is a
    /// repetition and begins anew.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        if self.message.len() != fragment.message_len || self.parts.len() >= MAX_PARTS {
            self.message = vec![0; fragment.message_len];
            self.parts.clear();
        }
        let end = fragment.offset + fragment.body.len();
        let target = self.message.get_mut(fragment.offset..end)?;
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
        if covered < self.message.len() {
            return None;
        }
        self.parts.clear();
        Some(std::mem::take(&mut self.message))
    }
}

/// Whether a datagram may be given to the handshake: well-formed throughout, nothing
/// but handshake, alerts and ChangeCipherSpec, no fragments made to cost time.
pub(super) fn is_plausible(datagram: &[u8]) -> bool {
    !datagram.is_empty()
        && Records(datagram).all(|record| {
            record.is_some_and(|record| match record.content_type {
                HANDSHAKE if record.epoch == 0 => {
                    Fragments(record.body).all(|f| f.is_some_and(|f| f.is_plausible()))
                }
                CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE => true,
                _ => false,
            })
        })
}
