//! `/api/v1/notifications`: a user's own, which wait for a user who was offline.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TAG;
use super::notification_wire::{MarkedRead, NotificationList, NotificationView, UnreadQuery};
use crate::http::AppState;
use crate::http::extract::{Asker, NotificationNumber, PathId};
use crate::http::page::{PageParams, PageQuery};
use crate::http::problem::{Problem, Refusals, RequestRefused};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(mark_all_read, patch_all_read))
        .routes(routes!(mark_read, patch_read))
}

/// One's own notifications, latest first
#[utoipa::path(get, path = "/api/v1/notifications", tag = TAG,
    operation_id = "list_notifications", params(PageParams, UnreadQuery),
    responses((status = 200, body = NotificationList), Refusals))]
async fn list(
    State(state): State<AppState>,
    Asker(who): Asker,
    PageQuery(page): PageQuery,
    query: Result<Query<UnreadQuery>, QueryRejection>,
) -> Result<Json<NotificationList>, Problem> {
    let Query(query) = query.map_err(|_| RequestRefused::Malformed("unread"))?;
    let service = &state.sessions().service;
    let notifications = service.notifications(&who, query.unread()?, page).await?;
    Ok(Json(notifications.into()))
}

/// Mark a notification as read
#[utoipa::path(post, path = "/api/v1/notifications/{id}/read", tag = TAG,
    params(("id" = i64, Path)),
    responses((status = 200, body = NotificationView), Refusals))]
async fn mark_read(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(NotificationNumber(number)): PathId<NotificationNumber>,
) -> Result<Json<NotificationView>, Problem> {
    let service = &state.sessions().service;
    let notification = service.read_notification(&who, number).await?;
    Ok(Json(notification.into()))
}

/// Mark all of one's notifications as read
#[utoipa::path(post, path = "/api/v1/notifications/read", tag = TAG,
    responses((status = 200, body = MarkedRead), Refusals))]
async fn mark_all_read(
    State(state): State<AppState>,
    Asker(who): Asker,
) -> Result<Json<MarkedRead>, Problem> {
    let read = state.sessions().service.read_notifications(&who).await?;
    Ok(Json(MarkedRead { read }))
}

/// Mark a notification as read, for those who call that a change of it
#[utoipa::path(patch, path = "/api/v1/notifications/{id}/read", tag = TAG,
    params(("id" = i64, Path)),
    responses((status = 200, body = NotificationView), Refusals))]
async fn patch_read(
    state: State<AppState>,
    asker: Asker,
    number: PathId<NotificationNumber>,
) -> Result<Json<NotificationView>, Problem> {
    mark_read(state, asker, number).await
}

/// Mark all of one's notifications as read, in the same words
#[utoipa::path(patch, path = "/api/v1/notifications/read", tag = TAG,
    responses((status = 200, body = MarkedRead), Refusals))]
async fn patch_all_read(state: State<AppState>, asker: Asker) -> Result<Json<MarkedRead>, Problem> {
    mark_all_read(state, asker).await
}
