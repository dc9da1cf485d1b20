//! What `--target` and `--vs` name: a server that runs somewhere, or one that the
//! load tester starts for each run, so that each begins with nothing in its memory.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::report::json::redacted;
use crate::spawn::{Convoke, Cores, Janus};
use crate::target::{ConvokeTarget, JanusTarget, Target, WhipTarget};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `spawn`: this same program as a server; `spawn=FILE`: another build of it.
    Spawn {
        binary: Option<PathBuf>,
    },
    /// `spawn-janus`, `spawn-janus,event_loops=N`.
    SpawnJanus {
        event_loops: Option<usize>,
    },
    At(Address),
}

/// Where and in which protocol a server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The server's HTTP address, without a slash at its end.
    Convoke(String),
    /// Endpoints of RFC 9725 and of WHEP.
    Whip { whip: String, whep: Option<String> },
    /// Of Janus's WebSocket.
    Janus(String),
}

/// A server that may be loaded now. One that was started ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    pub address: Address,
    /// Of the process to measure, when it is on this machine.
    pub pid: Option<u32>,
    _server: Option<Server>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held so that they end when dropped")]
enum Server {
    Convoke(Convoke),
    Janus(Janus),
}

impl Subject {
    pub fn is_spawned(&self) -> bool {
        !matches!(self, Self::At(_))
    }

    /// `environment` and `cores` are for a server that is started, `pid` for another.
    pub fn start(
        &self,
        environment: &[(String, String)],
        cores: Option<&Cores>,
        pid: Option<u32>,
    ) -> anyhow::Result<Running> {
        Ok(match self {
            Self::Spawn { binary } => {
                let server = Convoke::start(binary.as_deref(), environment, cores)?;
                Running {
                    address: Address::Convoke(server.url().to_owned()),
                    pid: Some(server.pid()),
                    _server: Some(Server::Convoke(server)),
                }
            }
            Self::SpawnJanus { event_loops } => {
                let server = Janus::start(*event_loops, cores)?;
                Running {
                    address: Address::Janus(server.url().to_owned()),
                    pid: Some(server.pid()),
                    _server: Some(Server::Janus(server)),
                }
            }
            Self::At(address) => Running {
                address: address.clone(),
                pid,
                _server: None,
            },
        })
    }

    /// As reports call it: with what tells two of a kind apart.
    pub fn label(&self, environment: &[(String, String)]) -> String {
        let mut label = self.to_string();
        if let Self::Spawn { .. } = self {
            let variables = environment
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            for variable in redacted(variables) {
                label.push(' ');
                label.push_str(&variable);
            }
        }
        label
    }
}

impl Address {
    /// As the engine takes it; names are resolved.
    pub fn target(&self, token: Option<&str>) -> anyhow::Result<Target> {
        let token = token.map(str::to_owned);
        Ok(match self {
            Self::Convoke(url) => Target::Convoke(ConvokeTarget::new(url, token)?),
            Self::Janus(url) => Target::Janus(JanusTarget::new(url)?),
            Self::Whip { whip, whep } => {
                Target::Whip(WhipTarget::new(whip, whep.as_deref(), token)?)
            }
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn { binary: None } => f.write_str("convoke"),
            Self::Spawn {
                binary: Some(binary),
            } => write!(f, "convoke {}", binary.display()),
            Self::SpawnJanus { event_loops: None } => f.write_str("janus"),
            Self::SpawnJanus {
                event_loops: Some(loops),
            } => write!(f, "janus event_loops={loops}"),
            Self::At(Address::Convoke(url)) => write!(f, "convoke {url}"),
            Self::At(Address::Whip { whip, .. }) => write!(f, "whip {whip}"),
            Self::At(Address::Janus(url)) => write!(f, "janus {url}"),
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, value) = match text.split_once('=') {
            Some((kind, value)) => (kind, Some(value)),
            None => (text, None),
        };
        match (kind, value) {
            ("spawn", None) => Ok(Self::Spawn { binary: None }),
            ("spawn", Some(file)) => Ok(Self::Spawn {
                binary: Some(PathBuf::from(file)),
            }),
            ("spawn-janus", None) => Ok(Self::SpawnJanus { event_loops: None }),
            ("spawn-janus,event_loops", Some(loops)) => event_loops(loops),
            ("convoke", Some(value)) => url(value, &["http", "https"])
                .map(|url| Self::At(Address::Convoke(url))),
            ("janus", Some(value)) => {
                url(value, &["ws", "wss"]).map(|url| Self::At(Address::Janus(url)))
            }
            ("whip", Some(value)) => whip(value).map(Self::At),
            _ => Err("one of spawn, spawn-janus, convoke=http://…, whip=http://…[,whep=http://…], janus=ws://…".to_owned()),
        }
    }
}

fn event_loops(text: &str) -> Result<Subject, String> {
    let loops = text.parse().ok().filter(|loops| *loops > 0);
    let loops = loops.ok_or("event_loops is a number above zero")?;
    Ok(Subject::SpawnJanus {
        event_loops: Some(loops),
    })
}

fn whip(value: &str) -> Result<Address, String> {
    let (whip, whep) = match value.split_once(",whep=") {
        Some((whip, whep)) => (whip, Some(url(whep, &["http", "https"])?)),
        None => (value, None),
    };
    Ok(Address::Whip {
        whip: url(whip, &["http", "https"])?,
        whep,
    })
}

fn url(text: &str, schemes: &[&str]) -> Result<String, String> {
    match text.split_once("://") {
        Some((scheme, rest)) if schemes.contains(&scheme) && !rest.is_empty() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(format!("{text} does not begin with {}://", schemes[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_named() {
        let whip = Address::Whip {
            whip: "https://a/whip/r".to_owned(),
            whep: Some("https://a/whep/r".to_owned()),
        };
        let table = [
            ("spawn", Subject::Spawn { binary: None }, "convoke"),
            (
                "spawn-janus,event_loops=2",
                Subject::SpawnJanus {
                    event_loops: Some(2),
                },
                "janus event_loops=2",
            ),
            (
                "convoke=http://127.0.0.1:80/",
                Subject::At(Address::Convoke("http://127.0.0.1:80".to_owned())),
                "convoke http://127.0.0.1:80",
            ),
            (
                "whip=https://a/whip/r,whep=https://a/whep/r",
                Subject::At(whip),
                "whip https://a/whip/r",
            ),
            (
                "janus=ws://127.0.0.1:8188",
                Subject::At(Address::Janus("ws://127.0.0.1:8188".to_owned())),
                "janus ws://127.0.0.1:8188",
            ),
        ];
        for (text, subject, label) in table {
            assert_eq!(text.parse(), Ok(subject.clone()), "{text}");
            assert_eq!(subject.label(&[]), label);
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for bad in [
            "",
            "convoke",
            "convoke=ws://a",
            "janus=http://a",
            "whip=a",
            "whip=http://a,whep=b",
            "spawn-janus,event_loops=0",
            "jitsi=http://a",
        ] {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_server_was_started_with_is_in_its_name_but_no_secret() {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [
            variable("CONVOKE_MEDIA_WORKERS", "2"),
            variable("CONVOKE_AUTH_JWT_SECRET", "s"),
        ];
        let label = Subject::Spawn { binary: None }.label(&environment);
        assert_eq!(
            label,
            "convoke CONVOKE_MEDIA_WORKERS=2 CONVOKE_AUTH_JWT_SECRET=…"
        );
    }
}
