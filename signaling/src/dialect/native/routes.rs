//! `/api/v1`: one handler a route.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TAG;
use super::wire::{CallDetails, CallList, ListQuery, PageConfig};
use crate::http::AppState;
use crate::http::extract::{Asker, PathId};
use crate::http::problem::{Problem, Refusals, RequestRefused};
use crate::ids::{CallId, RoomName};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(config))
        .routes(routes!(list_calls))
        .routes(routes!(get_call))
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

/// A call with everybody who was there and all of its events
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = TAG,
    params(("id" = String, Path, description = "UUID of the call")),
    responses((status = 200, body = CallDetails), Refusals))]
async fn get_call(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(call): PathId<CallId>,
) -> Result<Json<CallDetails>, Problem> {
    let record = state.sessions().service.get_call(&who, call).await?;
    Ok(Json(record.into()))
}
