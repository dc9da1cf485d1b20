//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): encoders publish into a Room and
//! players receive it with one HTTP request each.
//!
//! Out of scope: the offer of the server's own (WHEP's 406), events of WHEP, and
//! renegotiation, which neither has.
//!
//! # Deliberate quirks
//! - The resource of an ICE session stands under `~`, which no room is called.
//! - Candidates are checked and not used: the answer has all of ours, and a lite agent
//!   learns the client's from its checks.

mod routes;
mod wire;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;

use crate::http::AppState;
use crate::session::limits::MAX_OFFER_BYTES;

const TAG: &str = "WHIP and WHEP";
const SDP: &str = "application/sdp";
const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const METHODS: &str = "OPTIONS, POST, PATCH, DELETE";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    routes::routes().layer(DefaultBodyLimit::max(MAX_OFFER_BYTES))
}

/// `OPTIONS` says what may be posted (RFC 9725 §4.2), to browsers of listed sites
/// beside the answer to their preflight, which is not given further in.
pub(crate) async fn options(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let ours = path.starts_with("/whip/") || path.starts_with("/whep/");
    let asked = ours && request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if !asked {
        return response;
    }
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = StatusCode::OK.into_response();
        let methods = HeaderValue::from_static(METHODS);
        response.headers_mut().insert(header::ALLOW, methods);
    }
    let accepted = HeaderName::from_static("accept-post");
    let sdp = HeaderValue::from_static(SDP);
    response.headers_mut().insert(accepted, sdp);
    response
}
