//! Our own REST API under `/api/v1`: what the page needs to know before it connects,
//! Calls on record, the directory and notifications.

mod directory_routes;
mod directory_wire;
mod events;
mod notification_routes;
mod notification_wire;
mod presence;
mod routes;
mod wire;

use utoipa_axum::router::OpenApiRouter;

use crate::http::AppState;

/// Under which the API's document lists them.
const TAG: &str = "Convoke";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    routes::routes()
        .merge(directory_routes::routes())
        .merge(notification_routes::routes())
        .merge(presence::routes())
}
