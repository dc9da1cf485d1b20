//! Webhooks, with a real HTTP server on loopback that takes them or does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use convoke_signaling::outbound::{Outbound, OutboundLimits, Reach};
use convoke_signaling::service::{CallConfig, CallRef, Webhooks};
use convoke_signaling::store::Store;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::common::{START, TestClock, World, eventually, principal};
use crate::on_both_databases;
use crate::ringing::calling;

const SECRET: &[u8] = b"a secret of both";

/// What the endpoint was sent: the headers' id and signature, and the body.
#[derive(Debug)]
struct Received {
    id: String,
    signature: String,
    body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

struct Endpoint {
    url: String,
    broken: Arc<AtomicBool>,
    received: mpsc::UnboundedReceiver<Received>,
}

type Shared = (Arc<AtomicBool>, mpsc::UnboundedSender<Received>);

async fn take(
    State((broken, received)): State<Shared>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let id = header("convoke-event-id");
    let signature = header("convoke-signature");
    received
        .send(Received {
            id,
            signature,
            body,
        })
        .unwrap();
    match broken.load(Ordering::SeqCst) {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::NO_CONTENT,
    }
}

impl Endpoint {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let broken = Arc::new(AtomicBool::new(false));
        let (sender, received) = mpsc::unbounded_channel();
        let app = Router::new()
            .route("/hook", post(take))
            .with_state((Arc::clone(&broken), sender));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            broken,
            received,
        }
    }

    async fn next(&mut self) -> Received {
        let received = tokio::time::timeout(Duration::from_secs(60), self.received.recv());
        received.await.expect("nothing came").unwrap()
    }
}

async fn world(db: &crate::common::TestDb, endpoints: &[&Endpoint], reach: Reach) -> World {
    let urls = endpoints.iter().map(|endpoint| endpoint.url.clone());
    let store = Store::open(db.url()).await.unwrap().with_webhooks(urls);
    let clock = Arc::new(TestClock::new(START));
    let world = World::over(store, CallConfig::default(), clock).await;
    let outbound = Outbound::new(reach, OutboundLimits::default()).unwrap();
    let secret = SECRET.to_vec();
    world
        .service
        .deliver(Webhooks { outbound, secret })
        .await
        .unwrap();
    world
}

on_both_databases! {
    async fn events_are_posted_signed_and_in_order(db: TestDb) {
        let mut endpoint = Endpoint::start().await;
        let world = world(&db, &[&endpoint], Reach::Anywhere).await;
        let planned = world.service.plan(&principal("anna"), calling("r", &["bert"])).await;
        let call = planned.unwrap().record.call;
        world.service.decline(&principal("bert"), CallRef::Id(call.id)).await.unwrap();
        for (seq, what) in [(1, "initiated"), (2, "ringing"), (3, "declined"), (4, "ended")] {
            let received = endpoint.next().await;
            let json = received.json();
            assert_eq!(json["type"], format!("call.{what}"));
            assert_eq!(received.id, format!("{}-{seq}", call.id));
            assert_eq!(json["id"], received.id);
            assert_eq!(json["call"]["room"], "r");
            assert!(received.signature.starts_with("t=1700000000,v1="));
        }
        eventually("nothing is left", async || {
            let next = world.store.next_delivery(&endpoint.url).await.unwrap();
            next.is_none().then_some(())
        })
        .await;
    }

    /// What a host needs to wake somebody's phone.
    async fn a_ring_says_whom_and_until_when(db: TestDb) {
        let mut endpoint = Endpoint::start().await;
        let world = world(&db, &[&endpoint], Reach::Anywhere).await;
        world.service.plan(&principal("anna"), calling("r", &["bert"])).await.unwrap();
        endpoint.next().await;
        let json = endpoint.next().await.json();
        assert_eq!(json["event"]["user"]["id"], "bert");
        assert_eq!(json["call"]["initiatedBy"]["name"], "Name of anna");
        assert_eq!(json["call"]["ringsUntil"], "2023-11-14T22:14:05.000Z");
    }

    async fn what_is_not_taken_comes_again_and_nothing_overtakes_it(db: TestDb) {
        let mut broken = Endpoint::start().await;
        let mut healthy = Endpoint::start().await;
        broken.broken.store(true, Ordering::SeqCst);
        let world = world(&db, &[&broken, &healthy], Reach::Anywhere).await;
        world.service.plan(&principal("anna"), calling("r", &["bert"])).await.unwrap();
        // The other endpoint does not wait for it.
        assert_eq!(healthy.next().await.json()["event"]["seq"], 1);
        assert_eq!(healthy.next().await.json()["event"]["seq"], 2);
        let first = broken.next().await;
        // The pause is a row that is written after the answer: time goes on until then.
        let again = loop {
            world.clock.advance(Duration::from_millis(100));
            match broken.received.try_recv() {
                Ok(received) => break received,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(again.id, first.id);
        broken.broken.store(false, Ordering::SeqCst);
        let mut seqs: Vec<i64> = Vec::new();
        while !seqs.contains(&2) {
            world.clock.advance(Duration::from_millis(100));
            while let Ok(received) = broken.received.try_recv() {
                seqs.push(received.json()["event"]["seq"].as_i64().unwrap());
            }
            tokio::task::yield_now().await;
        }
        assert!(seqs.is_sorted(), "{seqs:?}");
    }

    async fn a_private_address_is_not_posted_to(db: TestDb) {
        let mut endpoint = Endpoint::start().await;
        let world = world(&db, &[&endpoint], Reach::Public).await;
        world.service.plan(&principal("anna"), calling("r", &["bert"])).await.unwrap();
        eventually("it was tried", async || {
            let next = world.store.next_delivery(&endpoint.url).await.unwrap();
            next.filter(|due| *due > START)
        })
        .await;
        assert!(endpoint.received.try_recv().is_err());
    }
}
