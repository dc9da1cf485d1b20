//! Dialects: the APIs that applications speak, each a folder with routes and wire
//! types. A handler parses, asks the service once, and renders; no rule, no SQL and
//! no media in here, and no dialect knows another.

pub mod native;

use utoipa_axum::router::OpenApiRouter;

use crate::http::AppState;
use crate::http::envelope::Envelope;

/// Every dialect's routes, and with them what the API's document says of them.
pub(crate) fn routes() -> Vec<OpenApiRouter<AppState>> {
    vec![native::routes()]
}

/// Of the dialects whose errors have another shape than problem details.
pub(crate) const ENVELOPES: &[Envelope] = &[];
