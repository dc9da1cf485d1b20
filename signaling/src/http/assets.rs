//! The pages. The binary embeds what the web build made; this crate knows only that
//! somebody has files, so that its tests need no build of the web.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::layers::PAGE_POLICY;
use super::problem::{Problem, RequestRefused};

/// A file of the web build.
#[derive(Debug, Clone)]
pub struct Asset {
    pub bytes: Cow<'static, [u8]>,
    pub mime: Cow<'static, str>,
    /// Hash of the bytes in hexadecimal.
    pub hash: String,
}

pub trait Assets: Send + Sync + 'static {
    /// The file at `path`, without a leading slash.
    fn get(&self, path: &str) -> Option<Asset>;
}

/// For a server without pages: an API and a WebSocket.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAssets;

impl Assets for NoAssets {
    fn get(&self, _path: &str) -> Option<Asset> {
        None
    }
}

const INDEX: &str = "index.html";
/// The API's description to read and try.
const DOCS: &str = "docs.html";
/// Where front ends open a call that may be held in a Jitsi.
const ENTRY: &str = "call.html";
const DOCS_PATH: &str = "api/docs";
/// Where the web build puts files whose names contain their hash.
const HASHED: &str = "assets/";
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, and asked about each time: a new version is seen at the next visit.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// A page of its own, served beside the application's.
const EXAMPLE_PATH: &str = "examples/minimal.html";
const EXAMPLE: &str = include_str!("../../../examples/minimal.html");
/// The example shows all of itself in one file, script included.
const EXAMPLE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; connect-src 'self'; media-src blob: mediastream:; \
    base-uri 'none'; frame-ancestors 'none'";

/// Everything that is no API: a file, or the page that reads the path itself.
pub(super) async fn page(
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if method != Method::GET && method != Method::HEAD {
        return Err(RequestRefused::MethodNotAllowed.into());
    }
    let path = uri.path().trim_start_matches('/');
    if path == EXAMPLE_PATH {
        return Ok(example());
    }
    let assets = state.assets();
    let file = assets.get(path).filter(|_| !path.is_empty());
    let page = || page_at(path).and_then(|page| assets.get(page));
    let asset = file.or_else(page).ok_or(RequestRefused::NoSuchResource)?;
    let mut response = respond(asset, path, &headers);
    if path == ENTRY {
        frame_jitsi(response.headers_mut(), &state.links().jitsi().origin());
    }
    Ok(response)
}

/// The start page and a room's, `r/{room}`, are one file.
fn page_at(path: &str) -> Option<&'static str> {
    let room = path.strip_prefix("r/");
    let room = room.is_some_and(|room| !room.is_empty() && !room.contains('/'));
    match path {
        DOCS_PATH => Some(DOCS),
        _ if path.is_empty() || room => Some(INDEX),
        _ => None,
    }
}

fn respond(asset: Asset, path: &str, headers: &HeaderMap) -> Response {
    let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", asset.hash)) else {
        return Problem::from(RequestRefused::NoSuchResource).into_response();
    };
    let cache = if path.starts_with(HASHED) {
        FOREVER
    } else {
        REVALIDATE
    };
    // RFC 9110 §13.1.2, for the one tag that we gave.
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        let head = [(header::ETAG, tag), (header::CACHE_CONTROL, cache)];
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    // Ours are UTF-8, and HTML says so too late for a scanner of its first bytes.
    let text = asset.mime.starts_with("text/") && !asset.mime.contains("charset");
    let charset = if text { "; charset=utf-8" } else { "" };
    let mime = HeaderValue::from_str(&format!("{}{charset}", asset.mime))
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let head: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, mime),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, cache),
    ];
    (head, asset.bytes.into_owned()).into_response()
}

/// The entry page shows the Jitsi, and the Jitsi the user's camera.
fn frame_jitsi(headers: &mut HeaderMap, origin: &str) {
    let policy = format!("{PAGE_POLICY}; frame-src 'self' {origin}");
    let devices = ["camera", "microphone", "display-capture", "autoplay"];
    let devices = devices.map(|device| format!("{device}=(self \"{origin}\")"));
    let permissions = HeaderName::from_static("permissions-policy");
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (permissions, devices.join(", ")),
    ] {
        // An origin has no character that a header has not.
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

fn example() -> Response {
    let head = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, EXAMPLE_POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (head, EXAMPLE).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_the_start_the_rooms_and_the_api_s() {
        let cases = [
            ("", Some(INDEX)),
            ("r/standup", Some(INDEX)),
            ("r/", None),
            ("r/a/b", None),
            ("api/docs", Some(DOCS)),
            ("api/docs/", None),
            ("api/v1/nothing", None),
            ("favicon.ico", None),
            ("../Cargo.toml", None),
        ];
        for (path, want) in cases {
            assert_eq!(page_at(path), want, "{path}");
        }
    }
}
