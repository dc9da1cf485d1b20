//! The server's own HTTP requests: to a key server, to the webhooks of a host
//! application. HTTP/1.1 (RFC 9112) over a connection of its own each time, so that
//! the address that was judged is the address that is spoken to: nothing resolves
//! the name a second time.
//!
//! Whoever answers is not trusted: there is a deadline for all of it, a limit on the
//! size, no redirect is followed, and a target that somebody else named can be kept
//! out of the private network ([`Reach::Public`]).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// From the name to the last byte of the answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// For each address of a name; the next is tried afterwards.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A name with more addresses than this is tried no further.
const MAX_ADDRESSES: usize = 4;
const MAX_HEADERS: usize = 64;
/// Limits the head of an answer.
const MAX_BUFFER_BYTES: usize = 32 * 1024;
/// The default limit on an answer's body.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("convoke/", env!("CARGO_PKG_VERSION")));

/// Which addresses a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// For targets that the operator names for himself, such as a key server.
    Anywhere,
    /// Refuses loopback, private, link-local and every other address that is not
    /// on the internet, whatever name it hides behind.
    Public,
}

/// Limits of one kind of requests.
#[derive(Debug, Clone, Copy)]
pub struct OutboundLimits {
    pub deadline: Duration,
    pub max_answer_bytes: usize,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self {
            deadline: DEADLINE,
            max_answer_bytes: MAX_ANSWER_BYTES,
        }
    }
}

/// No variant quotes a query or a body: secrets travel in those.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("not an http or https URL with a host and without a user")]
    Url,
    #[error("no address of {host} may be reached")]
    Refused { host: String },
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("HTTP failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is larger than allowed")]
    TooLarge,
    #[error("no answer in time")]
    TooSlow,
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What came back, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Makes requests. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    tls: TlsConnector,
    reach: Reach,
    limits: OutboundLimits,
}

impl Outbound {
    /// Trusts what the machine trusts, and Mozilla's list on a machine without one.
    pub fn new(reach: Reach, limits: OutboundLimits) -> Result<Self, OutboundError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            reach,
            limits,
        })
    }

    pub async fn get(&self, url: &Uri) -> Result<Answer, OutboundError> {
        self.send(Method::GET, url, HeaderMap::new(), Bytes::new())
            .await
    }

    pub async fn post(
        &self,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, OutboundError> {
        self.send(Method::POST, url, headers, body).await
    }

    async fn send(
        &self,
        method: Method,
        url: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, OutboundError> {
        let target = Target::of(url)?;
        let request = target.request(method, headers, body)?;
        let answered = async {
            let stream = self.connect(&target).await?;
            if !target.secure {
                return self.exchange(stream, request).await;
            }
            let name = ServerName::try_from(target.host.clone()).map_err(|_| OutboundError::Url)?;
            let tls = self.tls.connect(name, stream).await;
            self.exchange(tls.map_err(OutboundError::Connect)?, request)
                .await
        };
        tokio::time::timeout(self.limits.deadline, answered)
            .await
            .unwrap_or(Err(OutboundError::TooSlow))
    }

    /// The first address of the name that may be reached and answers.
    async fn connect(&self, target: &Target) -> Result<TcpStream, OutboundError> {
        let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
        let addresses = found
            .map_err(OutboundError::Connect)?
            .filter(|address| self.reach == Reach::Anywhere || is_public(address.ip()))
            .take(MAX_ADDRESSES);
        let mut last = OutboundError::Refused {
            host: target.host.clone(),
        };
        for address in addresses {
            match connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = OutboundError::Connect(error),
            }
        }
        Err(last)
    }

    async fn exchange<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, OutboundError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends with this function, in whichever way that ends.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, self.limits.max_answer_bytes).collect();
        let body = body.await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return OutboundError::TooLarge;
            }
            match error.downcast::<hyper::Error>() {
                Ok(error) => OutboundError::Http(*error),
                Err(error) => OutboundError::Connect(io::Error::other(error)),
            }
        })?;
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
    connecting
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Where a URL points.
struct Target {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    authority: HeaderValue,
    path: Uri,
}

impl Target {
    fn of(url: &Uri) -> Result<Self, OutboundError> {
        let secure = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(OutboundError::Url),
        };
        let authority = url.authority().ok_or(OutboundError::Url)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(OutboundError::Url);
        }
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']'));
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            secure,
            host: bare.unwrap_or(host).to_owned(),
            port: authority
                .port_u16()
                .unwrap_or(if secure { 443 } else { 80 }),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| OutboundError::Url)?,
            path: path.parse().map_err(|_| OutboundError::Url)?,
        })
    }

    fn request(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, OutboundError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = headers;
        let own = request.headers_mut();
        own.insert(header::HOST, self.authority.clone());
        own.insert(header::USER_AGENT, USER_AGENT);
        own.insert(header::CONNECTION, HeaderValue::from_static("close"));
        Ok(request)
    }
}

/// Whether an address is one of the internet's (RFC 6890 and IANA's registries of
/// special-purpose addresses). Addresses that carry an IPv4 address within are what
/// that one is.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // "This network", carrier-grade NAT, protocol assignments, 6to4 relays,
        // benchmarks, reserved and broadcast.
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let within = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // NAT64 (RFC 6052 §2.1); its local-use prefix 64:ff9b:1::/48 is nobody's.
        (0x64, 0xff9b) => (c, d, e, f) == (0, 0, 0, 0) && within(g, h),
        // 6to4 (RFC 3056 §2).
        (0x2002, _) => within(b, c),
        // Teredo, ORCHID, benchmarks and other assignments; documentation.
        (0x2001, b) if b < 0x200 || b == 0xdb8 => false,
        (0x3fff, b) if b < 0x1000 => false,
        // Global unicast is 2000::/3 and nothing else (RFC 4291 §2.4).
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_internet() {
        let cases = [
            ("93.184.216.34", true),
            ("100.63.255.255", true),
            ("172.32.0.1", true),
            ("2606:4700::1", true),
            ("::ffff:93.184.216.34", true),
            ("64:ff9b::5db8:d822", true),
            ("2002:5db8:d822::1", true),
            ("127.0.0.1", false),
            ("127.255.0.1", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("192.0.0.8", false),
            ("192.88.99.1", false),
            ("198.18.0.1", false),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("fe80::1", false),
            ("fc00::1", false),
            ("fd12::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("3fff::1", false),
            ("::ffff:10.0.0.1", false),
            ("::10.0.0.1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b:1::5db8:d822", false),
            ("2002:a00:1::1", false),
        ];
        for (address, want) in cases {
            assert_eq!(is_public(address.parse().unwrap()), want, "{address}");
        }
    }

    #[test]
    fn urls_that_point_somewhere() {
        let cases = [
            ("https://example.org/keys?x=1", Some(("example.org", 443))),
            ("http://example.org", Some(("example.org", 80))),
            ("http://[::1]:8080/", Some(("::1", 8080))),
            ("https://user:pw@example.org/", None),
            ("ftp://example.org/", None),
            ("/path", None),
        ];
        for (url, want) in cases {
            let target = Target::of(&url.parse().unwrap()).ok();
            let found = target
                .as_ref()
                .map(|target| (target.host.as_str(), target.port));
            assert_eq!(found, want, "{url}");
        }
    }
}
