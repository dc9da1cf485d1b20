//! `/socket.io`: from an HTTP request to a [`Link`](crate::session::socketio). Who may
//! open a connection is decided before the library sees the request, who may enter a
//! namespace before it answers CONNECT. Both transports pass both.
//!
//! A connection's place in the admission travels in the extensions of the request that
//! opened it, which the library keeps for as long as the connection lives: a polling
//! client that went without a word holds it until the heartbeat misses it, exactly as a
//! WebSocket does.

use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler as _;
use socketioxide::layer::SocketIoLayer;
use socketioxide::{ParserConfig, SocketIo};
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

use super::AppState;
use super::extract::{ClientAddress, bearer};
use super::problem::{Problem, RequestRefused};
use super::upgrade::origin_allowed;
use crate::dialect::{self, CALLS_NAMESPACE, DEFAULT_NAMESPACE};
use crate::domain::principal::Principal;
use crate::error::CallError;
use crate::session::limits::{MAX_MESSAGE_BYTES, MAX_OUTGOING_PACKETS};
use crate::session::socketio::{Arrival, Letterbox, Namespace, Presences, carry};
use crate::session::{Permit, SessionConfig};

/// The path that clients ask for unless told otherwise.
const PATH: &str = "/socket.io";
/// Refused handshakes of one connection that are answered at once; the others wait, so
/// that guessing tokens is slow.
const QUICK_REFUSALS: u32 = 3;
const SLOW_REFUSAL: Duration = Duration::from_secs(1);
/// For a long poll to end by itself when the server stops.
const LAST_POLL: Duration = Duration::from_secs(1);

/// The Socket.IO server.
pub(super) struct Sockets {
    layer: SocketIoLayer,
    io: SocketIo,
}

/// What a connection holds from its first request to its end.
struct Place {
    _permit: Permit,
    address: IpAddr,
    refused: AtomicU32,
}

/// Until the namespace's handler takes it.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Option<Arrival>>>);

impl Sockets {
    pub(super) fn new(state: &AppState) -> Self {
        let config = &state.sessions().config;
        let (layer, io) = bounded(config).build_layer();
        for namespace in [DEFAULT_NAMESPACE, CALLS_NAMESPACE] {
            open(&io, namespace, state);
        }
        Self { layer, io }
    }

    pub(super) fn routes(&self, state: &AppState) -> Router<AppState> {
        let nothing = tower::service_fn(async |_: Request| {
            Ok::<_, Infallible>(Problem::from(RequestRefused::NoSuchResource).into_response())
        });
        let service = self.layer.layer(nothing);
        Router::new()
            .route_service(PATH, service.clone())
            .route_service(&format!("{PATH}/"), service)
            .route_layer(middleware::from_fn_with_state(state.clone(), gate))
    }

    /// Closes every connection; clients come back by themselves.
    pub(super) async fn close(&self) {
        self.io.close().await;
    }
}

/// The limits that the library enforces. Its heartbeat is the WebSocket's: who was not
/// heard for two intervals is lost.
fn bounded(config: &SessionConfig) -> socketioxide::SocketIoBuilder {
    let parser = ParserConfig::common()
        .max_incoming_binaries(0)
        .max_incoming_binary_buf_size(0);
    SocketIo::builder()
        .req_path(PATH)
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_interval)
        .connect_timeout(config.hello_timeout)
        .upgrade_timeout(config.hello_timeout)
        .max_payload(MAX_MESSAGE_BYTES as u64)
        .ws_max_message_size(MAX_MESSAGE_BYTES)
        .ws_max_frame_size(MAX_MESSAGE_BYTES)
        .max_buffer_size(MAX_OUTGOING_PACKETS)
        .with_parser(parser)
}

fn open(io: &SocketIo, path: &'static str, state: &AppState) {
    let namespace = Arc::new(Namespace {
        context: Arc::clone(state.sessions()),
        dialects: dialect::on_socketio(path),
        presences: Presences::default(),
        unknown_events: Arc::clone(state.unknown_events()),
        carries_session: path == CALLS_NAMESPACE,
    });
    let (admitting, carrying) = (state.clone(), state.clone());
    let admit = move |socket: SocketRef, TryData(auth): TryData<Handshake>| {
        admit(admitting.clone(), socket, auth.unwrap_or_default())
    };
    let begin = move |socket: SocketRef| {
        let arrival = socket.extensions.remove::<Waiting>();
        let (namespace, stop) = (Arc::clone(&namespace), carrying.stop().clone());
        let running = carrying.running().clone();
        async move {
            let Some(arrival) = arrival.and_then(|waiting| waiting.take()) else {
                return;
            };
            running.spawn(carry(socket, namespace, arrival, stop));
        }
    };
    io.ns(path, begin.with(admit));
}

impl Waiting {
    fn take(&self) -> Option<Arrival> {
        let mut arrival = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arrival.take()
    }
}

/// What a client says of itself when it connects to a namespace: `auth` of
/// socket.io-client.
#[derive(Default, Deserialize)]
struct Handshake {
    token: Option<String>,
    /// `resumeToken` of an earlier Session.
    resume: Option<String>,
}

/// The message of `connect_error`.
#[derive(Debug)]
struct Refused(Problem);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind(), self.0.message())
    }
}

/// Before CONNECT is answered, so that no event can come before somebody listens.
async fn admit(state: AppState, socket: SocketRef, handshake: Handshake) -> Result<(), Refused> {
    match arrive(&state, &socket, handshake).await {
        Ok(arrival) => {
            let waiting = Waiting(Arc::new(Mutex::new(Some(arrival))));
            socket.extensions.insert(waiting);
            Ok(())
        }
        Err(problem) => Err(Refused(turn_away(&state, &socket, problem).await)),
    }
}

/// Counts the failure, and is in no hurry to hear the next.
async fn turn_away(state: &AppState, socket: &SocketRef, problem: Problem) -> Problem {
    let place = socket.req_parts().extensions.get::<Arc<Place>>();
    let Some(place) = place else { return problem };
    if place.refused.fetch_add(1, Ordering::Relaxed) >= QUICK_REFUSALS {
        tokio::time::sleep(SLOW_REFUSAL).await;
    }
    let now = state.sessions().clock.now();
    match state.rates().failure(place.address, now) {
        Err(too_many) => too_many.into(),
        Ok(()) => problem,
    }
}

async fn arrive(
    state: &AppState,
    socket: &SocketRef,
    handshake: Handshake,
) -> Result<Arrival, Problem> {
    let who = identify(state, socket, handshake.token).await?;
    let service = &state.sessions().service;
    let who = service.recognize(who).await;
    let feed = service.subscribe(&who).await.map_err(Problem::from)?;
    let gone = CancellationToken::new();
    let (inbox, letterbox) = Letterbox::new(gone.clone());
    socket.on_fallback(inbox);
    socket.on_disconnect(move || {
        gone.cancel();
        std::future::ready(())
    });
    Ok(Arrival {
        who,
        resume: handshake.resume,
        feed,
        letterbox,
    })
}

/// By `auth: {token}`, by `Authorization: Bearer` or, as older clients do, by `?token=`
/// of the request that opened the connection.
async fn identify(
    state: &AppState,
    socket: &SocketRef,
    token: Option<String>,
) -> Result<Principal, Problem> {
    let opened = socket.req_parts();
    let header = || bearer(&opened.headers).map(str::to_owned);
    let token = token.or_else(header).or_else(|| token_in(&opened.uri));
    let token = token.ok_or(RequestRefused::Unauthenticated)?;
    let token = token.strip_prefix("Bearer ").unwrap_or(&token);
    let now = state.sessions().clock.now();
    let auth = &state.sessions().auth;
    Ok(auth.token_or_fetch(token.trim(), now).await?)
}

/// A token has no character that a query escapes (RFC 7519 §3, RFC 3986 §2.3).
fn token_in(uri: &Uri) -> Option<String> {
    let mut fields = uri.query()?.split('&');
    fields.find_map(|field| field.strip_prefix("token=").map(str::to_owned))
}

/// Before the library sees a request.
async fn gate(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let sites = &state.config().allowed_origins;
    if !origin_allowed(request.headers(), request.uri(), sites) {
        return Err(RequestRefused::ForeignOrigin.into());
    }
    if state.stop().is_cancelled() {
        return Err(CallError::Unavailable.into());
    }
    if !continues(request.uri()) {
        let permit = state.admission().admit(address)?;
        request.extensions_mut().insert(Arc::new(Place {
            _permit: permit,
            address,
            refused: AtomicU32::new(0),
        }));
    }
    let stopped = async {
        state.stop().cancelled().await;
        tokio::time::sleep(LAST_POLL).await;
    };
    tokio::select! {
        response = next.run(request) => Ok(response),
        () = stopped => Err(CallError::Unavailable.into()),
    }
}

/// Whether it belongs to a connection that is open already, as the library sees it.
fn continues(uri: &Uri) -> bool {
    let mut fields = uri.query().unwrap_or_default().split('&');
    fields.any(|field| field.starts_with("sid="))
}
