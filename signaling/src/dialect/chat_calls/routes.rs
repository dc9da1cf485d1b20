//! `/api/v1/calls`: one handler a route.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::wire::{CallDetails, CallView, ChangeStatus, History, InitiateCall, JoinCall};
use super::words::MediaPatch;
use crate::domain::call::{CallMode, Nature, Origin};
use crate::domain::lifecycle::HangUp;
use crate::domain::participant::Role;
use crate::error::CallError;
use crate::http::AppState;
use crate::http::body::{JsonBody, OptionalJsonBody};
use crate::http::extract::{Asker, CallName, PathId};
use crate::http::page::{PageParams, PageQuery};
use crate::http::problem::{Problem, Refusals};
use crate::ids::{ChatId, RoomName};
use crate::service::{CallFilter, CallRef, CallService, ChatLink, NewCall};

const TAG: &str = "Calls of chat rooms";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(initiate))
        .routes(routes!(active))
        .routes(routes!(history))
        .routes(routes!(show))
        .routes(routes!(join))
        .routes(routes!(end))
        .routes(routes!(change_status))
        .routes(routes!(change_media))
}

fn service(state: &AppState) -> &CallService {
    &state.sessions().service
}

/// Start a call in a chat room, ringing people
#[utoipa::path(post, path = "/api/v1/calls/rooms/{chatRoomId}/initiate", tag = TAG,
    operation_id = "initiate_chat_call",
    params(("chatRoomId" = String, Path)), request_body = InitiateCall,
    responses((status = 201, body = CallView), Refusals))]
async fn initiate(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(chat): PathId<ChatId>,
    JsonBody(request): JsonBody<InitiateCall>,
) -> Result<(StatusCode, Json<CallView>), Problem> {
    let new = new_call(&state, chat, &request)?;
    let planned = service(&state).plan(&who, new).await?;
    Ok((StatusCode::CREATED, Json(planned.record.into())))
}

/// The call going on in a chat room, or null
#[utoipa::path(get, path = "/api/v1/calls/rooms/{chatRoomId}/active", tag = TAG,
    operation_id = "active_chat_call",
    params(("chatRoomId" = String, Path)),
    responses((status = 200, body = Option<CallView>), Refusals))]
async fn active(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(chat): PathId<ChatId>,
) -> Result<Json<Option<CallView>>, Problem> {
    match service(&state).call(&who, &CallRef::Chat(chat)).await {
        Ok(record) => Ok(Json(Some(record.into()))),
        // A stranger learns no more than that.
        Err(CallError::UnknownCall | CallError::NotMember) => Ok(Json(None)),
        Err(error) => Err(error.into()),
    }
}

/// One's own calls, newest first
#[utoipa::path(get, path = "/api/v1/calls", tag = TAG,
    operation_id = "list_own_calls", params(PageParams),
    responses((status = 200, body = History), Refusals))]
async fn history(
    State(state): State<AppState>,
    Asker(who): Asker,
    PageQuery(page): PageQuery,
) -> Result<Json<History>, Problem> {
    let filter = CallFilter {
        limit: page.limit,
        offset: page.offset,
        ..CallFilter::default()
    };
    let calls = service(&state).calls_of(&who, &filter).await?;
    Ok(Json(History::of(calls, &filter)))
}

/// A call with everybody who was there and all of its events
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = TAG,
    operation_id = "get_call",
    params(("id" = String, Path, description = "UUID or number of the call")),
    responses((status = 200, body = CallDetails), Refusals))]
async fn show(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallName(call)): PathId<CallName>,
) -> Result<Json<CallDetails>, Problem> {
    let record = service(&state).call(&who, &call).await?;
    Ok(Json(record.into()))
}

/// Join a call
#[utoipa::path(post, path = "/api/v1/calls/{id}/join", tag = TAG,
    operation_id = "join_chat_call",
    params(("id" = String, Path)), request_body = Option<JoinCall>,
    responses((status = 200, body = CallView), Refusals))]
async fn join(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallName(call)): PathId<CallName>,
    OptionalJsonBody(request): OptionalJsonBody<JoinCall>,
) -> Result<Json<CallView>, Problem> {
    let record = service(&state).enter(&who, call, request.password).await?;
    Ok(Json(record.into()))
}

/// End a call for everybody
#[utoipa::path(post, path = "/api/v1/calls/{id}/end", tag = TAG,
    operation_id = "end_chat_call",
    params(("id" = String, Path)),
    responses((status = 200, body = CallView), Refusals))]
async fn end(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallName(call)): PathId<CallName>,
) -> Result<Json<CallView>, Problem> {
    let record = service(&state).hang_up(&who, call, HangUp::Over).await?;
    Ok(Json(record.into()))
}

/// Say what has become of one's participation
#[utoipa::path(patch, path = "/api/v1/calls/{id}/status", tag = TAG,
    operation_id = "change_chat_call_status",
    params(("id" = String, Path)), request_body = ChangeStatus,
    responses((status = 200, body = CallView), Refusals))]
async fn change_status(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallName(call)): PathId<CallName>,
    JsonBody(request): JsonBody<ChangeStatus>,
) -> Result<Json<CallView>, Problem> {
    let changed = request.status.bring_about(service(&state), &who, call);
    Ok(Json(changed.await?.into()))
}

/// Say what one's microphone, camera and screen do
#[utoipa::path(patch, path = "/api/v1/calls/{id}/media", tag = TAG,
    operation_id = "change_chat_call_media",
    params(("id" = String, Path)), request_body = MediaPatch,
    responses((status = 200, body = CallView), Refusals))]
async fn change_media(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(CallName(call)): PathId<CallName>,
    JsonBody(patch): JsonBody<MediaPatch>,
) -> Result<Json<CallView>, Problem> {
    let record = service(&state).set_media(&who, call, patch.into()).await?;
    Ok(Json(record.into()))
}

fn new_call(state: &AppState, chat: ChatId, request: &InitiateCall) -> Result<NewCall, Problem> {
    let invited = request.invited()?;
    let whole_chat = invited.is_empty();
    let nature = Nature {
        kind: request.r#type.into(),
        // Of more than two it becomes one of a group, whatever the request says.
        mode: match request.is_group_call.unwrap_or(whole_chat) {
            true => CallMode::Group,
            false => CallMode::Direct,
        },
        backend: match request.backend {
            Some(word) => word.into(),
            None => state.links().default_backend(),
        },
        origin: Origin::ChatRoom,
    };
    let room = format!("call-{}", Uuid::new_v4().simple());
    let room = RoomName::try_from(room.as_str()).map_err(CallError::from)?;
    let members = invited.into_iter().map(|user| (user, Role::Participant));
    Ok(NewCall {
        chat: Some(ChatLink::Claimed(chat)),
        whole_chat,
        members: members.collect(),
        ..NewCall::new(room, nature)
    })
}
