//! `/api/v1`: one handler a route.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TAG;
use super::wire::{CallList, ListQuery, PageConfig};
use crate::http::AppState;
use crate::http::extract::{Asker, PathId};
use crate::http::problem::{Problem, Refusals, RequestRefused};
use crate::ids::RoomName;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(config))
        .routes(routes!(list_calls))
        .merge(super::events::routes())
}

/// What a page needs to know before it connects
#[utoipa::path(get, path = "/api/v1/config", tag = TAG, security(()),
    responses((status = 200, body = PageConfig)))]
async fn config(State(state): State<AppState>) -> Json<PageConfig> {
    Json(PageConfig::of(state.sessions()))
}

/// Calls of a room, newest first
#[utoipa::path(get, path = "/api/v1/rooms/{room}/calls", tag = TAG,
    params(("room" = String, Path), ListQuery),
    responses((status = 200, body = CallList), Refusals))]
async fn list_calls(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(room): PathId<RoomName>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<CallList>, Problem> {
    let Query(query) = query.map_err(|_| RequestRefused::Malformed("limit or before"))?;
    let page = query.page()?;
    let calls = state
        .sessions()
        .service
        .list_calls(&who, &room, page)
        .await?;
    Ok(Json(calls.into()))
}
