//! Offer and answer (RFC 9429, RFC 3264): what the client offers, we answer once.

pub mod params;
