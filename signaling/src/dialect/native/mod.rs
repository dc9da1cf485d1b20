//! Our own REST API under `/api/v1`: what the page needs to know before it connects,
//! and Calls on record.

mod events;
mod routes;
mod wire;

pub(crate) use routes::routes;
