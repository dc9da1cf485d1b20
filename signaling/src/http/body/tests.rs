use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{post, put};
use serde::Deserialize;
use tower::ServiceExt as _;

use super::*;

#[derive(Debug, Default, Deserialize)]
struct Order {
    #[serde(default)]
    count: u8,
    #[serde(default)]
    size: Size,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    #[default]
    Small,
    Large,
}

#[derive(Debug, Deserialize)]
struct Strict {
    user: HostId,
}

/// What came of a body: 200, or a refusal's status and kind.
async fn sent(to: &str, kind: Option<&str>, body: impl Into<Body>) -> (u16, &'static str) {
    let router: Router = Router::new()
        .route(
            "/order",
            post(async |JsonBody(order): JsonBody<Order>| {
                format!("{} {:?}", order.count, order.size)
            }),
        )
        .route(
            "/optional",
            post(async |OptionalJsonBody(order): OptionalJsonBody<Order>| {
                format!("{} {:?}", order.count, order.size)
            }),
        )
        .route(
            "/strict",
            put(async |JsonBody(strict): JsonBody<Strict>| format!("{:?}", strict.user)),
        )
        .layer(axum::extract::DefaultBodyLimit::max(1024));
    let method = if to == "/strict" { "PUT" } else { "POST" };
    let mut request = Request::builder().method(method).uri(to);
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    let response = router.oneshot(request.body(body.into()).unwrap()).await;
    let response = response.unwrap();
    let problem = response.extensions().get::<Problem>();
    (
        response.status().as_u16(),
        problem.map_or("", Problem::kind),
    )
}

const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn a_bad_body_is_answered_by_what_is_wrong_with_it() {
    let deep = "[".repeat(1000);
    let cases = [
        (JSON, r#"{"count": 1, "size": "large"}"#, 200, ""),
        (Some("application/json; charset=utf-8"), "{}", 200, ""),
        (JSON, "", 400, "malformed"),
        (JSON, "{", 400, "malformed"),
        (JSON, "{} {}", 400, "malformed"),
        (JSON, "{'count': 1}", 400, "malformed"),
        (JSON, r#"{"count": 1e999}"#, 400, "malformed"),
        (JSON, deep.as_str(), 422, "invalid"),
        (JSON, r#"{"count": "1"}"#, 422, "invalid"),
        (JSON, r#"{"count": 256}"#, 422, "invalid"),
        (JSON, r#"{"count": null}"#, 422, "invalid"),
        (JSON, r#"{"size": "medium"}"#, 422, "invalid"),
        (JSON, r#"{"count": 1, "count": 2}"#, 422, "invalid"),
        (JSON, "7", 422, "invalid"),
        (JSON, "null", 422, "invalid"),
        (None, "{}", 415, "not-json"),
        (Some("text/plain"), "{}", 415, "not-json"),
        (
            Some("application/x-www-form-urlencoded"),
            "count=1",
            415,
            "not-json",
        ),
    ];
    for (kind, body, status, problem) in cases {
        let got = sent("/order", kind, body.to_owned()).await;
        assert_eq!(got, (status, problem), "{kind:?} {body:.40}");
    }
    let not_text = b"{\"size\": \"\xff\"}".to_vec();
    assert_eq!(sent("/order", JSON, not_text).await, (400, "malformed"));
    let large = format!("{{\"count\": 1{}}}", " ".repeat(2000));
    assert_eq!(sent("/order", JSON, large).await, (413, "too-large"));
}

/// Deep nesting in a field that is skipped must not end the process.
#[tokio::test]
async fn nesting_is_bounded() {
    let deep = format!(r#"{{"other": {}"#, "[".repeat(900));
    assert_eq!(sent("/order", JSON, deep).await, (400, "malformed"));
}

#[tokio::test]
async fn no_body_may_be_as_good_as_an_empty_one() {
    for (kind, body, status, problem) in [
        (None, "", 200, ""),
        (JSON, "", 200, ""),
        (JSON, " \n", 200, ""),
        (Some("text/plain"), "", 200, ""),
        (JSON, "{}", 200, ""),
        (JSON, "{", 400, "malformed"),
        (JSON, r#"{"count": -1}"#, 422, "invalid"),
    ] {
        let got = sent("/optional", kind, body).await;
        assert_eq!(got, (status, problem), "{kind:?} {body}");
    }
}

#[tokio::test]
async fn an_id_is_a_text_or_an_integer() {
    for (body, status) in [
        (r#"{"user": 7}"#, 200),
        (r#"{"user": "7"}"#, 200),
        (r#"{"user": "anna"}"#, 200),
        (r#"{"user": 7.5}"#, 422),
        (r#"{"user": true}"#, 422),
        (r#"{"user": [7]}"#, 422),
        (r#"{"user": null}"#, 422),
        (r#"{"user": 99999999999999999999}"#, 422),
        ("{}", 422),
    ] {
        assert_eq!(sent("/strict", JSON, body).await.0, status, "{body}");
    }
}
