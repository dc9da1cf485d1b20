//! Connections: plain or TLS, counted, and let finish when the server stops.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::timeout;

use super::connection::{ConnectionLimits, Door};
use super::socketio::Sockets;
use super::{AppState, assemble};

/// For the head of a request: a client that drips bytes holds a connection no longer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

pub struct ServeConfig {
    pub listener: TcpListener,
    /// HTTPS with these files, otherwise HTTP.
    pub tls: Option<TlsFiles>,
    pub limits: ConnectionLimits,
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
    let handle = Handle::new();
    let sockets = Sockets::new(&state);
    let stopping = stop_gracefully(state.clone(), &sockets, handle.clone(), config.grace);
    let door = Door::new(config.limits, &state.config().trusted_proxies);
    let timeout = config.limits.first_request;
    let app = assemble(state.clone(), &sockets);
    let serving = accept(config.listener, tls.zip(Some(timeout)), door, handle, app);
    let (served, ()) = tokio::join!(serving, stopping);
    Ok(served?)
}

/// Every connection from here on, until the handle is told to stop. `tls` has the
/// handshake's deadline with it.
async fn accept(
    listener: TcpListener,
    tls: Option<(Arc<rustls::ServerConfig>, Duration)>,
    door: Door,
    handle: Handle<SocketAddr>,
    app: Router,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let mut server = axum_server::from_tcp(listener)?.handle(handle);
    let mut http1 = server.http_builder().http1();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    match tls {
        Some((tls, deadline)) => {
            let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls));
            let tls = tls.handshake_timeout(deadline).acceptor(door);
            server.acceptor(tls).serve(app).await
        }
        None => server.acceptor(door).serve(app).await,
    }
}

/// Sessions end by the same token; they are waited for because the connection that
/// carried their upgrade no longer counts as one of HTTP's.
async fn stop_gracefully(
    state: AppState,
    sockets: &Sockets,
    handle: Handle<SocketAddr>,
    grace: Duration,
) {
    state.stop().cancelled().await;
    handle.graceful_shutdown(Some(grace));
    state.running().close();
    let ended = async { tokio::join!(sockets.close(), state.running().wait()) };
    let _ = timeout(grace, ended).await;
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

#[cfg(test)]
mod tests;
