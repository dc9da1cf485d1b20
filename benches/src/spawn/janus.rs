//! A Janus (Debian package `janus`) with nothing but its VideoRoom and WebSockets, at its
//! defaults but for what `configure` and `general` set. Its ICE does not use the loopback
//! interface, so it runs where another one carries an address of 127.0.0.0/8:
//! `scripts/bench-janus.sh` makes a network namespace with such an interface and runs a
//! comparison there.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;

use super::{Cores, Spawned};

const LIBRARIES: &str = "/usr/lib";
const VIDEOROOM: &str = "plugins/libjanus_videoroom.so";
const WEBSOCKETS: &str = "transports/libjanus_websockets.so";

#[derive(Debug)]
pub struct Janus {
    process: Spawned,
    url: String,
    _configuration: TempDir,
}

impl Janus {
    /// Each handle has its own thread by default; `event_loops` share so many instead.
    pub fn start(event_loops: Option<usize>, cores: Option<&Cores>) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("no room for Janus's configuration")?;
        let port = free_port()?;
        configure(directory.path(), port, event_loops)?;
        let mut command = Command::new("janus");
        command.arg("-F").arg(directory.path());
        let mut process = Spawned::start(&mut command, cores)
            .context("Janus is needed (the Debian package `janus`)")?;
        let ready = |line: &str| line.contains("transport plugin initialized").then_some(());
        process.await_line(ready)?;
        Ok(Self {
            process,
            url: format!("ws://127.0.0.1:{port}"),
            _configuration: directory,
        })
    }

    /// Of its WebSocket.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Janus cannot be told to choose: the port is free now, and nothing else is started.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .context("no free port for Janus")?;
    Ok(listener.local_addr()?.port())
}

fn configure(directory: &Path, port: u16, event_loops: Option<usize>) -> anyhow::Result<()> {
    let libraries = libraries()?;
    for library in [VIDEOROOM, WEBSOCKETS] {
        let link = directory.join(library);
        fs::create_dir_all(link.parent().context("a library is in a folder")?)?;
        symlink(libraries.join(library), link)?;
    }
    let general = general(directory, event_loops);
    let transport = format!(
        "general: {{ json = \"compact\" ws = true ws_port = {port} ws_ip = \"127.0.0.1\" wss = false }}\n\
         admin: {{ admin_ws = false admin_wss = false }}\n"
    );
    for (name, text) in [
        ("janus.jcfg", general.as_str()),
        ("janus.transport.websockets.jcfg", &transport),
        ("janus.plugin.videoroom.jcfg", "general: { }\n"),
    ] {
        fs::write(directory.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

fn general(directory: &Path, event_loops: Option<usize>) -> String {
    let directory = directory.display();
    let loops = event_loops.map_or_else(String::new, |loops| format!("  event_loops = {loops}\n"));
    format!(
        "general: {{\n  \
           configs_folder = \"{directory}\"\n  \
           plugins_folder = \"{directory}/plugins\"\n  \
           transports_folder = \"{directory}/transports\"\n  \
           events_folder = \"{directory}/none\"\n  \
           loggers_folder = \"{directory}/none\"\n\
         {loops}}}\n\
         media: {{ rtp_port_range = \"20000-20999\" }}\n\
         nat: {{\n  \
           ice_lite = true\n  \
           ice_tcp = false\n  \
           full_trickle = false\n  \
           ignore_mdns = true\n  \
           ice_enforce_list = \"127.0.0\"\n\
         }}\n"
    )
}

/// `/usr/lib/x86_64-linux-gnu/janus` and its like on other machines.
fn libraries() -> anyhow::Result<PathBuf> {
    let folders = fs::read_dir(LIBRARIES).context("cannot look for Janus")?;
    let candidates = folders.flatten().map(|folder| folder.path().join("janus"));
    [PathBuf::from(LIBRARIES).join("janus")]
        .into_iter()
        .chain(candidates)
        .find(|folder| folder.join(VIDEOROOM).exists() && folder.join(WEBSOCKETS).exists())
        .ok_or_else(|| anyhow!("Janus is not installed (the Debian package `janus`)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_loops_are_set_only_when_asked_for() {
        let defaults = general(Path::new("/tmp/j"), None);
        assert!(!defaults.contains("event_loops"));
        assert!(defaults.contains("plugins_folder = \"/tmp/j/plugins\""));
        let loops = general(Path::new("/tmp/j"), Some(2));
        assert!(loops.contains("\n  event_loops = 2\n}\n"), "{loops}");
    }
}
