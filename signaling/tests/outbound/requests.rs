//! Requests of the server's own: what they refuse, and what they survive.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use convoke_signaling::outbound::{Outbound, OutboundError, OutboundLimits, Reach};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const LIMITS: OutboundLimits = OutboundLimits {
    deadline: Duration::from_secs(10),
    max_answer_bytes: 1000,
};

fn outbound(reach: Reach) -> Outbound {
    Outbound::new(reach, LIMITS).unwrap()
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// A server that says `bytes` to whoever connects, and waits for the end.
async fn say(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(bytes).await;
                let mut sink = Vec::new();
                let _ = stream.read_to_end(&mut sink).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_post_arrives_whole() {
    let echo = post(async |headers: HeaderMap, body: Bytes| {
        let host = headers["host"].to_str().unwrap().to_owned();
        let mark = headers["x-mark"].to_str().unwrap().to_owned();
        format!("{host} {mark} {}", body.len())
    });
    let address = serve(Router::new().route("/hook", echo)).await;
    let url = format!("http://{address}/hook?x=1").parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-mark", "m".parse().unwrap());
    let body = Bytes::from(vec![b'x'; 100_000]);
    let answer = outbound(Reach::Anywhere).post(&url, headers, body).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, format!("{address} m 100000"));
}

#[tokio::test]
async fn a_name_for_a_private_address_is_no_way_in() {
    let address = serve(Router::new().route("/", get(async || "inside"))).await;
    let port = address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
    ] {
        let url = format!("http://{host}:{port}/").parse().unwrap();
        let refused = outbound(Reach::Public).get(&url).await;
        assert!(
            matches!(
                &refused,
                Err(OutboundError::Refused { .. } | OutboundError::Connect(_))
            ),
            "{host}: {refused:?}"
        );
    }
    let url = format!("http://localhost:{port}/").parse().unwrap();
    let answer = outbound(Reach::Anywhere).get(&url).await.unwrap();
    assert_eq!(answer.body, "inside");
}

#[tokio::test]
async fn redirects_are_answers() {
    let to = get(async || Redirect::temporary("/there"));
    let app = Router::new()
        .route("/here", to)
        .route("/there", get(async || "there"));
    let address = serve(app).await;
    let url = format!("http://{address}/here").parse().unwrap();
    let answer = outbound(Reach::Anywhere).get(&url).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (307, 0));
}

#[tokio::test]
async fn answers_have_an_end() {
    let app = Router::new()
        .route("/fits", get(async || "x".repeat(1000)))
        .route("/too-large", get(async || "x".repeat(1001)));
    let address = serve(app).await;
    let outbound = outbound(Reach::Anywhere);
    let url = |path: &str| format!("http://{address}/{path}").parse().unwrap();
    assert_eq!(outbound.get(&url("fits")).await.unwrap().body.len(), 1000);
    let refused = outbound.get(&url("too-large")).await;
    assert!(
        matches!(refused, Err(OutboundError::TooLarge)),
        "{refused:?}"
    );
    let endless =
        say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\nxxxxxxxxx").await;
    let many = say(&[b'x'; 200_000]).await;
    for address in [endless, many] {
        let limits = OutboundLimits {
            deadline: Duration::from_millis(300),
            ..LIMITS
        };
        let outbound = Outbound::new(Reach::Anywhere, limits).unwrap();
        let url = format!("http://{address}/").parse().unwrap();
        assert!(outbound.get(&url).await.is_err());
    }
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let silent = say(b"").await;
    let limits = OutboundLimits {
        deadline: Duration::from_millis(100),
        ..LIMITS
    };
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://{silent}/").parse().unwrap();
        let answer = Outbound::new(Reach::Anywhere, limits)
            .unwrap()
            .get(&url)
            .await;
        assert!(matches!(answer, Err(OutboundError::TooSlow)), "{answer:?}");
    }
}

#[tokio::test]
async fn who_shows_no_certificate_we_trust_is_not_spoken_to() {
    let plain = say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("https://{plain}/").parse().unwrap();
    let answer = outbound(Reach::Anywhere).get(&url).await;
    assert!(
        matches!(answer, Err(OutboundError::Connect(_))),
        "{answer:?}"
    );
}
