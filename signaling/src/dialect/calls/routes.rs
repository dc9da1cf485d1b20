//! `/api/calls`: one handler a route.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::jitsi::{ConfigStatus, JitsiBlock};
use super::projection::{self, CallNumber};
use super::refusal::{Refusal, Refusals};
use super::wire::{ActiveCalls, Details, Done, History, HistoryQuery, Initiate, Initiated, Joined};
use crate::domain::call::{CallStatus, Origin};
use crate::domain::lifecycle::HangUp;
use crate::http::AppState;
use crate::http::body::JsonBody;
use crate::http::extract::{Asker, PathId};
use crate::http::problem::{Problem, RequestRefused};
use crate::service::CallFilter;

const TAG: &str = "Corporate Chat";

/// What an application's front page shows at once.
const MAX_ACTIVE: u32 = CallFilter::MAX_LIMIT;

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Refusal)))]
struct Schemas;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(<Schemas as utoipa::OpenApi>::openapi())
        .routes(routes!(config_status))
        .routes(routes!(initiate))
        .routes(routes!(join))
        .routes(routes!(leave))
        .routes(routes!(end))
        .routes(routes!(decline))
        .routes(routes!(history))
        .routes(routes!(active))
        .routes(routes!(details))
}

/// Whether Jitsi is configured, and how
#[utoipa::path(get, path = "/api/calls/config/status", tag = TAG, operation_id = "calls_config_status",
    responses((status = 200, body = ConfigStatus), Refusals))]
async fn config_status(State(state): State<AppState>, _: Asker) -> Json<ConfigStatus> {
    Json(ConfigStatus::of(state.links()))
}

/// Make a call and ring everybody in it
#[utoipa::path(post, path = "/api/calls/initiate", tag = TAG, operation_id = "calls_initiate",
    request_body = Initiate, responses((status = 201, body = Initiated), Refusals))]
async fn initiate(
    State(state): State<AppState>,
    Asker(who): Asker,
    JsonBody(body): JsonBody<Initiate>,
) -> Result<(StatusCode, Json<Initiated>), Problem> {
    let room = projection::new_room(&who.user, state.sessions().clock.now())?;
    let new = body.into_call(&who, state.links().default_backend(), room)?;
    let planned = state.sessions().service.plan(&who, new).await?;
    let jitsi = JitsiBlock::of(&state, &who, &planned.record)?;
    let made = Initiated::new(&planned.record, jitsi);
    Ok((StatusCode::CREATED, Json(made)))
}

/// Enter a call that one was asked into
#[utoipa::path(post, path = "/api/calls/{callId}/join", tag = TAG, operation_id = "calls_join",
    params(("callId" = i64, Path)), responses((status = 200, body = Joined), Refusals))]
async fn join(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallNumber(call)): PathId<CallNumber>,
) -> Result<Json<Joined>, Problem> {
    let record = state.sessions().service.enter(&who, call, None).await?;
    let jitsi = JitsiBlock::of(&state, &who, &record)?;
    Ok(Json(Joined::new(&record, jitsi)))
}

/// Leave a call
#[utoipa::path(post, path = "/api/calls/{callId}/leave", tag = TAG, operation_id = "calls_leave",
    params(("callId" = i64, Path)), responses((status = 200, body = Done), Refusals))]
async fn leave(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallNumber(call)): PathId<CallNumber>,
) -> Result<Json<Done>, Problem> {
    state.sessions().service.depart(&who, call).await?;
    Ok(Json(Done::saying("Successfully left the call")))
}

/// End a call for everybody (moderators)
#[utoipa::path(post, path = "/api/calls/{callId}/end", tag = TAG, operation_id = "calls_end",
    params(("callId" = i64, Path)), responses((status = 200, body = Done), Refusals))]
async fn end(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallNumber(call)): PathId<CallNumber>,
) -> Result<Json<Done>, Problem> {
    let service = &state.sessions().service;
    service.hang_up(&who, call, HangUp::Over).await?;
    Ok(Json(Done::saying("Call ended successfully")))
}

/// Decline a call, on all of one's devices
#[utoipa::path(post, path = "/api/calls/{callId}/decline", tag = TAG, operation_id = "calls_decline",
    params(("callId" = i64, Path)), responses((status = 200, body = Done), Refusals))]
async fn decline(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallNumber(call)): PathId<CallNumber>,
) -> Result<Json<Done>, Problem> {
    state.sessions().service.decline(&who, call).await?;
    Ok(Json(Done::saying("Call declined")))
}

/// A call and everybody in it
#[utoipa::path(get, path = "/api/calls/{callId}", tag = TAG, operation_id = "calls_details",
    params(("callId" = i64, Path)), responses((status = 200, body = Details), Refusals))]
async fn details(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallNumber(call)): PathId<CallNumber>,
) -> Result<Json<Details>, Problem> {
    let record = state.sessions().service.call(&who, &call).await?;
    Ok(Json(record.into()))
}

/// One's calls, latest first
#[utoipa::path(get, path = "/api/calls/history/all", tag = TAG, operation_id = "calls_history",
    params(HistoryQuery), responses((status = 200, body = History), Refusals))]
async fn history(
    State(state): State<AppState>,
    Asker(who): Asker,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<History>, Problem> {
    let Query(query) = query.map_err(|_| RequestRefused::Malformed("limit or offset"))?;
    let filter = query.filter()?;
    let records = state.sessions().service.calls_of(&who, &filter).await?;
    Ok(Json(History::new(&records, &filter)))
}

/// One's calls that are not over
#[utoipa::path(get, path = "/api/calls/active/all", tag = TAG, operation_id = "calls_active",
    responses((status = 200, body = ActiveCalls), Refusals))]
async fn active(
    State(state): State<AppState>,
    Asker(who): Asker,
) -> Result<Json<ActiveCalls>, Problem> {
    let filter = CallFilter {
        origins: vec![Origin::Chat],
        statuses: vec![CallStatus::Pending, CallStatus::Ongoing],
        limit: MAX_ACTIVE,
        ..CallFilter::default()
    };
    let records = state.sessions().service.calls_of(&who, &filter).await?;
    Ok(Json(ActiveCalls::new(&records)))
}
