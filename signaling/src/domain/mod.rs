//! The rules of Calls: pure functions over values, no clock, no database, no async.
//! Dialects and carriers project these types; none of their words come in here.

pub mod appointment;
pub mod calendar;
pub mod call;
pub mod directory;
pub mod event;
pub mod lifecycle;
pub mod notification;
pub mod participant;
pub mod permission;
pub mod principal;
pub mod recording;
pub mod tenancy;
pub mod text;
pub mod time;
pub mod words;
