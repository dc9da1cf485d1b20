//! Dialects: the APIs that applications speak, each a folder with routes and wire
//! types. A handler parses, asks the service once, and renders; no rule, no SQL and
//! no media in here, and no dialect knows another.

pub mod native;
