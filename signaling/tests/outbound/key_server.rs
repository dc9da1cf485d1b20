//! A host application's key server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};

pub(crate) struct KeyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    document: Mutex<(StatusCode, String)>,
    asked: AtomicUsize,
}

impl KeyServer {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            document: Mutex::new((StatusCode::OK, json!({"keys": []}).to_string())),
            asked: AtomicUsize::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/keys", get(keys))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    pub(crate) fn publish(&self, names: &[&str]) {
        let keys: Vec<_> = names.iter().map(|name| public(name)).collect();
        self.answer(StatusCode::OK, json!({"keys": keys}).to_string());
    }

    pub(crate) fn answer(&self, status: StatusCode, document: String) {
        *self.shared.document.lock().unwrap() = (status, document);
    }

    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

/// The public half of a key of `tests/keys`, as JWK.
fn public(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../keys/public.json")).unwrap();
    all[name].clone()
}

async fn keys(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let (status, document) = shared.document.lock().unwrap().clone();
    (status, [("cache-control", "public, max-age=600")], document)
}
