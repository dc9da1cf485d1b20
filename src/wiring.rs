//! Store → media runtime → service → HTTP, and nothing else. What is started last
//! is stopped first.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use convoke_media::limits::Limits;
use convoke_media::runtime::{self as media, EventReceiver, MediaHandle, MediaRuntime};
use convoke_signaling::auth::Authenticator;
use convoke_signaling::clock::{Clock, SystemClock};
use convoke_signaling::http::{self, AppState, ServeConfig, TlsFiles};
use convoke_signaling::service::{CallConfig, CallService};
use convoke_signaling::session::{AdmissionLimits, SessionConfig, SessionContext};
use convoke_signaling::store::Store;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Switch};
use crate::pages::Pages;
use crate::{cli, data_dir, identity, shutdown};

/// Each is a file descriptor; WebSockets are counted for themselves.
const MAX_CONNECTIONS: usize = 10_000;

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    data_dir::create(&config.data_dir)?;
    let auth = Arc::new(identity::authenticator(&config)?);
    let listener = listen(config.http.listen)?;
    let address = listener.local_addr().context("cannot tell the port")?;
    let (media, media_events, media_runtime) = start_media(&config)?;
    let store = open_store(&config).await?;
    let (service, state) = assemble(&config, store, media, media_events, auth, stop).await?;

    announce(&config, address, &media_runtime)?;
    let served = http::serve(state, serve_config(&config, listener)).await;
    service.stop().await;
    // The workers' own end is short; a hanging one must not keep the process.
    let _ = tokio::time::timeout(Duration::from_secs(1), media_runtime.stop()).await;
    tracing::info!("stopped");
    served.context("the HTTP server failed")
}

/// Opening the database brings it up to date.
pub(crate) async fn migrate(config: Config) -> anyhow::Result<()> {
    data_dir::create(&config.data_dir)?;
    open_store(&config).await?;
    cli::print("The database is up to date.")
}

async fn assemble(
    config: &Config,
    store: Store,
    media: MediaHandle,
    media_events: EventReceiver,
    auth: Arc<Authenticator>,
    stop: CancellationToken,
) -> anyhow::Result<(CallService, AppState)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let calls = CallConfig {
        max_participants: config.calls.max_participants,
        ..CallConfig::default()
    };
    let sessions = SessionConfig {
        max_participants: calls.max_participants,
        resume_window: calls.grace,
        rate_limits: config.http.rate_limits == Switch::On,
        ..SessionConfig::default()
    };
    let service = CallService::start(store, Arc::new(media), media_events, calls, clock.clone())
        .await
        .context("cannot take up the calls of an earlier run")?;
    let context = SessionContext {
        service: service.clone(),
        auth,
        clock,
        config: sessions,
    };
    let state = AppState::new(
        Arc::new(context),
        http_config(config),
        Arc::new(Pages),
        stop,
    );
    Ok((service, state))
}

fn http_config(config: &Config) -> http::HttpConfig {
    let unlimited = AdmissionLimits {
        total: usize::MAX,
        per_address: usize::MAX,
    };
    http::HttpConfig {
        trusted_proxies: config.http.trusted_proxies.clone(),
        allowed_origins: config.http.allowed_origins.clone(),
        admission: match config.http.rate_limits {
            Switch::On => AdmissionLimits::default(),
            Switch::Off => unlimited,
        },
    }
}

fn serve_config(config: &Config, listener: TcpListener) -> ServeConfig {
    let tls = config.http.tls().map(|(cert, key)| TlsFiles {
        cert: cert.clone(),
        key: key.clone(),
    });
    ServeConfig {
        listener,
        tls,
        max_connections: MAX_CONNECTIONS,
        grace: shutdown::GRACE,
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's own port")]
fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

fn start_media(config: &Config) -> anyhow::Result<(MediaHandle, EventReceiver, MediaRuntime)> {
    let limits = Limits {
        // Signaling judges who may join; the room beyond is for those whose leaving
        // is still on its way to the media worker.
        participants_per_router: config.calls.max_participants as usize + 8,
        ..Limits::default()
    };
    media::start(media::MediaConfig {
        limits,
        port: config.media.port,
        advertised: config.media.advertised_ips.clone(),
        local_only: config.http.listen.ip().is_loopback(),
        workers: config.media.workers,
        ..media::MediaConfig::default()
    })
    .context("cannot start media")
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    Store::open(&config.database.url(&config.data_dir))
        .await
        .context("cannot open the database")
}

/// The address to open goes to stdout: it is what the person who started us wants.
fn announce(config: &Config, address: SocketAddr, media: &MediaRuntime) -> anyhow::Result<()> {
    let url = config.http.url(address);
    cli::print(&format!("Convoke is ready: {url}"))?;
    if !config.guests_allowed() {
        cli::print(
            "Guests are not admitted; `convoke token --user … --name …` prints a link that enters.",
        )?;
    }
    tracing::info!(
        http.address = %address,
        media.candidates = ?media.candidates(),
        "serving"
    );
    Ok(())
}
