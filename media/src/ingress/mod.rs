//! The first half of a packet's way: whose Encoding it belongs to, what is missing,
//! and what its publisher must be told. Nothing here knows who will receive it.

mod audio_level;
mod clock;
mod demux;
mod encoding;
mod keyframe;
mod nack;
mod reception;
mod twcc;

pub(crate) use audio_level::LevelMeter;
pub(crate) use clock::{CaptureClock, ClockOffset};
pub(crate) use demux::{Demux, DemuxSection, Role};
pub(crate) use encoding::{Encoding, Origin, Received};
pub(crate) use keyframe::KeyframeRequests;
pub(crate) use nack::Losses;
pub(crate) use reception::Reception;
pub(crate) use twcc::ArrivalRecorder;
