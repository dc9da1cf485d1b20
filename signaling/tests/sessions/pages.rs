//! The pages, their headers, and that no token gets into a log.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request, Response};
use convoke_signaling::http::{Asset, Assets};
use serde_json::json;

use crate::common::{Engine, TestDb};
use crate::served::{Served, Setup};

/// A web build of two files.
struct TwoFiles;

impl Assets for TwoFiles {
    fn get(&self, path: &str) -> Option<Asset> {
        let (bytes, mime) = match path {
            "index.html" | "docs.html" | "call.html" => ("<!doctype html>", "text/html"),
            "assets/index-3f2a.js" => ("export {}", "text/javascript"),
            _ => return None,
        };
        Some(Asset {
            bytes: Cow::Borrowed(bytes.as_bytes()),
            mime: Cow::Borrowed(mime),
            hash: format!("hash-of-{}", bytes.len()),
        })
    }
}

async fn served(db: &TestDb) -> Served {
    let assets = Arc::new(TwoFiles);
    Served::with(
        db,
        Setup {
            assets,
            ..Setup::default()
        },
    )
    .await
}

async fn get(served: &Served, path: &str) -> Response<Body> {
    let request = Request::get(path).body(Body::empty()).unwrap();
    served.request(request).await
}

#[tokio::test]
async fn the_page_reads_rooms_from_the_path_and_files_are_kept_by_their_hash() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = served(&db).await;
    let cases = [
        ("/", 200, "text/html; charset=utf-8", "no-cache"),
        ("/r/standup", 200, "text/html; charset=utf-8", "no-cache"),
        (
            "/r/standup?token=x",
            200,
            "text/html; charset=utf-8",
            "no-cache",
        ),
        ("/api/docs", 200, "text/html; charset=utf-8", "no-cache"),
        ("/index.html", 200, "text/html; charset=utf-8", "no-cache"),
        (
            "/examples/minimal.html",
            200,
            "text/html; charset=utf-8",
            "no-cache",
        ),
        (
            "/assets/index-3f2a.js",
            200,
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (
            "/assets/index-0000.js",
            404,
            "application/problem+json",
            "no-store",
        ),
        ("/r/a/b", 404, "application/problem+json", "no-store"),
        ("/api/v2", 404, "application/problem+json", "no-store"),
        (
            "/%2e%2e/Cargo.toml",
            404,
            "application/problem+json",
            "no-store",
        ),
    ];
    for (path, status, kind, cache) in cases {
        let response = get(&served, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], kind, "{path}");
        assert_eq!(response.headers()["cache-control"], cache, "{path}");
    }
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = served(&db).await;
    let tag = get(&served, "/").await.headers()["etag"].clone();
    for (known, want) in [(tag.to_str().unwrap(), 304), ("\"other\"", 200)] {
        let request = Request::get("/").header("if-none-match", known);
        let response = served.request(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), want, "{known}");
        assert_eq!(response.headers()["etag"], tag);
    }
    let post = Request::builder().method(Method::POST).uri("/");
    let response = served.request(post.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 405);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_guard_the_page() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = served(&db).await;
    for path in [
        "/",
        "/r/standup",
        "/api/v1/config",
        "/nothing",
        "/ws",
        "/examples/minimal.html",
    ] {
        let response = get(&served, path).await;
        let headers = response.headers();
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("base-uri 'none'"), "{path}: {policy}");
        let scripts = policy.contains("script-src 'unsafe-inline'");
        assert_eq!(scripts, path.starts_with("/examples/"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn the_entry_page_alone_may_show_the_jitsi() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = served(&db).await;
    for path in ["/", "/r/standup", "/call.html"] {
        let response = get(&served, path).await;
        for name in ["content-security-policy", "permissions-policy"] {
            let value = response.headers()[name].to_str().unwrap();
            let named = value.contains("https://meet.jit.si");
            assert_eq!(named, path == "/call.html", "{path} {name}: {value}");
        }
    }
}

/// A log that a test can read.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_gets_into_a_log() {
    let captured = Captured::default();
    let writer = captured.clone();
    // For the whole process: what other threads do on a request's behalf counts too,
    // and so does what libraries say at this level.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .init();
    let secrets = use_secrets().await;
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("a session opened"), "the log was not captured");
    assert!(log.contains("/r/standup: 200"), "the log was not captured");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} in the log");
    }
}

/// Every way in which a secret reaches the server, and the secrets.
async fn use_secrets() -> Vec<String> {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = served(&db).await;
    let token = served.token("1", None, false);
    let mut ann = served.connect().await;
    ann.send(json!({"type": "hello", "protocol": 1, "token": token}))
        .await;
    ann.expect("welcome").await;
    let joined = ann.join("standup").await;
    let resume = joined["resumeToken"].as_str().unwrap().to_owned();
    ann.drop_connection();
    let mut ann = served.connect().await;
    ann.send(json!({"type": "hello", "protocol": 1, "resume": resume}))
        .await;
    ann.expect("welcome").await;
    ann.expect("joined").await;
    let mut thief = served.connect().await;
    let canary = "canary-token-that-is-refused";
    thief
        .send(json!({"type": "hello", "protocol": 1, "token": canary}))
        .await;
    thief.expect_error().await;
    let canary_resume = "canary-resume-that-is-refused";
    let mut thief = served.connect().await;
    thief
        .send(json!({"type": "hello", "protocol": 1, "resume": canary_resume}))
        .await;
    thief.expect_error().await;
    let canary_typo = "canary-in-a-malformed-message";
    thief
        .send(json!({"type": "hello", "tokn": canary_typo}))
        .await;
    thief.expect_error().await;

    get(&served, &format!("/r/standup?token={token}")).await;
    get(&served, &format!("/ws?jwt={token}")).await;
    served
        .get("/api/v1/rooms/standup/calls", Some(&token))
        .await;
    served
        .get("/api/v1/rooms/standup/calls", Some(canary))
        .await;
    let canary_key = "canary-api-key";
    let request = Request::get("/api/v1/calls/7").header("x-api-key", canary_key);
    served.request(request.body(Body::empty()).unwrap()).await;
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    let mut secrets = vec![signature(&token), signature(&resume)];
    let canaries = [canary, canary_resume, canary_typo, canary_key];
    secrets.extend(canaries.map(str::to_owned));
    secrets
}
