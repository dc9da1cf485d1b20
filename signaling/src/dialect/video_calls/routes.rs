//! `/api/video-calls`: one handler a route.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{
    Action, Details, Entry, InitiateBody, ListQuery, StatusBody, Updated, VideoCallList,
};
use crate::domain::lifecycle::HangUp;
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::http::AppState;
use crate::http::body::JsonBody;
use crate::http::extract::{Asker, PathId};
use crate::http::problem::{EnvelopedRefusals as Refusals, Problem, RequestRefused};
use crate::ids::AppointmentId;
use crate::service::{CallRecord, CallRef, CallService};

const TAG: &str = "Video calls of appointments";

/// Tokens are for nobody's cache.
type Private<T> = ([(header::HeaderName, &'static str); 1], Json<T>);
const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(initiate))
        .routes(routes!(token))
        .routes(routes!(update_status))
        .routes(routes!(details))
        .routes(routes!(list))
}

/// Makes an appointment's call, or gives the one that there is, with a token
#[utoipa::path(post, path = "/api/video-calls/initiate", tag = TAG,
    request_body = InitiateBody,
    responses((status = 200, body = Entry), Refusals))]
async fn initiate(
    State(state): State<AppState>,
    Asker(who): Asker,
    JsonBody(body): JsonBody<InitiateBody>,
) -> Result<Private<Entry>, Problem> {
    let (id, backend) = body.parse(state.links().default_backend())?;
    let service = &state.sessions().service;
    let call = service.call_for_appointment(&who, &id, backend).await?;
    let message = "Video call initiated successfully";
    let now = state.sessions().clock.now();
    let entry = Entry::issue(message, &who, &call, state.links(), now)?;
    Ok((NO_STORE, Json(entry)))
}

/// A fresh token for a call that was initiated
#[utoipa::path(get, path = "/api/video-calls/token/{appointmentId}", tag = TAG,
    params(("appointmentId" = String, Path)),
    responses((status = 200, body = Entry), Refusals))]
async fn token(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<AppointmentId>,
) -> Result<Private<Entry>, Problem> {
    let service = &state.sessions().service;
    let call = service.call_of_appointment(&who, &id).await?;
    let message = "Token retrieved successfully";
    let now = state.sessions().clock.now();
    let entry = Entry::issue(message, &who, &call, state.links(), now)?;
    Ok((NO_STORE, Json(entry)))
}

/// Says what a user did: joined, started, ended, cancelled, or saw it fail
#[utoipa::path(patch, path = "/api/video-calls/{appointmentId}/status", tag = TAG,
    params(("appointmentId" = String, Path)),
    request_body = StatusBody,
    responses((status = 200, body = Updated), Refusals))]
async fn update_status(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<AppointmentId>,
    JsonBody(body): JsonBody<StatusBody>,
) -> Result<Json<Updated>, Problem> {
    let service = &state.sessions().service;
    let call = service.call_of_appointment(&who, &id).await?;
    let number = CallRef::Number(call.record.call.number);
    let record = act(service, &who, number, body.action()?).await?;
    Ok(Json(Updated::of(&call, &record)))
}

async fn act(
    service: &CallService,
    who: &Principal,
    call: CallRef,
    action: Action,
) -> Result<CallRecord, CallError> {
    match action {
        Action::Join => service.enter(who, call, None).await,
        Action::Start => service.start_call(who, call).await,
        Action::End => service.hang_up(who, call, HangUp::Over).await,
        Action::Cancel => service.hang_up(who, call, HangUp::Cancel).await,
        Action::Failed => service.hang_up(who, call, HangUp::Failed).await,
    }
}

/// The call, its appointment and both people
#[utoipa::path(get, path = "/api/video-calls/{appointmentId}", tag = TAG,
    params(("appointmentId" = String, Path)),
    responses((status = 200, body = Details), Refusals))]
async fn details(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<AppointmentId>,
) -> Result<Json<Details>, Problem> {
    let service = &state.sessions().service;
    let call = service.call_of_appointment(&who, &id).await?;
    Ok(Json(Details::of(&call)))
}

/// The asker's calls, latest first
#[utoipa::path(get, path = "/api/video-calls", tag = TAG,
    params(ListQuery),
    responses((status = 200, body = VideoCallList), Refusals))]
async fn list(
    State(state): State<AppState>,
    Asker(who): Asker,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<VideoCallList>, Problem> {
    let Query(query) = query.map_err(|_| RequestRefused::Malformed("status"))?;
    let service = &state.sessions().service;
    let calls = service.appointment_calls_of(&who, &query.filter()?).await?;
    Ok(Json(VideoCallList::of(&calls)))
}
