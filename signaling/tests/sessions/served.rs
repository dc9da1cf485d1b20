//! The whole of signaling behind a real port on loopback, over the World of the tests.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use convoke_signaling::auth::token::Invite;
use convoke_signaling::auth::{AuthConfig, Authenticator};
use convoke_signaling::clock::Clock as _;
use convoke_signaling::domain::call::Backend;
use convoke_signaling::http::{
    self, AppState, Assets, ConnectionLimits, HttpConfig, NoAssets, ServeConfig,
};
use convoke_signaling::jitsi::{Jitsi, JitsiConfig};
use convoke_signaling::links::JoinLinks;
use convoke_signaling::service::CallConfig;
use convoke_signaling::session::{SessionConfig, SessionContext};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::common::{TestDb, World};
use crate::socket::Socket;

pub(crate) const JWT_SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_secs(43_200);
pub(crate) const API_KEY: &str = "backend-key";

/// What a test may want otherwise.
pub(crate) struct Setup {
    pub(crate) guests: bool,
    pub(crate) calls: CallConfig,
    pub(crate) sessions: SessionConfig,
    pub(crate) http: HttpConfig,
    pub(crate) assets: Arc<dyn Assets>,
    pub(crate) jitsi: JitsiConfig,
    pub(crate) backend: Backend,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            guests: false,
            calls: CallConfig::default(),
            sessions: SessionConfig::default(),
            http: HttpConfig::default(),
            assets: Arc::new(NoAssets),
            jitsi: JitsiConfig::default(),
            backend: Backend::Sfu,
        }
    }
}

pub(crate) struct Served {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    pub(crate) state: AppState,
    pub(crate) stop: CancellationToken,
    auth: Arc<Authenticator>,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(db: &TestDb) -> Self {
        Self::with(db, Setup::default()).await
    }

    pub(crate) async fn with(db: &TestDb, setup: Setup) -> Self {
        let world = World::with(db, setup.calls).await;
        let auth = Arc::new(Authenticator::new(AuthConfig {
            jwt_secret: JWT_SECRET.to_vec(),
            server_secret: b"the server's own secret".to_vec(),
            api_keys: vec![API_KEY.to_owned()],
            guests: setup.guests,
            leeway: Duration::ZERO,
            remote_keys: None,
        }));
        let context = SessionContext {
            service: world.service.clone(),
            auth: auth.clone(),
            clock: world.clock.clone(),
            config: setup.sessions,
        };
        let stop = CancellationToken::new();
        let state = AppState::new(
            Arc::new(context),
            links(auth.clone(), setup.jitsi, setup.backend),
            setup.http,
            setup.assets,
            stop.clone(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = ServeConfig {
            listener,
            tls: None,
            limits: ConnectionLimits::default(),
            grace: Duration::from_secs(5),
        };
        let serving = http::serve(state.clone(), config);
        let serving = tokio::spawn(async move { serving.await.unwrap() });
        Self {
            world,
            address,
            state,
            stop,
            auth,
            serving,
        }
    }

    /// A user's token; `room` and `moderator` as in an invite.
    pub(crate) fn token(&self, user: &str, room: Option<&str>, moderator: bool) -> String {
        let invite = Invite {
            user: user.to_owned(),
            name: format!("User {user}"),
            room: room.map(str::to_owned),
            moderator,
            ttl: TOKEN_LIFETIME,
        };
        self.auth.mint(&invite, self.world.clock.now()).unwrap()
    }

    pub(crate) async fn connect(&self) -> Socket {
        Socket::open(self.address, &[]).await.unwrap()
    }

    /// A socket that said hello as `user`.
    pub(crate) async fn enter(&self, user: &str) -> Socket {
        let mut socket = self.connect().await;
        let token = self.token(user, None, false);
        socket
            .send(serde_json::json!({"type": "hello", "protocol": 1, "token": token}))
            .await;
        socket.expect("welcome").await;
        socket
    }

    /// A request without the network, as if from loopback.
    pub(crate) async fn request(&self, mut request: Request<Body>) -> Response<Body> {
        let from = SocketAddr::from(([127, 0, 0, 1], 4711));
        request.extensions_mut().insert(ConnectInfo(from));
        let router = http::router(self.state.clone());
        router.oneshot(request).await.unwrap()
    }

    /// Status and body of a GET with a bearer token.
    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.request(request.body(Body::empty()).unwrap()).await;
        json_of(response).await
    }

    /// Status and body of a request as the host application's backend makes it.
    pub(crate) async fn backend(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-api-key", API_KEY)
            .header("content-type", "application/json");
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        json_of(self.request(request.body(body).unwrap()).await).await
    }

    /// As SIGTERM does: returns when everything has ended.
    pub(crate) async fn shut_down(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.world.service.stop().await;
        self.world.store.close().await;
    }
}

fn links(auth: Arc<Authenticator>, jitsi: JitsiConfig, backend: Backend) -> JoinLinks {
    let jitsi = Jitsi::new(jitsi).unwrap();
    JoinLinks::new(auth, jitsi, "https://calls.example.org", backend)
}

pub(crate) async fn json_of(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (status, value)
}
