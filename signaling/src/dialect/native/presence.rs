//! Where our pages say that they are open, between entering a Call by word and joining
//! it with a device, or while a Jitsi is in them: nothing else would tell us that they
//! were closed.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TAG;
use crate::error::CallError;
use crate::http::AppState;
use crate::http::body::JsonBody;
use crate::http::extract::{Asker, PathId};
use crate::http::problem::{Problem, Refusals};
use crate::ids::RoomName;
use crate::service::CallRef;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(put_presence))
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
struct Presence {
    /// Still, or no longer.
    there: bool,
}

/// Say that the page of a call that one has joined is still open, or is being closed
///
/// Of a call that one is not in it changes nothing, and tells nothing.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/presence", tag = TAG,
    params(("room" = String, Path)), request_body = Presence,
    responses((status = 204), Refusals))]
async fn put_presence(
    State(state): State<AppState>,
    Asker(who): Asker,
    PathId(room): PathId<RoomName>,
    JsonBody(presence): JsonBody<Presence>,
) -> Result<StatusCode, Problem> {
    let service = &state.sessions().service;
    let said = match presence.there {
        true => service.heard(&who, CallRef::Room(room)).await,
        false => service.gone(&who, CallRef::Room(room)).await,
    };
    match said {
        Ok(_) | Err(CallError::UnknownCall | CallError::NotMember | CallError::Over) => {
            Ok(StatusCode::NO_CONTENT)
        }
        Err(error) => Err(error.into()),
    }
}
