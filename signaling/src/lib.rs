//! Calls as applications know them: the domain, the store, the sessions and their
//! carriers, and the HTTP APIs.
//!
//! # A request's journey
//! `http` → `auth` (a Principal) → `dialect/x/routes` → [`service`] → `domain` rule
//! → `store` (one transaction with its event) → `media_plane` command →
//! `events/hub` → sessions.

pub mod auth;
pub mod clock;
pub mod dialect;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod ids;
pub mod jitsi;
pub mod links;
pub mod media_plane;
pub mod outbound;
pub mod service;
pub mod session;
pub mod store;
