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

pub use bot::{Client, ClientId, Env, Happening};
pub use link::{Link, PacketExtensions};
pub use publication::{Encoding, Numbers, PACKET_BYTES, Producer, Publication};
pub use receive::Times;
pub use sequence::{Counts, Placed, SequenceAccount};
pub use slot::{Slot, Slots, Stream};
pub use stamp::{STAMP_LEN, Stamp};
pub use tally::{LayerId, Tally, layer_name};
