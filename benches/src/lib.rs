//! The load tester: real clients, hundreds in a process, against Convoke or a peer.

pub mod cli;
pub mod command;
pub mod compare;
pub mod measure;
pub mod report;
pub mod results;
pub mod spawn;
pub mod subject;
