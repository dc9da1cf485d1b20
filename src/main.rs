//! Configuration and wiring of the server; everything else is in the crates.

fn main() {}
