//! Connections: plain or TLS, counted, and let finish when the server stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower::Service;

use super::{AppState, router};

/// For the head of a request: a client that drips bytes holds a connection no longer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

pub struct ServeConfig {
    pub listener: TcpListener,
    /// HTTPS with these files, otherwise HTTP.
    pub tls: Option<TlsFiles>,
    /// HTTP connections at one time; more are closed at once. WebSockets are counted
    /// by the admission instead.
    pub max_connections: usize,
    /// How long the requests and Sessions that run may take to finish after the stop.
    pub grace: Duration,
}

/// PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("{path} is no certificate or key in PEM: {error}")]
    Pem {
        path: PathBuf,
        error: rustls::pki_types::pem::Error,
    },
    #[error("the certificate and its key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Serves until the state's stop token is cancelled and what ran has finished.
pub async fn serve(state: AppState, config: ServeConfig) -> Result<(), ServeError> {
    let tls = config.tls.as_ref().map(tls_config).transpose()?;
    config.listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let stopping = stop_gracefully(state.clone(), handle.clone(), config.grace);
    let limit = LimitAcceptor(Arc::new(Semaphore::new(config.max_connections)));
    let app = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(config.listener)?.handle(handle);
    let mut http1 = server.http_builder().http1();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    let serving = async {
        match tls {
            Some(tls) => {
                let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls));
                server.acceptor(tls.acceptor(limit)).serve(app).await
            }
            None => server.acceptor(limit).serve(app).await,
        }
    };
    let (served, ()) = tokio::join!(serving, stopping);
    Ok(served?)
}

/// Sessions end by the same token; they are waited for because the connection that
/// carried their upgrade no longer counts as one of HTTP's.
async fn stop_gracefully(state: AppState, handle: Handle<SocketAddr>, grace: Duration) {
    state.stop().cancelled().await;
    handle.graceful_shutdown(Some(grace));
    state.running().close();
    let _ = timeout(grace, state.running().wait()).await;
}

/// The provider is named, because a process with two compiled in has no default.
fn tls_config(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>, ServeError> {
    let in_file = |path: &Path| {
        let path = path.to_owned();
        move |error| ServeError::Pem { path, error }
    };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(in_file(&files.cert))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(in_file(&files.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Closes the connections that are too many.
#[derive(Clone)]
struct LimitAcceptor(Arc<Semaphore>);

impl<I, S> Accept<I, S> for LimitAcceptor {
    type Stream = I;
    type Service = Counted<S>;
    type Future = std::future::Ready<io::Result<(I, Counted<S>)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        std::future::ready(match permit {
            Ok(permit) => Ok((stream, Counted::new(service, permit))),
            Err(_) => Err(io::Error::other("too many connections")),
        })
    }
}

/// A connection's service, which lives as long as the connection and so holds its
/// place.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    _place: Arc<OwnedSemaphorePermit>,
}

impl<S> Counted<S> {
    fn new(inner: S, permit: OwnedSemaphorePermit) -> Self {
        Self {
            inner,
            _place: Arc::new(permit),
        }
    }
}

impl<R, S: Service<R>> Service<R> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.inner.call(request)
    }
}
