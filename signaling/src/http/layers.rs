//! What holds for every request: a deadline, the headers that browsers guard the page
//! by, and one line in the log, which never has a query, a header or a body in it,
//! because tokens travel in those.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;

use super::AppState;
use super::problem::{Problem, RequestRefused};

/// A database that takes longer will not get better by more requests waiting.
const DEADLINE: Duration = Duration::from_secs(15);

/// Scripts, styles and connections are ours alone; pictures of people come from
/// wherever the host application keeps them. `blob:` is for the page's own media and
/// workers. Our `'self'` covers `wss:` to the same host (CSP3 §6.7.2.8).
pub(super) const PAGE_POLICY: &str = "default-src 'self'; img-src 'self' https: data: blob:; \
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

/// What the request calls us; HTTP/2 has an authority and no Host.
pub(super) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(|authority| authority.as_str()))
}

/// Where a name alone is enough to enter, a foreign page must not reach us by making
/// its own name point here (DNS rebinding): then its Origin equals our Host.
pub(super) async fn own_name(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let named = host(request.headers(), request.uri());
    let own = named.is_none_or(|host| is_own_name(host, &state.config().names));
    if state.sessions().auth.guests_admitted() && !own {
        return Problem::from(RequestRefused::ForeignHost).into_response();
    }
    next.run(request).await
}

/// An address is nobody's to point elsewhere, nor is localhost (RFC 6761 §6.3).
fn is_own_name(host: &str, names: &[String]) -> bool {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']'));
    bare.unwrap_or(host).parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

pub(super) async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = shown(request.uri().path());
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

/// What stands behind `~` opens what it names, and is nobody's to read in a log.
fn shown(path: &str) -> String {
    match path.split_once("/~/") {
        Some((root, _)) => format!("{root}/~/…"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_log_has_what_opens_something() {
        assert_eq!(shown("/whip/~/0123456789abcdef"), "/whip/~/…");
        assert_eq!(shown("/whip/r"), "/whip/r");
    }

    #[test]
    fn own_names() {
        let names = ["calls.example.org".to_owned()];
        for (host, want) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("192.0.2.1", true),
            ("calls.example.org:8443", true),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:8080", false),
            ("", false),
        ] {
            assert_eq!(is_own_name(host, &names), want, "{host:?}");
        }
    }
}
