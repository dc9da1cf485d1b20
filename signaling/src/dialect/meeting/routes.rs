//! `/api/meeting`: one handler a route.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{
    CreateBody, JoinAnswer, JoinBody, MeetingList, MeetingNumber, MeetingView, MuteAllAnswer,
    RecordingBody, RecordingView,
};
use crate::domain::call::Origin;
use crate::domain::lifecycle::HangUp;
use crate::http::AppState;
use crate::http::body::{JsonBody, OptionalJsonBody};
use crate::http::extract::{Asker, PathId};
use crate::http::page::{PageParams, PageQuery};
use crate::http::problem::{Problem, Refusals};
use crate::service::CallFilter;

const TAG: &str = "Meetings";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(details))
        .routes(routes!(join))
        .routes(routes!(end))
        .routes(routes!(cancel))
        .routes(routes!(mute_all))
        .routes(routes!(add_recording))
}

/// Create new meeting
#[utoipa::path(post, path = "/api/meeting/create", tag = TAG,
    operation_id = "create_meeting", request_body = CreateBody,
    responses((status = 201, body = MeetingView), Refusals))]
async fn create(
    State(state): State<AppState>,
    Asker(who): Asker,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<(StatusCode, Json<MeetingView>), Problem> {
    let new = body.into_new_call(state.links(), state.sessions().clock.now())?;
    let planned = state.sessions().service.plan(&who, new).await?;
    Ok((StatusCode::CREATED, Json(planned.record.into())))
}

/// Join meeting
#[utoipa::path(post, path = "/api/meeting/{id}/join", tag = TAG,
    operation_id = "join_meeting",
    params(("id" = i64, Path)), request_body = Option<JoinBody>,
    responses((status = 200, body = JoinAnswer), Refusals))]
async fn join(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(meeting): PathId<MeetingNumber>,
    OptionalJsonBody(body): OptionalJsonBody<JoinBody>,
) -> Result<Json<JoinAnswer>, Problem> {
    let service = &state.sessions().service;
    let password = body.password()?;
    let record = service.enter(&who, meeting.into(), password).await?;
    let now = state.sessions().clock.now();
    Ok(Json(JoinAnswer::issue(state.links(), &who, &record, now)?))
}

/// End meeting (host only)
#[utoipa::path(put, path = "/api/meeting/{id}/end", tag = TAG,
    operation_id = "end_meeting",
    params(("id" = i64, Path)),
    responses((status = 200, body = MeetingView), Refusals))]
async fn end(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(meeting): PathId<MeetingNumber>,
) -> Result<Json<MeetingView>, Problem> {
    let service = &state.sessions().service;
    let record = service.hang_up(&who, meeting.into(), HangUp::Over).await?;
    Ok(Json(record.into()))
}

/// Cancel meeting (host only)
#[utoipa::path(put, path = "/api/meeting/{id}/cancel", tag = TAG,
    operation_id = "cancel_meeting",
    params(("id" = i64, Path)),
    responses((status = 200, body = MeetingView), Refusals))]
async fn cancel(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(meeting): PathId<MeetingNumber>,
) -> Result<Json<MeetingView>, Problem> {
    let service = &state.sessions().service;
    let record = service
        .hang_up(&who, meeting.into(), HangUp::Cancel)
        .await?;
    Ok(Json(record.into()))
}

/// Mute everybody else (host and moderators)
#[utoipa::path(post, path = "/api/meeting/{id}/mute-all", tag = TAG,
    operation_id = "mute_all_in_meeting",
    params(("id" = i64, Path)),
    responses((status = 200, body = MuteAllAnswer), Refusals))]
async fn mute_all(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(meeting): PathId<MeetingNumber>,
) -> Result<Json<MuteAllAnswer>, Problem> {
    let service = &state.sessions().service;
    let silenced = service.mute_others_as(&who, meeting.into()).await?;
    Ok(Json(silenced.into()))
}

/// The user's meetings, latest first
#[utoipa::path(get, path = "/api/meeting/list", tag = TAG,
    operation_id = "list_meetings",
    params(PageParams),
    responses((status = 200, body = MeetingList), Refusals))]
async fn list(
    State(state): State<AppState>,
    Asker(who): Asker,
    PageQuery(page): PageQuery,
) -> Result<Json<MeetingList>, Problem> {
    let filter = CallFilter {
        origins: vec![Origin::Meeting],
        limit: page.limit,
        offset: page.offset,
        ..CallFilter::default()
    };
    let records = state.sessions().service.calls_of(&who, &filter).await?;
    Ok(Json(records.into()))
}

/// Meeting details
#[utoipa::path(get, path = "/api/meeting/{id}", tag = TAG,
    operation_id = "get_meeting",
    params(("id" = i64, Path)),
    responses((status = 200, body = MeetingView), Refusals))]
async fn details(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(meeting): PathId<MeetingNumber>,
) -> Result<Json<MeetingView>, Problem> {
    let service = &state.sessions().service;
    let record = service.call(&who, &meeting.into()).await?;
    Ok(Json(record.into()))
}

/// Save recording metadata
#[utoipa::path(post, path = "/api/meeting/{id}/recording", tag = TAG,
    operation_id = "add_meeting_recording",
    params(("id" = i64, Path)), request_body = RecordingBody,
    responses((status = 201, body = RecordingView), Refusals))]
async fn add_recording(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(meeting): PathId<MeetingNumber>,
    JsonBody(body): JsonBody<RecordingBody>,
) -> Result<(StatusCode, Json<RecordingView>), Problem> {
    let service = &state.sessions().service;
    let new = body.into_recording(&state.links().jitsi().config().recording_path)?;
    let recording = service.add_recording(&who, meeting.into(), new).await?;
    let view = RecordingView::of(meeting, recording);
    Ok((StatusCode::CREATED, Json(view)))
}
