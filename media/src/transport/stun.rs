//! STUN binding requests, as ICE uses them (RFC 8489, RFC 8445 §7).
//!
//! Anyone can send these, so reading one borrows the datagram, looks at the cheap
//! things first, and costs an HMAC only when the fingerprint is right and the
//! username is ours. Responses are built with `rtc-stun`.

use std::net::SocketAddr;

use rtc_crypto::{CryptoError, HmacAlgorithm, Mac};
use rtc_stun::attributes::{
    ATTR_FINGERPRINT, ATTR_ICE_CONTROLLED, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY,
    ATTR_PRIORITY, ATTR_USE_CANDIDATE, ATTR_USERNAME, AttrType,
};
use rtc_stun::error_code::{ErrorCode, ErrorCodeAttribute};
use rtc_stun::fingerprint::{FINGERPRINT, fingerprint_value};
use rtc_stun::message::{
    BINDING_ERROR, BINDING_REQUEST, BINDING_SUCCESS, MAGIC_COOKIE, Message, MessageType, Setter,
    TransactionId,
};
use rtc_stun::uattrs::UnknownAttributes;
use rtc_stun::xoraddr::XorMappedAddress;

use super::Path;

const HEADER: usize = 20;
/// RFC 8489 §5 has no limit; a check with every known attribute has 150 bytes.
const MAX_LEN: usize = 548;
/// RFC 8839 §5.4: a ufrag has at most 256 characters.
const MAX_USERNAME: usize = 513;

const MESSAGE_INTEGRITY_LEN: usize = 20;
/// Characters in a local ufrag that name the worker.
const WORKER_CHARS: usize = 2;
/// `ice-char` of RFC 8839 §5.4.
pub(super) const ICE_CHARS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The local half of USERNAME (`local:remote`, RFC 8445 §7.2.2) of what looks like a
/// binding request; cheap, and nothing is verified.
pub fn local_ufrag_of(datagram: &[u8]) -> Option<&str> {
    Some(Request::parse(datagram)?.username.0)
}

/// Whether the datagram has STUN's first byte and cookie.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] < 4 && datagram[4..8] == MAGIC_COOKIE.to_be_bytes()
}

/// The worker that made this local ufrag.
pub fn worker_of(ufrag: &str) -> Option<u8> {
    let digit = |c: &u8| ICE_CHARS.iter().position(|i| i == c);
    let [high, low, ..] = ufrag.as_bytes() else {
        return None;
    };
    u8::try_from(digit(high)? * ICE_CHARS.len() + digit(low)?).ok()
}

/// What [`worker_of`] reads.
pub(super) fn worker_prefix(worker: u8) -> [u8; WORKER_CHARS] {
    let worker = usize::from(worker);
    [
        ICE_CHARS[worker / ICE_CHARS.len()],
        ICE_CHARS[worker % ICE_CHARS.len()],
    ]
}

/// Keyed HMAC-SHA1 of a short-term credential (RFC 8489 §9.1.1).
pub(super) fn credential_mac(pwd: &str) -> Result<Box<dyn Mac>, CryptoError> {
    let provider = rtc_crypto::default_provider()?;
    provider
        .crypto()
        .new_hmac(HmacAlgorithm::Sha1, pwd.as_bytes())
}

/// Attributes of a message, in order.
struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    /// Type and value; `None` in place of one that does not fit.
    type Item = Option<(AttrType, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let attribute = self.rest.split_first_chunk::<4>().and_then(|(head, rest)| {
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = rest.get(..len)?;
            self.rest = rest.get(len.next_multiple_of(4)..)?;
            Some((AttrType(u16::from_be_bytes([head[0], head[1]])), value))
        });
        if attribute.is_none() {
            self.rest = &[];
        }
        Some(attribute)
    }
}

/// Which side the sender of a check believes to be (RFC 8445 §6.1.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Controlling,
    Controlled,
}

/// A binding request with a username and, if anything follows, a right fingerprint.
/// Integrity is not verified yet.
pub(super) struct Request<'a> {
    datagram: &'a [u8],
    /// Halves of USERNAME: the receiver's ufrag, the sender's.
    pub(super) username: (&'a str, &'a str),
    /// Where MESSAGE-INTEGRITY begins, and its value.
    integrity: Option<(usize, &'a [u8; MESSAGE_INTEGRITY_LEN])>,
    pub(super) use_candidate: bool,
    pub(super) role: Option<Role>,
    /// Comprehension-required attributes that we do not know.
    pub(super) unknown: Vec<AttrType>,
}

/// More than these are reported by none (RFC 8489 §14.9 sets no number).
const MAX_UNKNOWN: usize = 8;

impl<'a> Request<'a> {
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Self> {
        if !is_stun(datagram) || datagram.len() > MAX_LEN {
            return None;
        }
        let typ = u16::from_be_bytes([datagram[0], datagram[1]]);
        let length = usize::from(u16::from_be_bytes([datagram[2], datagram[3]]));
        if typ != BINDING_REQUEST.value() || length + HEADER != datagram.len() || length % 4 != 0 {
            return None;
        }
        let mut request = Self {
            datagram,
            username: ("", ""),
            integrity: None,
            use_candidate: false,
            role: None,
            unknown: Vec::new(),
        };
        let mut attributes = Attributes {
            rest: &datagram[HEADER..],
        };
        loop {
            let at = datagram.len() - attributes.rest.len();
            let Some(attribute) = attributes.next() else {
                break;
            };
            let (typ, value) = attribute?;
            request.take(typ, value, at)?;
        }
        (!request.username.0.is_empty()).then_some(request)
    }

    fn take(&mut self, typ: AttrType, value: &'a [u8], at: usize) -> Option<()> {
        if typ == ATTR_FINGERPRINT {
            // Last if present, and over everything before (RFC 8489 §14.7).
            let sum = u32::from_be_bytes(value.try_into().ok()?);
            let last = at + 8 == self.datagram.len();
            return (last && sum == fingerprint_value(&self.datagram[..at])).then_some(());
        }
        if self.integrity.is_some() {
            // Not covered by the HMAC, so ignored (RFC 8489 §14.5).
            return Some(());
        }
        match typ {
            ATTR_USERNAME => {
                let text = std::str::from_utf8(value).ok()?;
                if text.len() > MAX_USERNAME {
                    return None;
                }
                // The first counts if there are more (RFC 8489 §14).
                if self.username.0.is_empty() {
                    self.username = text.split_once(':')?;
                }
            }
            ATTR_MESSAGE_INTEGRITY => self.integrity = Some((at, value.try_into().ok()?)),
            ATTR_USE_CANDIDATE => self.use_candidate = true,
            ATTR_ICE_CONTROLLING => self.role = Some(Role::Controlling),
            ATTR_ICE_CONTROLLED => self.role = Some(Role::Controlled),
            ATTR_PRIORITY => {}
            other if other.required() && self.unknown.len() < MAX_UNKNOWN => {
                self.unknown.push(other);
            }
            _ => {}
        }
        Some(())
    }

    /// Whether MESSAGE-INTEGRITY is there and right (RFC 8489 §14.5).
    pub(super) fn is_authentic(&self, mac: &mut dyn Mac) -> bool {
        let Some((at, value)) = self.integrity else {
            return false;
        };
        // The header's length counts up to and including MESSAGE-INTEGRITY.
        let length = (at - HEADER + 4 + MESSAGE_INTEGRITY_LEN) as u16;
        let parts: [&[u8]; 3] = [
            &self.datagram[..2],
            &length.to_be_bytes(),
            &self.datagram[4..at],
        ];
        let mut want = [0; MESSAGE_INTEGRITY_LEN];
        mac.sign(&parts, &mut want).is_ok() && rtc_crypto::constant_time_eq(&want, value)
    }

    pub(super) const fn has_integrity(&self) -> bool {
        self.integrity.is_some()
    }

    pub(super) fn transaction(&self) -> TransactionId {
        let mut id = TransactionId::default();
        id.0.copy_from_slice(&self.datagram[8..HEADER]);
        id
    }

    /// The answer to a valid check.
    pub(super) fn success(&self, path: Path, mac: &mut dyn Mac) -> Option<Vec<u8>> {
        let address = XorMappedAddress {
            ip: path.remote.ip().to_canonical(),
            port: path.remote.port(),
        };
        let mut message = message(BINDING_SUCCESS, self.transaction());
        address.add_to(&mut message).ok()?;
        finish(message, Some(mac))
    }

    /// An error answer, with integrity only if the request had it; `None` when it
    /// would be longer than the request, so that nobody can use us to amplify.
    pub(super) fn error(&self, error: Refusal, mac: Option<&mut dyn Mac>) -> Option<Vec<u8>> {
        let mut message = message(BINDING_ERROR, self.transaction());
        let code = ErrorCodeAttribute {
            code: ErrorCode(error.code()),
            reason: Vec::new(),
        };
        code.add_to(&mut message).ok()?;
        if error == Refusal::UnknownAttribute {
            let unknown = UnknownAttributes(self.unknown.clone());
            unknown.add_to(&mut message).ok()?;
        }
        finish(message, mac).filter(|bytes| bytes.len() <= self.datagram.len())
    }
}

/// Errors that we answer with (RFC 8489 §14.8, RFC 8445 §7.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    BadRequest,
    Unauthenticated,
    UnknownAttribute,
    RoleConflict,
}

impl Refusal {
    const fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::UnknownAttribute => 420,
            Self::RoleConflict => 487,
        }
    }
}

fn message(typ: MessageType, transaction: TransactionId) -> Message {
    let mut message = Message::new();
    message.typ = typ;
    message.transaction_id = transaction;
    message.write_header();
    message
}

/// Appends MESSAGE-INTEGRITY and FINGERPRINT.
fn finish(mut message: Message, mac: Option<&mut dyn Mac>) -> Option<Vec<u8>> {
    if let Some(mac) = mac {
        let length = (message.raw.len() - HEADER + 4 + MESSAGE_INTEGRITY_LEN) as u16;
        let mut value = [0; MESSAGE_INTEGRITY_LEN];
        let parts: [&[u8]; 3] = [&message.raw[..2], &length.to_be_bytes(), &message.raw[4..]];
        mac.sign(&parts, &mut value).ok()?;
        message.add(ATTR_MESSAGE_INTEGRITY, &value);
    }
    FINGERPRINT.add_to(&mut message).ok()?;
    Some(message.raw)
}

/// A connectivity check as an agent sends it (RFC 8445 §7.2.2).
pub(super) struct Check<'a> {
    pub(super) transaction: [u8; 12],
    /// `remote:local`, from the receiver's point of view `local:remote`.
    pub(super) username: &'a str,
    pub(super) priority: u32,
    pub(super) tie_breaker: u64,
    pub(super) role: Role,
    pub(super) nominate: bool,
}

impl Check<'_> {
    pub(super) fn write(&self, mac: &mut dyn Mac) -> Option<Vec<u8>> {
        let mut message = message(BINDING_REQUEST, TransactionId(self.transaction));
        message.add(ATTR_USERNAME, self.username.as_bytes());
        message.add(ATTR_PRIORITY, &self.priority.to_be_bytes());
        let tie_breaker = self.tie_breaker.to_be_bytes();
        let role = match self.role {
            Role::Controlling => ATTR_ICE_CONTROLLING,
            Role::Controlled => ATTR_ICE_CONTROLLED,
        };
        message.add(role, &tie_breaker);
        if self.nominate {
            message.add(ATTR_USE_CANDIDATE, &[]);
        }
        finish(message, Some(mac))
    }
}

/// Whether this is an authentic success response to `transaction`.
pub(super) fn is_success(datagram: &[u8], transaction: &[u8; 12], mac: &mut dyn Mac) -> bool {
    if !is_stun(datagram) || datagram[8..HEADER] != *transaction {
        return false;
    }
    if datagram[..2] != BINDING_SUCCESS.value().to_be_bytes() {
        return false;
    }
    let mut attributes = Attributes {
        rest: &datagram[HEADER..],
    };
    loop {
        let at = datagram.len() - attributes.rest.len();
        match attributes.next() {
            Some(Some((ATTR_MESSAGE_INTEGRITY, value))) => {
                let length = (at - HEADER + 4 + MESSAGE_INTEGRITY_LEN) as u16;
                let parts: [&[u8]; 3] = [&datagram[..2], &length.to_be_bytes(), &datagram[4..at]];
                let mut want = [0; MESSAGE_INTEGRITY_LEN];
                return mac.sign(&parts, &mut want).is_ok()
                    && rtc_crypto::constant_time_eq(&want, value);
            }
            Some(Some(_)) => {}
            Some(None) | None => return false,
        }
    }
}

/// An address as [`Path`] holds it: IPv4 is never written as mapped IPv6.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
