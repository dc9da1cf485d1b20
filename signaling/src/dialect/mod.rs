//! Dialects: the APIs that applications speak, each a folder with routes and wire
//! types. A handler parses, asks the service once, and renders; no rule, no SQL and
//! no media in here, and no dialect knows another.

pub(crate) mod calls;
pub(crate) mod chat_calls;
pub(crate) mod jitsi_tokens;
pub(crate) mod meeting;
pub mod native;
pub(crate) mod video_calls;
pub(crate) mod whip;

use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use crate::domain::principal::Principal;
use crate::events::feed::News;
use crate::http::AppState;
use crate::http::envelope::Envelope;
use crate::http::problem::{Problem, RequestRefused};
use crate::session::socketio::Link;

/// Every dialect's routes, and with them what the API's document says of them.
pub(crate) fn routes() -> Vec<OpenApiRouter<AppState>> {
    vec![
        calls::routes(),
        chat_calls::routes(),
        jitsi_tokens::routes(),
        meeting::routes(),
        native::routes(),
        video_calls::routes(),
        whip::routes(),
    ]
}

/// Of the dialects whose errors have another shape than problem details.
pub(crate) const ENVELOPES: &[Envelope] = &[calls::ENVELOPE, video_calls::ENVELOPE];

/// The default namespace of Socket.IO.
pub(crate) const DEFAULT_NAMESPACE: &str = "/";
/// The namespace on which the SFU can be spoken with.
pub(crate) const CALLS_NAMESPACE: &str = "/calls";

/// Who speaks on which namespace of Socket.IO.
pub(crate) fn on_socketio(namespace: &str) -> Vec<Arc<dyn SocketDialect>> {
    match namespace {
        DEFAULT_NAMESPACE => vec![Arc::new(calls::CallEvents), Arc::new(meeting::Meetings)],
        CALLS_NAMESPACE => vec![Arc::new(chat_calls::ChatCalls)],
        _ => vec![],
    }
}

/// What a dialect says on a Socket.IO namespace. Several may share one: each event is
/// heard by the dialect that names it, and all of them tell their own of all News.
#[async_trait]
pub(crate) trait SocketDialect: Send + Sync + 'static {
    /// The names of what its clients say.
    fn events(&self) -> &'static [&'static str];

    /// One of [`Self::events`]. What it gives is merged into the acknowledgement
    /// `{success: true}`; a problem is `{success: false, error: {code, message}}`,
    /// acknowledged or, where the client wants no acknowledgement, in `call_error`.
    async fn heard(&self, link: &mut Link, event: &str, payload: Value) -> Result<Value, Problem>;

    /// What `viewer` is told of something that happened; most often nothing, or one
    /// thing. Of a Call that another dialect made it may have nothing to say.
    fn tells(&self, viewer: &Principal, news: &News) -> Vec<Telling>;
}

/// An event for a client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Telling {
    pub(crate) event: &'static str,
    pub(crate) payload: Value,
}

/// Parser errors quote the input; no more of it than this goes back.
const MAX_ERROR_CHARS: usize = 200;

/// An event's payload as its dialect wants it.
pub(crate) fn payload<T: DeserializeOwned>(payload: Value) -> Result<T, Problem> {
    serde_json::from_value(payload).map_err(|error| {
        let error = error.to_string().chars().take(MAX_ERROR_CHARS).collect();
        RequestRefused::Invalid(error).into()
    })
}
