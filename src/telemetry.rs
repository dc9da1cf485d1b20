//! Logs: lines for a person by default, JSON objects for a collector by option.

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Log what a stranger's packet makes them say, at its pace, and at `trace` whole
/// frames with the tokens in them; what matters of it is counted by our own code. A
/// filter that names one of them wins.
const CHATTY: &str = "rtc_dtls=off,rtc_stun=off,rtc_sdp=off,rtc_rtp=off,rtc_rtcp=off,\
                      rtc_shared=off,tungstenite=off,";

/// Installs the process's subscriber. Logs go to stderr, so that stdout stays for
/// what a command answers.
pub(crate) fn start(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{CHATTY}{}", config.filter))
        .with_context(|| format!("log.filter {:?} is not a filter", config.filter))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match config.format {
        LogFormat::Human => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colours).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
