//! RTP and RTCP as they travel: zero-copy views with strict bounds, and writers
//! into buffers that the caller owns. Everything here reads what a stranger sent,
//! so it answers `None` or an error and never panics.

pub mod codec;
pub mod ext;
pub mod fuzzing;
pub mod ntp;
pub mod packet;
pub mod rtcp;
pub mod seq;
