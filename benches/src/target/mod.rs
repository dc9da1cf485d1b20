//! The servers that can be loaded, each by its own signaling.

mod convoke;
mod http;
mod janus;
mod ledger;
mod socket;
mod whip;

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::engine::Stage;
use crate::scenario::{PersonId, Show};

pub use convoke::ConvokeTarget;
pub use janus::JanusTarget;
pub use whip::WhipTarget;

#[derive(Debug, Clone)]
pub enum Target {
    /// The native WebSocket.
    Convoke(ConvokeTarget),
    /// Publishes by WHIP (RFC 9725), plays by WHEP.
    Whip(WhipTarget),
    /// The videoroom, by its WebSocket.
    Janus(JanusTarget),
}

impl Target {
    /// As results name it.
    pub fn name(&self) -> String {
        match self {
            Self::Convoke(target) => format!("convoke {}", target.address),
            Self::Whip(target) => format!("whip {}", target.publish.address),
            Self::Janus(target) => format!("janus {}", target.address),
        }
    }

    /// How Slots are filled that a scenario would have filled so; not known of whatever
    /// speaks WHEP, which has no word for it.
    pub(crate) const fn shows(&self, asked: Show) -> Option<Show> {
        match self {
            Self::Convoke(_) => Some(asked),
            Self::Whip(_) => None,
            Self::Janus(_) => Some(Show::Pinned),
        }
    }

    /// Joins and stays until told to leave, or until the server ends it.
    pub(crate) async fn attend(
        &self,
        stage: &Stage,
        person: PersonId,
        leave: oneshot::Receiver<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Convoke(target) => target.attend(stage, person, leave).await,
            Self::Whip(target) => target.attend(stage, person, leave).await,
            Self::Janus(target) => target.attend(stage, person, leave).await,
        }
    }
}

/// Host and port of a URL, and its path. TLS would measure TLS, so there is none.
pub(crate) fn endpoint(url: &str, default_port: u16) -> anyhow::Result<(SocketAddr, String)> {
    use std::net::ToSocketAddrs as _;
    let rest = match url.split_once("://") {
        Some(("http" | "ws", rest)) => rest,
        Some((scheme, _)) => anyhow::bail!("{scheme}: is not supported, only http: and ws:"),
        None => url,
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let with_port = if host.contains(':') && !host.ends_with(']') {
        host.to_owned()
    } else {
        format!("{host}:{default_port}")
    };
    let address = with_port
        .to_socket_addrs()
        .with_context(|| format!("{host} is no host"))?
        .next();
    let address = address.with_context(|| format!("{host} has no address"))?;
    Ok((address, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_hosts_ports_and_paths() {
        for (url, address, path) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", ""),
            ("127.0.0.1", "127.0.0.1:80", ""),
            ("ws://127.0.0.1:8188/janus", "127.0.0.1:8188", "/janus"),
            ("http://[::1]/whip/a?b=c", "[::1]:80", "/whip/a?b=c"),
        ] {
            let want = (address.parse().unwrap(), path.to_owned());
            assert_eq!(endpoint(url, 80).unwrap(), want);
        }
        assert!(endpoint("https://127.0.0.1", 80).is_err());
    }
}
