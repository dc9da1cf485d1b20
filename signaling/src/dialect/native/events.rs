//! What happened in a Call, to be read from any point on.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::EventEntry;
use crate::http::AppState;
use crate::http::extract::{Asker, CallName, PathId};
use crate::http::problem::{Problem, Refusals, RequestRefused};

const MAX_EVENTS: u32 = 500;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(list_events))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Number of the last event that is known; all events without.
    #[param(minimum = 0)]
    after: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct EventList {
    /// At most 500; ask again after the last one's number until there are none.
    events: Vec<EventEntry>,
}

/// What happened in a call after an event, in order
#[utoipa::path(get, path = "/api/v1/calls/{id}/events", tag = "Convoke",
    params(("id" = String, Path, description = "UUID or number of the call"), EventsQuery),
    responses((status = 200, body = EventList), Refusals))]
async fn list_events(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallName(call)): PathId<CallName>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Json<EventList>, Problem> {
    let malformed = RequestRefused::Malformed("after must be an event's number");
    let Query(query) = query.map_err(|_| malformed)?;
    let after = query.after.unwrap_or(0);
    let service = &state.sessions().service;
    let events = service.events_after(&who, &call, after, MAX_EVENTS).await?;
    let events = events.into_iter().map(EventEntry::from).collect();
    Ok(Json(EventList { events }))
}
