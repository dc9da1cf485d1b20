//! Media shaped like the real thing, without encoding any: how many bytes a frame
//! has, how they are cut into packets, what each packet begins with, and when
//! somebody speaks.

mod av1;
mod descriptor;
mod packets;
mod talk;
mod video;
mod vp8;

pub(crate) use descriptor::{Descriptor, MAX_DESCRIPTOR};
pub(crate) use packets::Payload;
pub(crate) use talk::{Talk, TalkShape};
pub use video::Codec;
pub(crate) use video::{FrameShape, Video, VideoShape};
