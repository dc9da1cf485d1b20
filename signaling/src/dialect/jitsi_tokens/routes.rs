//! `/api/jitsi`: one handler a route.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire::{RoomAnswer, RoomBody, TokenAnswer, TokenBody, TokenCheck, ValidateBody};
use crate::http::AppState;
use crate::http::body::JsonBody;
use crate::http::extract::Asker;
use crate::http::problem::{Problem, Refusals};

const TAG: &str = "Jitsi tokens";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(generate_token))
        .routes(routes!(validate_token))
        .routes(routes!(make_room))
        .routes(routes!(create_room))
}

/// A token for one person in one room, good for two hours
#[utoipa::path(post, path = "/api/jitsi/generate-token", tag = TAG,
    request_body = TokenBody,
    responses((status = 200, body = TokenAnswer), Refusals))]
async fn generate_token(
    State(state): State<AppState>,
    Asker(who): Asker,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<Json<TokenAnswer>, Problem> {
    let asked = body.parse(&who, state.links().default_backend())?;
    let given = state
        .sessions()
        .service
        .admit(&who, asked.request())
        .await?;
    let now = state.sessions().clock.now();
    Ok(Json(asked.token(&who, &given, state.links(), now)?))
}

/// Whether a token is good now, and what it says
#[utoipa::path(post, path = "/api/jitsi/validate-token", tag = TAG,
    request_body = ValidateBody,
    responses((status = 200, body = TokenCheck), Refusals))]
async fn validate_token(
    State(state): State<AppState>,
    Asker(_): Asker,
    JsonBody(body): JsonBody<ValidateBody>,
) -> Json<TokenCheck> {
    let now = state.sessions().clock.now();
    let opened = state.links().open(&body.token, now);
    Json(TokenCheck::of(opened, body.room_name.as_deref()))
}

/// A room, and a token for each of several people; the asker leads it
#[utoipa::path(post, path = "/api/jitsi/rooms", tag = TAG,
    request_body = RoomBody,
    responses((status = 200, body = RoomAnswer), Refusals))]
async fn make_room(
    State(state): State<AppState>,
    Asker(who): Asker,
    JsonBody(body): JsonBody<RoomBody>,
) -> Result<Json<RoomAnswer>, Problem> {
    let now = state.sessions().clock.now();
    let asked = body.parse(&who, state.links().default_backend(), now)?;
    let given = state
        .sessions()
        .service
        .admit(&who, asked.request())
        .await?;
    Ok(Json(asked.room(&who, &given, state.links(), now)?))
}

/// The same by another name
#[utoipa::path(post, path = "/api/jitsi/create-room", tag = TAG,
    request_body = RoomBody,
    responses((status = 200, body = RoomAnswer), Refusals))]
async fn create_room(
    state: State<AppState>,
    who: Asker,
    body: JsonBody<RoomBody>,
) -> Result<Json<RoomAnswer>, Problem> {
    make_room(state, who, body).await
}
