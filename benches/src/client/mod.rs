//! A client as the server sees one: ICE, DTLS, SRTP, what it publishes, and Slots that
//! complain about loss. Sans-IO: the engine's thread gives it datagrams and the time.

mod bot;
mod feedback;
mod link;
mod publication;
mod receive;
mod sequence;
mod slot;
mod stamp;
mod tally;

pub(crate) use bot::{Client, ClientId, Env, Happening};
pub(crate) use link::{Link, PacketExtensions};
pub(crate) use publication::{Encoding, Numbers, PACKET_BYTES, Producer, Publication};
pub(crate) use receive::Times;
#[cfg(feature = "webrtc")]
pub(crate) use sequence::{Placed, SequenceAccount};
pub(crate) use slot::{Heard, Slot, Slots, Stream};
pub(crate) use stamp::{STAMP_LEN, Stamp};
pub(crate) use tally::{LayerId, Tally};
