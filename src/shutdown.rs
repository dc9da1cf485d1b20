//! When to stop, and how long stopping may take. One token is the signal; whoever
//! holds it ends its own work.

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Longest wait for sessions to be told, records to be written and workers to end.
/// Shorter than the 10 s after which container engines kill.
pub(crate) const GRACE: Duration = Duration::from_secs(8);

/// Cancelled by SIGTERM or SIGINT. A second signal ends the process at once, for
/// whoever does not want to wait.
pub(crate) fn on_signal() -> anyhow::Result<CancellationToken> {
    let mut term = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let name = next(&mut term, &mut int).await;
        tracing::info!(signal = name, "stopping: no new joins, telling everybody");
        cancel.cancel();
        let name = next(&mut term, &mut int).await;
        tracing::warn!(signal = name, "stopped before everybody was told");
        std::process::exit(130);
    });
    Ok(token)
}

async fn next(
    term: &mut tokio::signal::unix::Signal,
    int: &mut tokio::signal::unix::Signal,
) -> &'static str {
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}
