//! `/api/v1`: one handler a route.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};

use super::wire::{CallDetails, CallList, ListQuery, PageConfig};
use crate::http::AppState;
use crate::http::extract::{Asker, PathId};
use crate::http::problem::{Problem, RequestRefused};
use crate::ids::{CallId, RoomName};

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/config", get(config))
        .route("/api/v1/rooms/{room}/calls", get(list_calls))
        .route("/api/v1/calls/{id}", get(get_call))
}

/// For everybody: it says how to get in.
async fn config(State(state): State<AppState>) -> Json<PageConfig> {
    Json(PageConfig::of(state.sessions()))
}

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

async fn get_call(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(call): PathId<CallId>,
) -> Result<Json<CallDetails>, Problem> {
    let record = state.sessions().service.get_call(&who, call).await?;
    Ok(Json(record.into()))
}
