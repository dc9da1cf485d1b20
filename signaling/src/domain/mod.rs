//! The rules of Calls: pure functions over values, no clock, no database, no async.
//! Dialects and carriers project these types; none of their words come in here.

pub mod call;
pub mod event;
pub mod lifecycle;
pub mod participant;
pub mod permission;
pub mod principal;
pub mod time;
pub mod words;
