//! What holds for every request: a deadline, the headers that browsers guard the page
//! by, and one line in the log, which never has a query, a header or a body in it,
//! because tokens travel in those.

use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;

use super::problem::{Problem, RequestRefused};

/// A database that takes longer will not get better by more requests waiting.
const DEADLINE: Duration = Duration::from_secs(15);

/// Scripts, styles and connections are ours alone; pictures of people come from
/// wherever the host application keeps them. `blob:` is for the page's own media and
/// workers. Our `'self'` covers `wss:` to the same host (CSP3 §6.7.2.8).
const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' https: data: blob:; \
    media-src 'self' blob: mediastream:; style-src 'self' 'unsafe-inline'; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'self'";

pub(super) async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::from(RequestRefused::TooSlow).into_response(),
    }
}

pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let all: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // An invite link's token is in the page's URL.
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), microphone=(self), display-capture=(self), autoplay=(self)",
        ),
    ];
    for (name, value) in all {
        // A handler that set its own knows better.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

pub(super) async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let start = Instant::now();
    let response = next.run(request).await;
    let (status, millis) = (response.status().as_u16(), start.elapsed().as_millis());
    if response.status().is_server_error() {
        tracing::warn!(%method, path, status, millis, "{method} {path}: {status}");
    } else {
        tracing::debug!(%method, path, status, millis, "{method} {path}: {status}");
    }
    response
}
