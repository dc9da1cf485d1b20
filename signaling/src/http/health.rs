//! `/healthz`: the process answers; restart it when it does not. `/readyz`: the database and
//! the media core answer; send no traffic while they do not. Calls may be refused all the
//! same, while there is too much to do.

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::AppState;
use super::problem::Problem;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(async || Json(json!({"status": "ok"}))))
        .route("/readyz", get(ready))
}

async fn ready(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    state.sessions().service.ready().await?;
    Ok(Json(json!({"status": "ready"})))
}
