//! Media shaped like the real thing, without encoding any: how many bytes a frame
//! has, how they are cut into packets, what each packet begins with, and when
//! somebody speaks.

mod av1;
mod packets;
mod talk;
mod video;
mod vp8;

pub use packets::{Head, Payload};
pub use talk::{Talk, TalkShape, Utterance};
pub use video::{Codec, FrameShape, Video, VideoShape};
