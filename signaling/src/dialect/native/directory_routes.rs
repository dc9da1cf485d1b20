//! `/api/v1/directory`: users, chat rooms and appointments, kept by the host
//! application's backend. PUT creates or replaces, however often it is sent.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::TAG;
use super::directory_wire::{
    AppointmentBody, AppointmentView, ChatBody, ChatView, MessageList, UserBody, UserView,
};
use crate::http::AppState;
use crate::http::body::JsonBody;
use crate::http::extract::{Asker, PathId};
use crate::http::page::{PageParams, PageQuery};
use crate::http::problem::{Problem, Refusals};
use crate::ids::{AppointmentId, ChatId, UserId};

/// A thousand members with the longest ids, each character of them four bytes.
const MAX_CHAT_BYTES: usize = 600 * 1024;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    let chat = routes!(put_chat, get_chat, delete_chat);
    OpenApiRouter::default()
        .routes(routes!(put_user, get_user, delete_user))
        .routes(chat.layer(DefaultBodyLimit::max(MAX_CHAT_BYTES)))
        .routes(routes!(chat_messages))
        .routes(routes!(
            put_appointment,
            get_appointment,
            delete_appointment
        ))
}

/// Create or replace a user
#[utoipa::path(put, path = "/api/v1/directory/users/{id}", tag = TAG,
    params(("id" = String, Path)), request_body = UserBody,
    responses((status = 200, body = UserView), Refusals))]
async fn put_user(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<UserId>,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<Json<UserView>, Problem> {
    let user = body.into_user(id)?;
    state.sessions().service.put_user(&who, &user).await?;
    Ok(Json(user.into()))
}

/// A user of the directory
#[utoipa::path(get, path = "/api/v1/directory/users/{id}", tag = TAG,
    params(("id" = String, Path)),
    responses((status = 200, body = UserView), Refusals))]
async fn get_user(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<UserId>,
) -> Result<Json<UserView>, Problem> {
    let user = state.sessions().service.user(&who, &id).await?;
    Ok(Json(user.into()))
}

/// Remove a user, from the calls on record only by name
#[utoipa::path(delete, path = "/api/v1/directory/users/{id}", tag = TAG,
    params(("id" = String, Path)),
    responses((status = 204), Refusals))]
async fn delete_user(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, Problem> {
    state.sessions().service.delete_user(&who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create or replace a chat room
#[utoipa::path(put, path = "/api/v1/directory/chat-rooms/{id}", tag = TAG,
    params(("id" = String, Path)), request_body = ChatBody,
    responses((status = 200, body = ChatView), Refusals))]
async fn put_chat(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<ChatId>,
    JsonBody(body): JsonBody<ChatBody>,
) -> Result<Json<ChatView>, Problem> {
    let chat = body.into_chat(id)?;
    state.sessions().service.put_chat(&who, &chat).await?;
    Ok(Json(chat.into()))
}

/// A chat room and its members
#[utoipa::path(get, path = "/api/v1/directory/chat-rooms/{id}", tag = TAG,
    params(("id" = String, Path)),
    responses((status = 200, body = ChatView), Refusals))]
async fn get_chat(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<ChatId>,
) -> Result<Json<ChatView>, Problem> {
    let chat = state.sessions().service.chat(&who, &id).await?;
    Ok(Json(chat.into()))
}

/// Remove a chat room with its messages
#[utoipa::path(delete, path = "/api/v1/directory/chat-rooms/{id}", tag = TAG,
    params(("id" = String, Path)),
    responses((status = 204), Refusals))]
async fn delete_chat(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<ChatId>,
) -> Result<StatusCode, Problem> {
    state.sessions().service.delete_chat(&who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What calls left behind in a chat room, latest first
#[utoipa::path(get, path = "/api/v1/directory/chat-rooms/{id}/messages", tag = TAG,
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = MessageList), Refusals))]
async fn chat_messages(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<ChatId>,
    PageQuery(page): PageQuery,
) -> Result<Json<MessageList>, Problem> {
    let service = &state.sessions().service;
    let messages = service.chat_messages(&who, &id, page).await?;
    Ok(Json(messages.into()))
}

/// Create or replace an appointment
#[utoipa::path(put, path = "/api/v1/directory/appointments/{id}", tag = TAG,
    params(("id" = String, Path)), request_body = AppointmentBody,
    responses((status = 200, body = AppointmentView), Refusals))]
async fn put_appointment(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<AppointmentId>,
    JsonBody(body): JsonBody<AppointmentBody>,
) -> Result<Json<AppointmentView>, Problem> {
    let appointment = body.into_appointment(id)?;
    let service = &state.sessions().service;
    service.put_appointment(&who, &appointment).await?;
    Ok(Json(appointment.into()))
}

/// An appointment
#[utoipa::path(get, path = "/api/v1/directory/appointments/{id}", tag = TAG,
    params(("id" = String, Path)),
    responses((status = 200, body = AppointmentView), Refusals))]
async fn get_appointment(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<AppointmentId>,
) -> Result<Json<AppointmentView>, Problem> {
    let appointment = state.sessions().service.appointment(&who, &id).await?;
    Ok(Json(appointment.into()))
}

/// Remove an appointment
#[utoipa::path(delete, path = "/api/v1/directory/appointments/{id}", tag = TAG,
    params(("id" = String, Path)),
    responses((status = 204), Refusals))]
async fn delete_appointment(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(id): PathId<AppointmentId>,
) -> Result<StatusCode, Problem> {
    let service = &state.sessions().service;
    service.delete_appointment(&who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
