//! This same binary as a server: a data directory of its own, free ports, loopback,
//! no limits of rate, since the generator is a stranger with hundreds of sessions, and
//! rooms as large as can be.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use tempfile::TempDir;

use super::{Cores, Spawned};

/// The most that may be configured: one publisher and fifty viewers are already more
/// than the default.
const MOST_IN_A_ROOM: &str = "500";

#[derive(Debug)]
pub struct Convoke {
    // Ended before its directory goes.
    process: Spawned,
    url: String,
    _data: TempDir,
}

impl Convoke {
    /// `environment` has the last word on its settings.
    pub fn start(
        binary: Option<&Path>,
        environment: &[(String, String)],
        cores: Option<&Cores>,
    ) -> anyhow::Result<Self> {
        let data = tempfile::tempdir().context("no room for a data directory")?;
        let binary = match binary {
            Some(binary) => std::path::absolute(binary)?,
            None => std::env::current_exe().context("cannot tell which program this is")?,
        };
        let mut command = Command::new(binary);
        command
            .arg("serve")
            // The operator's configuration file and variables are not this server's.
            .current_dir(data.path())
            .env_clear()
            .env("CONVOKE_DATA_DIR", data.path())
            .env("CONVOKE_HTTP_LISTEN", "127.0.0.1:0")
            .env("CONVOKE_MEDIA_PORT", "0")
            .env("CONVOKE_MEDIA_ADVERTISED_IPS", "127.0.0.1")
            .env("CONVOKE_RATE_LIMITS", "off")
            .env("CONVOKE_MAX_PARTICIPANTS", MOST_IN_A_ROOM)
            .env("CONVOKE_LOG", "warn")
            .envs(environment.iter().map(|(name, value)| (name, value)));
        let mut process = Spawned::start(&mut command, cores)?;
        let url = process.await_line(address_of)?;
        Ok(Self {
            process,
            url,
            _data: data,
        })
    }

    /// Without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

fn address_of(line: &str) -> Option<String> {
    let begins = line.find("http://").or_else(|| line.find("https://"))?;
    Some(line[begins..].trim_end().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_in_what_it_prints() {
        let line = "Convoke is ready: http://127.0.0.1:41234/";
        assert_eq!(address_of(line).as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(address_of("Guests are not admitted"), None);
    }
}
