//! What holds for every request: rates, and which sites' pages may ask at all.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response};
use convoke_signaling::http::{HttpConfig, Rate, RateLimits};
use serde_json::json;

use crate::common::{Engine, TestDb};
use crate::served::{API_KEY, Served, Setup, json_of};
use crate::socket::Socket;

const SITE: &str = "https://app.example.org";
const LIST: &str = "/api/v1/rooms/standup/calls";

async fn served(db: &TestDb, http: HttpConfig) -> Served {
    let setup = Setup {
        http,
        ..Setup::default()
    };
    Served::with(db, setup).await
}

async fn limited(db: &TestDb) -> Served {
    let rate = |burst| Rate {
        burst,
        interval: Duration::from_secs(2),
    };
    let rates = Some(RateLimits {
        user: rate(3),
        backend: rate(5),
        failures: rate(2),
        guest_calls: rate(2),
        ..RateLimits::default()
    });
    let setup = Setup {
        guests: true,
        http: HttpConfig {
            rates,
            ..HttpConfig::default()
        },
        ..Setup::default()
    };
    Served::with(db, setup).await
}

async fn list(served: &Served, proof: (&str, &str)) -> Response<Body> {
    let request = Request::get(LIST).header(proof.0, proof.1);
    served.request(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_user_who_asks_too_often_waits_and_nobody_else_does() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = limited(&db).await;
    let ann = format!("Bearer {}", served.token("1", None, false));
    let ben = format!("Bearer {}", served.token("2", None, false));
    for _ in 0..3 {
        assert_eq!(list(&served, ("authorization", &ann)).await.status(), 200);
    }
    let refused = list(&served, ("authorization", &ann)).await;
    assert_eq!(refused.headers()["retry-after"], "2");
    let (status, problem) = json_of(refused).await;
    assert_eq!(
        (status, &problem["type"]),
        (429, &"urn:convoke:problem:too-many-requests".into())
    );
    assert_eq!(list(&served, ("authorization", &ben)).await.status(), 200);
    for want in [200, 200, 200, 200, 200, 429] {
        assert_eq!(list(&served, ("x-api-key", API_KEY)).await.status(), want);
    }
    served.world.clock.advance(Duration::from_secs(2));
    assert_eq!(list(&served, ("authorization", &ann)).await.status(), 200);
    assert_eq!(list(&served, ("authorization", &ann)).await.status(), 429);
}

#[tokio::test]
async fn an_address_that_guesses_is_no_longer_listened_to() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = limited(&db).await;
    for want in [401, 401, 429] {
        assert_eq!(list(&served, ("x-api-key", "guess")).await.status(), want);
    }
    // The right key is not looked at either: else guessing would go on unhindered.
    assert_eq!(list(&served, ("x-api-key", API_KEY)).await.status(), 429);
    // Who has a token behind the same address is not to blame.
    let token = format!("Bearer {}", served.token("1", None, false));
    assert_eq!(list(&served, ("authorization", &token)).await.status(), 200);
    assert_eq!(
        list(&served, ("authorization", "Bearer x")).await.status(),
        429
    );
    served.world.clock.advance(Duration::from_secs(4));
    assert_eq!(list(&served, ("x-api-key", API_KEY)).await.status(), 200);
}

async fn guest(served: &Served) -> Socket {
    let mut socket = served.connect().await;
    let hello = json!({"type": "hello", "protocol": 1, "name": "Gast"});
    socket.send(hello).await;
    socket.expect("welcome").await;
    socket
}

#[tokio::test]
async fn guests_of_an_address_start_so_many_calls_and_join_all_they_like() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = limited(&db).await;
    let mut ann = guest(&served).await;
    let mut ben = guest(&served).await;
    ann.join("first").await;
    ben.join("second").await;
    // Sessions of the same address share what is left, which is nothing.
    let mut cem = guest(&served).await;
    let third = json!({"type": "join", "request": 1, "room": "third"});
    cem.send(third.clone()).await;
    let refused = cem.expect("error").await;
    assert_eq!(refused["code"], "rate_limited");
    assert_eq!(refused["retryAfterSecs"], 2);
    // What goes on is open, and who has a token is not a guest.
    cem.join("first").await;
    served.enter("1").await.join("third").await;
    cem.send(json!({"type": "leave"})).await;
    let fourth = json!({"type": "join", "request": 2, "room": "fourth"});
    cem.send(fourth.clone()).await;
    assert_eq!(cem.expect_error().await, "rate_limited");
    served.world.clock.advance(Duration::from_secs(2));
    cem.send(fourth).await;
    cem.expect("joined").await;
}

async fn from_site(served: &Served, method: Method, site: &str) -> (u16, HeaderMap) {
    let token = served.token("1", None, false);
    let preflight = method == Method::OPTIONS;
    let mut request = Request::builder()
        .method(method)
        .uri(LIST)
        .header("origin", site);
    request = if preflight {
        request
            .header("access-control-request-method", "PATCH")
            .header(
                "access-control-request-headers",
                "authorization,content-type,x-api-key",
            )
    } else {
        request.header("authorization", format!("Bearer {token}"))
    };
    let response = served.request(request.body(Body::empty()).unwrap()).await;
    (response.status().as_u16(), response.headers().clone())
}

#[tokio::test]
async fn pages_of_listed_sites_may_ask_and_no_others() {
    let db = TestDb::new(Engine::Sqlite).await;
    let http = HttpConfig {
        allowed_origins: vec![format!("{SITE}/"), "*".to_owned()],
        ..HttpConfig::default()
    };
    let served = served(&db, http).await;

    let (status, headers) = from_site(&served, Method::OPTIONS, SITE).await;
    assert_eq!(status, 200);
    assert_eq!(headers["access-control-allow-origin"], SITE);
    assert_eq!(headers["access-control-allow-credentials"], "true");
    let methods = headers["access-control-allow-methods"].to_str().unwrap();
    assert!(
        ["PATCH", "DELETE"]
            .iter()
            .all(|method| methods.contains(method))
    );
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    for header in ["authorization", "content-type", "x-api-key"] {
        assert!(allowed.contains(header), "{allowed}");
    }

    let (status, headers) = from_site(&served, Method::GET, SITE).await;
    assert_eq!(
        (status, &headers["access-control-allow-origin"]),
        (200, &SITE.parse().unwrap())
    );
    // A refusal that the page cannot read is no answer.
    let refused = Request::get(LIST)
        .header("origin", SITE)
        .body(Body::empty());
    let refused = served.request(refused.unwrap()).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], SITE);

    for other in [
        "https://evil.example",
        "http://app.example.org",
        "null",
        "*",
    ] {
        for method in [Method::OPTIONS, Method::GET] {
            let (_, headers) = from_site(&served, method, other).await;
            assert_eq!(headers.get("access-control-allow-origin"), None, "{other}");
        }
    }
}

#[tokio::test]
async fn without_a_list_only_our_own_pages_may_ask() {
    let db = TestDb::new(Engine::Sqlite).await;
    let served = served(&db, HttpConfig::default()).await;
    for method in [Method::OPTIONS, Method::GET] {
        let (_, headers) = from_site(&served, method, SITE).await;
        assert_eq!(headers.get("access-control-allow-origin"), None);
    }
}
