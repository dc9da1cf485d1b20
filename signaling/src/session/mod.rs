//! Sessions: one signaling connection each, whatever carries it. A carrier frames
//! messages and enforces its own transport's limits; everything else is here, so that
//! the plain WebSocket and Socket.IO cannot drift apart.
//!
//! # The contract of carrying
//! Give every message to [`Session::handle`] or [`Session::handle_text`], and poll
//! [`Session::next`] meanwhile, which may be dropped and called again. Send what a
//! [`Reply`] holds, in order, and end the connection when it says so. Dropping the
//! Session is losing it: its Participant gets the grace time. Only a `leave` leaves.

mod admission;
mod close;
mod convert;
pub mod limits;
mod machine;
pub mod message;
pub(crate) mod resource;
mod ringing;
pub(crate) mod socketio;
pub mod websocket;

use std::sync::Arc;
use std::time::Duration;

pub use admission::{Admission, AdmissionLimits, AdmissionRefused, Permit};
pub use close::Close;
pub use machine::Session;
pub use resource::ResourceError;

use crate::auth::Authenticator;
use crate::clock::Clock;
use crate::service::{CallConfig, CallService};
use limits::HELLO_TIMEOUT;
use message::{IceServer, ServerMessage};

/// What all Sessions share.
pub struct SessionContext {
    pub service: CallService,
    pub auth: Arc<Authenticator>,
    pub clock: Arc<dyn Clock>,
    pub config: SessionConfig,
}

#[derive(Debug, Clone)]
pub struct SessionConfig {
    pub ice_servers: Vec<IceServer>,
    pub max_participants: u32,
    /// How long a lost Session may be resumed: the service's grace time.
    pub resume_window: Duration,
    /// A Session silent for [`limits::IDLE_PINGS`] times as long is lost.
    pub ping_interval: Duration,
    pub hello_timeout: Duration,
    /// Off behind a gateway that limits by itself.
    pub rate_limits: bool,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            max_participants: 50,
            resume_window: CallConfig::MAX_GRACE,
            ping_interval: Duration::from_secs(5),
            hello_timeout: HELLO_TIMEOUT,
            rate_limits: true,
        }
    }
}

/// What the carrier is to do.
#[derive(Debug, Default, PartialEq)]
pub struct Reply {
    pub messages: Vec<ServerMessage>,
    /// End the connection, after the messages.
    pub close: Option<Close>,
}

impl Reply {
    pub(crate) fn close(close: Close) -> Self {
        Self {
            messages: Vec::new(),
            close: Some(close),
        }
    }
}

impl From<ServerMessage> for Reply {
    fn from(message: ServerMessage) -> Self {
        Self {
            messages: vec![message],
            close: None,
        }
    }
}
