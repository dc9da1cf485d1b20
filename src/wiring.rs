//! Store → media runtime → service → HTTP, and nothing else. What is started last
//! is stopped first.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use convoke_media::limits::Limits;
use convoke_media::runtime::{self as media, EventReceiver, MediaHandle, MediaRuntime};
use convoke_signaling::clock::{Clock, SystemClock};
use convoke_signaling::http::{self, AppState, ConnectionLimits, ServeConfig, TlsFiles};
use convoke_signaling::links::JoinLinks;
use convoke_signaling::service::{CallConfig, CallService};
use convoke_signaling::session::{AdmissionLimits, SessionConfig, SessionContext};
use convoke_signaling::store::Store;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Switch};
use crate::pages::Pages;
use crate::{cli, data_dir, identity, shutdown};

/// A leave is committed before the Router hears of it: so many may still be in it.
const LEAVING_MARGIN: usize = 16;

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    data_dir::create(&config.data_dir)?;
    let listener = listen(config.http.listen)?;
    let address = listener.local_addr().context("cannot tell the port")?;
    let links = links(&config, address, &stop)?;
    let (media, media_events, media_runtime) = start_media(&config)?;
    let store = open_store(&config).await?;
    let (service, state) = assemble(&config, store, media, media_events, links, stop).await?;

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
    links: JoinLinks,
    stop: CancellationToken,
) -> anyhow::Result<(CallService, AppState)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let calls = CallConfig {
        max_participants: config.calls.max_participants,
        ring: config.calls.ring_timeout(),
        max_duration: config.calls.max_duration(),
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
    if let Some(webhooks) = config.webhooks.open()? {
        let delivering = service.deliver(webhooks).await;
        delivering.context("cannot deliver to the webhooks")?;
    }
    let context = SessionContext {
        service: service.clone(),
        auth: links.auth().clone(),
        clock,
        config: sessions,
    };
    let state = AppState::new(
        Arc::new(context),
        links,
        http_config(config),
        Arc::new(Pages),
        stop,
    );
    Ok((service, state))
}

/// Who may come in, and the links that they come by.
fn links(
    config: &Config,
    address: SocketAddr,
    stop: &CancellationToken,
) -> anyhow::Result<JoinLinks> {
    let keys = identity::remote_keys(config)?;
    let auth = Arc::new(identity::authenticator(config, keys.clone())?);
    if let Some(keys) = keys {
        let stop = stop.clone();
        tokio::spawn(async move { keys.keep_fresh(stop).await });
    }
    let jitsi = config.jitsi.open()?;
    let (url, backend) = (config.http.url(address), config.calls.backend.into());
    for warning in jitsi.pressing_warnings(backend) {
        tracing::warn!("{warning}");
    }
    Ok(JoinLinks::new(auth, jitsi, &url, backend))
}

fn http_config(config: &Config) -> http::HttpConfig {
    let unlimited = AdmissionLimits {
        total: usize::MAX,
        per_address: usize::MAX,
    };
    http::HttpConfig {
        trusted_proxies: config.http.trusted_proxies.clone(),
        allowed_origins: config.http.allowed_origins.clone(),
        names: config
            .http
            .public_host()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        admission: match config.http.rate_limits {
            Switch::On => AdmissionLimits::default(),
            Switch::Off => unlimited,
        },
        rates: match config.http.rate_limits {
            Switch::On => Some(http::RateLimits::default()),
            Switch::Off => None,
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
        limits: connection_limits(config.http.rate_limits),
        grace: shutdown::GRACE,
    }
}

/// The total stands whatever is in front: each connection is a file descriptor.
fn connection_limits(rate_limits: Switch) -> ConnectionLimits {
    let mut limits = ConnectionLimits::default();
    if rate_limits == Switch::Off {
        limits.per_address = usize::MAX;
    }
    limits
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))
}

fn start_media(config: &Config) -> anyhow::Result<(MediaHandle, EventReceiver, MediaRuntime)> {
    media::start(media::MediaConfig {
        port: config.media.port,
        advertised: config.media.advertised_ips.clone(),
        local_only: config.http.listen.ip().is_loopback(),
        workers: config.media.workers,
        gather: config.media.gather(),
        limits: media_limits(config),
        ..media::MediaConfig::default()
    })
    .context("cannot start media")
}

/// The Call counts who is in; the Router only must never be the stricter of the two.
fn media_limits(config: &Config) -> Limits {
    Limits {
        participants_per_router: config.calls.max_participants as usize + LEAVING_MARGIN,
        ..Limits::default()
    }
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let store = Store::open(&config.database.url(&config.data_dir)).await;
    let store = store.context("cannot open the database")?;
    Ok(store.with_webhooks(config.webhooks.urls.iter().cloned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_holds_whoever_the_call_lets_in() {
        for max in [1, 50, 200] {
            let mut config = Config::default();
            config.calls.max_participants = max;
            assert!(media_limits(&config).participants_per_router > max as usize);
        }
    }
}
