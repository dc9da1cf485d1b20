//! What a chat application's requests cost: initiate, join and history over
//! `/api/calls`, through the whole of HTTP but the network, on a database with a hundred
//! thousand calls. Requests a second and the latencies of sixteen askers at once.
//!
//! `cargo bench -p convoke-signaling --bench api`: SQLite in a file with its full
//! durability, and the PostgreSQL that `CONVOKE_TEST_POSTGRES_URL` names, or a private one
//! without fsync when it names none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads the clock, prints its figures, and fails loudly"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use convoke_signaling::auth::token::Invite;
use convoke_signaling::auth::{AuthConfig, Authenticator};
use convoke_signaling::clock::{Clock as _, SystemClock};
use convoke_signaling::domain::call::Backend;
use convoke_signaling::http::{self, AppState, HttpConfig, NoAssets};
use convoke_signaling::jitsi::{Jitsi, JitsiConfig};
use convoke_signaling::links::JoinLinks;
use convoke_signaling::service::{CallConfig, CallService};
use convoke_signaling::session::{SessionConfig, SessionContext};
use convoke_signaling::store::Store;
use serde_json::Value;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use common::filled::fill;
use common::{Engine, FakeMedia, TestDb};

const CALLS: i64 = 100_000;
const ASKERS: usize = 16;
const REQUESTS: usize = 4_000;

struct Bench {
    router: Router,
    /// Of users `u0` to `u999`, who have two hundred calls each.
    tokens: Vec<String>,
}

impl Bench {
    async fn start(db: &TestDb) -> Self {
        let store = Store::open(db.url()).await.unwrap();
        let pool = db.pool().await;
        fill(&pool, CALLS).await;
        pool.close().await;
        let (_events, media_events) = mpsc::channel(1);
        let (clock, media) = (Arc::new(SystemClock), Arc::new(FakeMedia::default()));
        let config = CallConfig::default();
        let service = CallService::start(store, media, media_events, config, clock.clone()).await;
        let auth = Arc::new(Authenticator::new(AuthConfig {
            jwt_secret: b"0123456789abcdef0123456789abcdef".to_vec(),
            server_secret: b"the server's own secret".to_vec(),
            api_keys: Vec::new(),
            guests: false,
            leeway: Duration::ZERO,
            remote_keys: None,
        }));
        let now = clock.now();
        let token = |n: usize| {
            let invite = Invite {
                user: format!("u{n}"),
                name: format!("User {n}"),
                room: None,
                moderator: false,
                ttl: Duration::from_secs(3600),
            };
            auth.mint(&invite, now).unwrap()
        };
        let tokens = (0..1000).map(token).collect();
        let context = SessionContext {
            service: service.unwrap(),
            auth: auth.clone(),
            clock,
            config: SessionConfig::default(),
        };
        let jitsi = Jitsi::new(JitsiConfig::default()).unwrap();
        let links = JoinLinks::new(auth, jitsi, "https://calls.example.org", Backend::Sfu);
        let state = AppState::new(
            Arc::new(context),
            links,
            HttpConfig::default(),
            Arc::new(NoAssets),
            Default::default(),
        );
        Self {
            router: http::router(state),
            tokens,
        }
    }

    async fn ask(&self, method: Method, path: &str, user: usize, body: String) -> Value {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.tokens[user]),
            )
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let from = SocketAddr::from(([127, 0, 0, 1], 4711));
        request.extensions_mut().insert(ConnectInfo(from));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        assert!(
            status.is_success(),
            "{path}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).unwrap()
    }
}

/// Has sixteen askers do `work` for each number below `count`, and prints how fast.
async fn measure<F>(
    engine: Engine,
    what: &str,
    count: usize,
    work: impl Fn(usize) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let askers = (0..ASKERS).map(|_| {
        let (next, work) = (Arc::clone(&next), work.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return times;
                }
                let began = Instant::now();
                work(n).await;
                times.push(began.elapsed());
            }
        })
    });
    let mut times = Vec::new();
    for asker in askers.collect::<Vec<_>>() {
        times.extend(asker.await.unwrap());
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{engine:?} {what}: {rate:.0} requests/s, p50 {:.1} ms, p99 {:.1} ms",
        at(0.5).as_secs_f64() * 1e3,
        at(0.99).as_secs_f64() * 1e3,
    );
}

async fn run(engine: Engine) {
    let db = TestDb::new(engine).await;
    let bench = Arc::new(Bench::start(&db).await);
    let calls: Arc<[std::sync::OnceLock<i64>]> =
        (0..REQUESTS).map(|_| Default::default()).collect();

    let (b, made) = (Arc::clone(&bench), Arc::clone(&calls));
    measure(engine, "initiate", REQUESTS, move |n| {
        let (b, made) = (Arc::clone(&b), Arc::clone(&made));
        async move {
            let body = format!(r#"{{"callType":"video","participants":["callee-{n}"]}}"#);
            let made_call = b
                .ask(Method::POST, "/api/calls/initiate", n % 1000, body)
                .await;
            made[n]
                .set(made_call["call"]["id"].as_i64().unwrap())
                .unwrap();
        }
    })
    .await;

    let (b, made) = (Arc::clone(&bench), Arc::clone(&calls));
    measure(engine, "join", REQUESTS, move |n| {
        let (b, made) = (Arc::clone(&b), Arc::clone(&made));
        async move {
            let path = format!("/api/calls/{}/join", made[n].get().unwrap());
            b.ask(Method::POST, &path, n % 1000, String::new()).await;
        }
    })
    .await;

    let b = Arc::clone(&bench);
    measure(engine, "history", REQUESTS, move |n| {
        let b = Arc::clone(&b);
        async move {
            let path = "/api/calls/history/all?limit=50&offset=0";
            b.ask(Method::GET, path, n % 1000, String::new()).await;
        }
    })
    .await;
}

fn main() {
    // What failed is told by a request's status; why, by the log.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        runtime.block_on(run(engine));
    }
}
