//! The command line. Flags are the last word on the configuration, so each one
//! only fills a key of [`Settings`].

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser};
use convoke_bench::cli::BenchArgs;

use crate::config::Settings;

/// A self-hosted calls server: media, signaling and the call API in one process.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = false)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Subcommand>,
    /// Configuration file; `convoke.toml` in the working directory when not given.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    /// Run the server (the default).
    Serve,
    /// Bring the database to this version's schema, and stop.
    Migrate,
    /// Check the configuration and print what is in effect, secrets hidden.
    CheckConfig,
    /// Print a token, and the link that enters with it.
    Token(TokenRequest),
    /// Load a server with real clients and report what it took.
    Bench(Box<BenchArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct TokenRequest {
    /// The user's id, the token's `sub`.
    #[arg(long)]
    pub(crate) user: String,
    /// The name that others see.
    #[arg(long)]
    pub(crate) name: String,
    /// Valid in this room alone; every room when not given.
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// May end the call for everybody.
    #[arg(long)]
    pub(crate) moderator: bool,
    /// How long the token is valid: `90s`, `30m`, `12h`, `7d`.
    #[arg(long, value_parser = parse_duration, default_value = "12h")]
    pub(crate) ttl: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Directory of the database and the generated secret.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address and port of the page and the API.
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    http_listen: Option<SocketAddr>,
    /// UDP port of all media.
    #[arg(long, global = true, value_name = "PORT")]
    media_port: Option<u16>,
    /// Address that browsers are told to send media to; may be repeated.
    #[arg(long = "advertised-ip", global = true, value_name = "IP")]
    advertised_ips: Vec<IpAddr>,
    /// `sqlite:` or `postgres:` URL.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// `human` or `json`.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Flags {
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::new("command line");
        if let Some(dir) = &self.data_dir {
            settings.set("data_dir", dir.display().to_string());
        }
        if let Some(listen) = self.http_listen {
            settings.set("http.listen", listen.to_string());
        }
        if let Some(port) = self.media_port {
            settings.set("media.port", port);
        }
        if !self.advertised_ips.is_empty() {
            let ips: Vec<String> = self.advertised_ips.iter().map(IpAddr::to_string).collect();
            settings.set("media.advertised_ips", ips);
        }
        if let Some(url) = &self.database_url {
            settings.set("database.url", url.as_str());
        }
        if let Some(format) = &self.log_format {
            settings.set("log.format", format.as_str());
        }
        settings
    }
}

/// A whole number and its unit.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("a number with s, m, h or d, such as 12h".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "too large a number".to_owned())?;
    let total = number.checked_mul(seconds).filter(|total| *total > 0);
    total
        .map(Duration::from_secs)
        .ok_or_else(|| "not a time to live".to_owned())
}

/// What a command answers goes to stdout; a closed pipe is an error, not a panic.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).context("cannot print")?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n").context("cannot print")?;
    }
    stdout.flush().context("cannot print")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_a_unit_and_a_length() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(604_800)));
        for bad in [
            "",
            "12",
            "h",
            "-1h",
            "1w",
            "0s",
            "1h30m",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }
}
