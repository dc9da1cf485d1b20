//! Calls from the service down to either database: who is in, who left when, what is
//! on record, what everybody is told.

#[path = "../common/mod.rs"]
mod common;

mod deadlines;
mod history;
mod joining;
mod leaving;
mod media;
mod recovery;
mod schema;
mod sequences;
