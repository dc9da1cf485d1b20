//! Where the page, the API and the WebSocket are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpConfig {
    /// Address and TCP port of the page, the API and the WebSocket. Browsers give
    /// camera and microphone only to https pages and to localhost.
    pub(crate) listen: SocketAddr,
    /// PEM file with the certificate chain; with it HTTPS is served, not HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Address under which browsers reach the server, for the links it prints,
    /// such as `https://calls.example.org`. Derived from `listen` when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed. Nobody else's is.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Sites besides our own whose pages may open a WebSocket here and use the API,
    /// such as `https://app.example.org`.
    pub(crate) allowed_origins: Vec<String>,
    /// `off` only behind a gateway that limits requests itself.
    pub(crate) rate_limits: Switch,
}

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    On,
    Off,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            tls_cert: None,
            tls_key: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            rate_limits: Switch::On,
        }
    }
}

impl HttpConfig {
    /// Certificate and key, when HTTPS is to be served.
    pub(crate) fn tls(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.tls_cert.as_ref().zip(self.tls_key.as_ref())
    }

    /// Whether nothing says that anybody but this machine's users gets here.
    pub(crate) fn this_machine_only(&self) -> bool {
        let public = self.public_host().is_some_and(|host| !is_loopback(host));
        self.listen.ip().is_loopback() && self.trusted_proxies.is_empty() && !public
    }

    /// The host of `public_url`, without port.
    pub(crate) fn public_host(&self) -> Option<&str> {
        let (_, rest) = self.public_url.as_ref()?.split_once("://")?;
        let site = rest.split(['/', '?', '#']).next()?;
        let host = site.rsplit_once('@').map_or(site, |(_, host)| host);
        match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((v6, _)) => Some(v6),
            None => host.split(':').next(),
        }
    }

    /// The address to open in a browser, given the one that was bound.
    pub(crate) fn url(&self, bound: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.tls().is_some() {
            "https"
        } else {
            "http"
        };
        let host = match bound.ip() {
            // "Every interface" is no address to open; localhost is one of them.
            ip if ip.is_unspecified() => "localhost".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        format!("{scheme}://{host}:{}", bound.port())
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.tls_cert.is_some() == self.tls_key.is_some(),
            "http.tls_cert and http.tls_key belong together: set both or neither"
        );
        if let Some(url) = &self.public_url {
            anyhow::ensure!(
                url.starts_with("http://") || url.starts_with("https://"),
                "http.public_url must start with http:// or https://, not {url:?}"
            );
        }
        Ok(())
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
}
