//! Assembly of everything that HTTP serves: the dialects' routes, the WebSocket, the
//! health checks and the pages, under the limits and headers that all of them share.

mod assets;
pub(crate) mod body;
mod connection;
mod cors;
pub(crate) mod envelope;
pub(crate) mod extract;
mod health;
pub(crate) mod kinds;
mod layers;
mod metrics;
mod openapi;
pub(crate) mod page;
pub mod problem;
mod rates;
mod serve;
mod socketio;
mod upgrade;
#[allow(dead_code, reason = "for the dialects that come")]
pub(crate) mod values;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use assets::{Asset, Assets, NoAssets};
pub use connection::ConnectionLimits;
pub use rates::{Rate, RateLimits};
pub use serve::{ServeConfig, ServeError, TlsFiles, serve};

use crate::dialect;
use crate::links::JoinLinks;
use crate::session::resource::Resources;
use crate::session::{Admission, AdmissionLimits, SessionContext};
use problem::{Problem, RequestRefused};
use rates::Rates;
use socketio::Sockets;

/// Bodies are small JSON; a route that takes more says so itself.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the binary configures.
#[derive(Debug, Clone, Default)]
pub struct HttpConfig {
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Sites besides our own whose pages may open a Session and use the API, such as
    /// `https://app.example.org`.
    pub allowed_origins: Vec<String>,
    /// Names of this server that guests may use, besides localhost and addresses.
    pub names: Vec<String>,
    pub admission: AdmissionLimits,
    /// Of requests; none where something in front limits them.
    pub rates: Option<RateLimits>,
}

/// What every handler may reach. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    sessions: Arc<SessionContext>,
    links: JoinLinks,
    config: HttpConfig,
    admission: Admission,
    resources: Resources,
    rates: Rates,
    assets: Arc<dyn Assets>,
    stop: CancellationToken,
    running: TaskTracker,
    unknown_events: Arc<AtomicU64>,
}

impl AppState {
    /// `stop` ends the Sessions, which may then be resumed elsewhere.
    pub fn new(
        sessions: Arc<SessionContext>,
        links: JoinLinks,
        config: HttpConfig,
        assets: Arc<dyn Assets>,
        stop: CancellationToken,
    ) -> Self {
        let admission = Admission::new(config.admission);
        let rates = Rates::new(config.rates);
        let running = TaskTracker::new();
        let resources = Resources::new(
            sessions.clone(),
            admission.clone(),
            stop.clone(),
            running.clone(),
        );
        Self(Arc::new(Shared {
            sessions,
            links,
            config,
            admission,
            resources,
            rates,
            assets,
            stop,
            running,
            unknown_events: Arc::default(),
        }))
    }

    pub(crate) fn sessions(&self) -> &Arc<SessionContext> {
        &self.0.sessions
    }

    pub fn links(&self) -> &JoinLinks {
        &self.0.links
    }

    pub(crate) fn config(&self) -> &HttpConfig {
        &self.0.config
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.0.admission
    }

    pub(crate) fn resources(&self) -> &Resources {
        &self.0.resources
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    pub(crate) fn assets(&self) -> &dyn Assets {
        self.0.assets.as_ref()
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Socket.IO events that nobody here knows.
    pub fn unknown_events(&self) -> &Arc<AtomicU64> {
        &self.0.unknown_events
    }

    /// The Sessions that run, to be waited for.
    pub(crate) fn running(&self) -> &TaskTracker {
        &self.0.running
    }
}

/// Everything under one roof.
pub fn router(state: AppState) -> Router {
    let sockets = Sockets::new(&state);
    assemble(state, &sockets)
}

fn assemble(state: AppState, sockets: &Sockets) -> Router {
    let cors = tower::util::option_layer(cors::layer(&state.config().allowed_origins));
    Router::new()
        .route("/ws", get(upgrade::open))
        .merge(sockets.routes(&state))
        .merge(openapi::routes())
        .merge(health::routes())
        .merge(metrics::routes())
        .fallback(assets::page)
        .method_not_allowed_fallback(async || Problem::from(RequestRefused::MethodNotAllowed))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            layers::own_name,
        ))
        .layer(middleware::from_fn(layers::deadline))
        .layer(middleware::from_fn(envelope::apply))
        .layer(cors)
        .layer(middleware::from_fn(dialect::whip::options))
        .layer(middleware::from_fn(layers::security_headers))
        .layer(middleware::from_fn(layers::log))
        .with_state(state)
}
