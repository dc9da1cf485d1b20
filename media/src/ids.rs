//! Typed identifiers. A `u32` never says whether it is an SSRC or a timestamp;
//! these do, and their invariants are checked once, on the way in.

use std::fmt;

/// The media side of one Call. The value is the Call's UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouterId(pub u128);

/// One joined device of a user. The value is the Participant's UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub u128);

/// Index of a participant inside the [`Sfu`](crate::sfu::Sfu) that owns it:
/// what the packet path uses instead of hashing a [`ParticipantId`]. An index is
/// reused only after everything that refers to it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantKey(pub u32);

/// Synchronisation source (RFC 3550 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ssrc(pub u32);

/// RTP payload type, 0 to 127 (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pt(u8);

impl Pt {
    /// `None` above 127.
    pub const fn new(value: u8) -> Option<Self> {
        if value < 128 { Some(Self(value)) } else { None }
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}

/// RTP sequence number extended by its rollover count, so that order is plain
/// integer order (RFC 3711 §3.3.1 calls it the packet index).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeqNo(pub u64);

impl SeqNo {
    /// Rollover counter.
    pub const fn roc(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// The 16 bits that travel in the packet.
    pub const fn as_u16(self) -> u16 {
        self.0 as u16
    }

    /// The extended number nearest to `self` that ends in `seq`.
    #[must_use]
    pub const fn nearest(self, seq: u16) -> Self {
        let delta = seq.wrapping_sub(self.as_u16()) as i16;
        let value = self.0 as i64 + delta as i64;
        // Before the first wrap there is nothing below zero to return to.
        Self(if value < 0 {
            (value + 65_536) as u64
        } else {
            value as u64
        })
    }
}

macro_rules! short_token {
    ($(#[$doc:meta])* $name:ident, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            len: u8,
            bytes: [u8; 16],
        }

        /// Empty, longer than 16 bytes, or not an RFC 4566 token.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error("not a token of 1 to 16 characters")]
        pub struct $error;

        impl $name {
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(self.as_bytes()).unwrap_or_default()
            }

            pub fn as_bytes(&self) -> &[u8] {
                &self.bytes[..usize::from(self.len)]
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $error;

            fn try_from(text: &str) -> Result<Self, $error> {
                let token = |b: u8| b.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&b);
                if text.is_empty() || text.len() > 16 || !text.bytes().all(token) {
                    return Err($error);
                }
                let mut bytes = [0; 16];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Ok(Self { len: text.len() as u8, bytes })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }
    };
}

short_token!(
    /// Media identification tag of an m-section (RFC 8843 §15.1), at most 16 bytes
    /// as RFC 8843 recommends for the header extension.
    Mid,
    InvalidMid
);
short_token!(
    /// RTP stream id of a simulcast layer (RFC 8851 §3, RFC 8852).
    Rid,
    InvalidRid
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_sequence_number_crosses_the_wrap_in_both_directions() {
        let cases = [
            (65_535, 0, 65_536),
            (65_536, 65_535, 65_535),
            (0, 65_535, 65_535),
            (100, 90, 90),
            (70_000, 4_465, 70_001),
            (131_072, 65_000, 130_536),
        ];
        for (reference, seq, want) in cases {
            assert_eq!(
                SeqNo(reference).nearest(seq),
                SeqNo(want),
                "{reference} {seq}"
            );
        }
    }

    #[test]
    fn tokens_are_bounded_and_printable() {
        assert_eq!(
            Mid::try_from("0").map(|m| m.to_string()),
            Ok("0".to_owned())
        );
        for bad in ["", "with space", "12345678901234567", "ü", "a\r\nb", "a,b"] {
            assert_eq!(Mid::try_from(bad), Err(InvalidMid), "{bad:?}");
        }
    }
}
