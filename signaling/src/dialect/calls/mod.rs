//! The document "Video/Audio Calls – Corporate Chat": `/api/calls` and its events on
//! the default Socket.IO namespace.
//!
//! # Readings, where the document is silent or two are possible
//! - Initiating rings at once. The `call_incoming` that its front ends send afterwards
//!   changes nothing, so that each device is told exactly once.
//! - Initiating answers 201, everything else 200.
//! - `initiatedBy` and `endedBy` in events are `{id, name}`, as `initiatedBy` is in
//!   "Get Call Details"; `participants` in events are those who are there now.
//! - Who has not answered in time is still `invited`: there is no word for it.
//! - "Call not found" is also said of a call that is over (Troubleshooting), and
//!   "You are not a participant" where others would hide that there is one.
//! - The lists have the calls that were made here: rooms of tokens, meetings and
//!   appointments are other documents'.
//! - Only moderators end a call, also one of two; the other leaves.
//! - Somebody without an e-mail address has one at `{JITSI_APP_ID}.local`, as the
//!   document's John Doe.
//! - A link into a Jitsi has its token twice, `…/room?jwt=T#jwt=T`: Jitsi's page drops a
//!   token in the fragment that is not in quotes, as the document prints it, and takes the
//!   one in the query; front ends that take a link apart find theirs after `#jwt=`.
//! - `token` is null and the link has none where the Jitsi asks for none
//!   (`JITSI_USE_JWT=false`, the document's default): meet.jit.si refuses other people's.
//! - `call_join` without a preceding request enters as `POST …/join` does.
//! - Besides, the `jitsi` block says who holds the call (`backend`), `call_incoming` says when the ring is over (`expiresAt`), and
//!   `call_ring_stopped {callId, reason}` tells a user's devices to stop ringing.

mod events;
mod jitsi;
mod projection;
mod refusal;
mod routes;
mod wire;

pub(crate) use events::CallEvents;
pub(crate) use refusal::ENVELOPE;
pub(crate) use routes::routes;
