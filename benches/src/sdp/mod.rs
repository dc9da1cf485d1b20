//! As much of SDP as a client needs that offers or answers: what the other side says
//! (`Description`), and what we say (`Lines`, in an offer or an answer).

mod parse;
mod print;

pub(crate) use parse::{Description, Media};
pub(crate) use print::{Answer, Credentials, Line, LineRole, Offer, uri};
