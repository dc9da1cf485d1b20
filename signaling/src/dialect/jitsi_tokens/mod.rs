//! `/api/jitsi`: tokens for rooms by their names, for applications that embed a Jitsi
//! and keep their appointments themselves.
//!
//! # Deliberate readings
//! - The document shows `generate-token` and names two more functions without their
//!   paths: they are `validate-token` and `rooms`, with `create-room` as a second name
//!   that front ends of that application use; `rooms` also takes its `therapistId` and
//!   `clientId` and answers with `therapistToken` and `clientToken`.
//! - Whoever asks proves who it is, which the document leaves open. A token for
//!   oneself has the name and the e-mail address of that proof; what the body says of
//!   them counts where nobody else has said it.
//! - Asking as moderator for a room that is nobody's makes it the asker's; asking
//!   without does not, so that a client who comes early takes nothing from its
//!   therapist. A room named after an appointment of the directory is that
//!   appointment's doctor's and patient's.
//! - A Jitsi's room has ASCII letters, digits, `-`, `_` and `.`; names that differ in
//!   case alone are one room, as they are to the Jitsi.
//! - With `"backend": "sfu"` the link carries the token, since our page asks no
//!   application for it.
//! - Refusals are problem details; the document has no shape of its own.

mod routes;
mod wire;

pub(crate) use routes::routes;
