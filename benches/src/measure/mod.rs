//! The instruments. A load test is believed only as far as its instruments cost
//! nothing and lose nothing, so they stand apart from what they measure.

mod histogram;
mod process;

pub use histogram::Histogram;
pub use process::{ProcessMeter, ThreadCpu};
