//! The calls of chat rooms: `/api/v1/calls` and the Socket.IO namespace `/calls`, as
//! the document "Audio/Video Calls System" describes them. docs/api-chat-calls.md is for
//! those who write a front end.
//!
//! # What its document leaves open
//! - Bodies: a call is answered as itself, without an envelope, and the active call of a
//!   room in which nothing goes on is `null`. `inviteUserIds` left out or empty asks
//!   everybody in the chat room. The history is `{calls, limit, offset}`.
//! - Fields beyond the document's are `camelCase` like its own. Media state is
//!   `isMicMuted` (the document's), `isCameraOff`, `isScreenSharing`, `isHandRaised`; for
//!   the camera `isCameraOn` and `isVideoOn` are understood as well.
//! - A call is named by its UUID (`id`, `callId`) or by its `number`.
//! - "Update participant status" takes every word of the document's, and `accepted`: the
//!   participant's `joined`, `left`, `declined` (or `rejected`) and `missed`, which stops
//!   the ring of whoever says it, and all of it when the initiator does; the call's
//!   `completed`, `cancelled` and `failed`, which end it. `initiated`, `invited`,
//!   `ringing` and `ongoing` the server knows itself: they change nothing.
//! - `ringing` is a call that nobody but its initiator has come to, also when the
//!   initiator is in it already.
//! - `GET /api/v1/calls/{id}` is the native API's as well: one answer serves both.
//! - Socket.IO: whoever is told of a change is told also what the document has no event
//!   for, an answer or a refusal elsewhere, by `call_status_changed` from the server.

mod relay;
mod routes;
mod sfu;
mod socket;
mod tellings;
mod wire;
mod words;

pub(crate) use routes::routes;
pub(crate) use socket::ChatCalls;
