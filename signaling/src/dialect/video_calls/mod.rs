//! `/api/video-calls`: the one call of an appointment between a doctor and a patient.
//!
//! # Deliberate readings
//! - Statuses are upper-case projections of the Call's: SCHEDULED until both have
//!   joined (or one says `start`), then IN_PROGRESS, and at its end COMPLETED,
//!   CANCELLED, FAILED or NO_SHOW. A ring that nobody answered does not exist here.
//! - The doctor is the call's host and the Jitsi's moderator, the patient neither;
//!   either may start, end, cancel or fail it, as the document's example does when the
//!   first of them leaves.
//! - An appointment has one call: a second `initiate` gives the first one's, and 400
//!   when that is over, like an appointment that is not CONFIRMED or IN_PROGRESS.
//! - The appointment becomes IN_PROGRESS with its call and COMPLETED with it; the
//!   host's next word on it counts again.
//! - `startedAt`, `endedAt`, `duration` and the times of joining are absent until they
//!   are known, as in the document's examples; the details show `duration` as null.
//! - A person's name is one text here: its last word is `lastName`.
//! - A call keeps the backend that it was initiated with, so that both land in the
//!   same place, whatever a later request says.
//! - Errors have the document's statuses: 403 for somebody else's appointment, 404 for
//!   none, 400 for what cannot be asked now. Their body is a problem with its sentence
//!   in `message` as well, where the successes have theirs.

mod envelope;
mod routes;
mod wire;

pub(crate) use envelope::ENVELOPE;
pub(crate) use routes::routes;
