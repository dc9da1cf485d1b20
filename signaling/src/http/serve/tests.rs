//! Over real sockets, with limits short enough to wait for. Nothing sleeps and hopes: the
//! server closes, or another connection's closing shows that its time has passed.

use std::net::IpAddr;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::WebSocket;
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use super::*;

const SHORT: Duration = Duration::from_millis(200);
/// Before hyper's own deadline for a head would end what ours should have.
const PATIENCE: Duration = Duration::from_secs(8);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS without any (RFC 9113 §6.5).
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// HEADERS of `GET http://x/` as stream 1; all but the name is in HPACK's static table.
const GET: &[u8] = &[0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x01, 1, b'x'];

/// More than two sockets' buffers hold.
const LONG: usize = 64 << 20;
/// (RFC 9113 §6.7)
const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

struct Site {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    /// Lets `/slow` answer, and says that `/flood` was given up.
    go: Arc<Notify>,
    serving: JoinHandle<io::Result<()>>,
}

impl Site {
    async fn start(limits: ConnectionLimits, proxies: &[IpAddr], tls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let go = Arc::new(Notify::new());
        let slow = Arc::clone(&go);
        let slow = get(async move || {
            slow.notified().await;
            "at last"
        });
        let over = Arc::clone(&go);
        let flooded = get(async move |upgrade: WebSocketUpgrade| flood(upgrade, over));
        let app = Router::new()
            .route("/", get(async || "hello"))
            .route("/slow", slow)
            .route("/long", get(async || vec![0_u8; LONG]))
            .route("/ws", get(echo))
            .route("/flood", flooded);
        let handle = Handle::new();
        let tls = tls.then(|| (no_certificate(), limits.first_request));
        let door = Door::new(limits, proxies);
        let serving = tokio::spawn(accept(listener, tls, door, handle.clone(), app));
        handle.listening().await.unwrap();
        Self {
            address,
            handle,
            go,
            serving,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes, until the server closes, which is not before `limit` is over.
    async fn until_closed(&self, send: &[u8], limit: Duration) -> Vec<u8> {
        let start = Instant::now();
        let mut stream = self.connect().await;
        stream.write_all(send).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(start.elapsed() >= limit, "too early");
        answer
    }

    /// So long that whatever was idle before is closed now, if it ever is.
    async fn idle_time(&self, limit: Duration) -> Vec<u8> {
        let request = [PREFACE, SETTINGS, GET].concat();
        self.until_closed(&request, limit).await
    }

    async fn stop(self) {
        self.handle.shutdown();
        self.serving.await.unwrap().unwrap();
    }
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            let _ = socket.send(message).await;
        }
    })
}

/// Says more than anybody listens to, until it cannot.
fn flood(upgrade: WebSocketUpgrade, over: Arc<Notify>) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let long = axum::extract::ws::Message::Binary(vec![0; 1 << 20].into());
        while socket.send(long.clone()).await.is_ok() {}
        over.notify_one();
    })
}

/// Enough for a handshake that is never finished.
fn no_certificate() -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
    Arc::new(config)
}

/// A connection that is reset is closed as well.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reading = timeout(PATIENCE, stream.read_to_end(&mut bytes));
    let _ = reading.await.expect("never closed");
    bytes
}

/// One answer, of which the connection remains.
async fn get_over(stream: &mut TcpStream) -> io::Result<String> {
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await?;
    let mut answer = vec![0; 1024];
    let mut read = 0;
    while !answer[..read].ends_with(b"hello") {
        match stream.read(&mut answer[read..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => read += n,
        }
    }
    Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
}

fn short_idle() -> ConnectionLimits {
    ConnectionLimits {
        idle: SHORT,
        ..ConnectionLimits::default()
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_to_a_request_is_closed() {
    let limits = ConnectionLimits {
        first_request: SHORT,
        ..ConnectionLimits::default()
    };
    // A record of TLS that promises more than it has.
    let half_a_hello: &[u8] = &[22, 3, 1, 1, 0, 1, 0, 0];
    let no_request = [PREFACE, SETTINGS].concat();
    let half_a_head = b"GET / HTTP/1.1\r\nhost:";
    let plain: [&[u8]; 4] = [b"", &PREFACE[..7], &no_request, half_a_head];
    for (tls, starts) in [(true, &[b"", half_a_hello][..]), (false, &plain)] {
        let site = Site::start(limits, &[], tls).await;
        for start in starts {
            site.until_closed(start, SHORT).await;
        }
        site.stop().await;
    }
}

/// Each of them would start a timeout of reads anew.
#[tokio::test]
async fn pings_buy_no_time() {
    let limits = ConnectionLimits {
        first_request: SHORT,
        idle: SHORT,
        ..ConnectionLimits::default()
    };
    let site = Site::start(limits, &[], false).await;
    let start = [PREFACE, SETTINGS].concat();
    for start in [start.clone(), [&start[..], GET].concat()] {
        let mut stream = site.connect().await;
        stream.write_all(&start).await.unwrap();
        let pinging = async {
            while stream.write_all(PING).await.is_ok() {
                sleep(SHORT / 10).await;
            }
        };
        timeout(PATIENCE, pinging).await.expect("never closed");
    }
    site.stop().await;
}

#[tokio::test]
async fn an_idle_http2_connection_is_ended_and_one_that_is_answered_is_not() {
    let site = Site::start(short_idle(), &[], false).await;
    let mut slow = site.connect().await;
    let head = b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    slow.write_all(head).await.unwrap();
    for _ in 0..2 {
        let answer = site.idle_time(SHORT).await;
        assert!(answer.windows(5).any(|five| five == b"hello"));
    }
    site.go.notify_one();
    assert!(rest(&mut slow).await.ends_with(b"at last"));
    site.stop().await;
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_left() {
    let site = Site::start(short_idle(), &[], false).await;
    let mut reader = site.connect().await;
    let head = b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n";
    reader.write_all(head).await.unwrap();
    reader.read_exact(&mut [0; 1024]).await.unwrap();
    site.idle_time(SHORT).await;
    site.idle_time(SHORT).await;
    let taken = rest(&mut reader).await.len();
    assert!(taken < LONG, "it was sent whole");
    site.stop().await;
}

#[tokio::test]
async fn a_websocket_may_be_silent_for_long() {
    let site = Site::start(short_idle(), &[], false).await;
    let url = format!("ws://{}/ws", site.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    for text in ["at once", "much later"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        site.idle_time(SHORT).await;
    }
    drop(socket);
    site.stop().await;
}

#[tokio::test]
async fn a_websocket_that_is_not_read_from_is_left() {
    let site = Site::start(short_idle(), &[], false).await;
    let url = format!("ws://{}/flood", site.address);
    let (_unread, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let left = timeout(PATIENCE, site.go.notified()).await;
    left.expect("it was waited for");
    site.stop().await;
}

#[tokio::test]
async fn one_address_has_so_many_connections_unless_it_is_a_proxy() {
    let limits = ConnectionLimits {
        per_address: 2,
        ..ConnectionLimits::default()
    };
    let site = Site::start(limits, &[], false).await;
    let (mut first, mut second) = (site.connect().await, site.connect().await);
    get_over(&mut first).await.unwrap();
    get_over(&mut second).await.unwrap();
    let mut third = site.connect().await;
    assert!(get_over(&mut third).await.is_err(), "one too many");
    // The place is given back with the connection.
    first.shutdown().await.unwrap();
    rest(&mut first).await;
    let mut fourth = site.connect().await;
    get_over(&mut fourth).await.unwrap();
    site.stop().await;

    let proxy = "::ffff:127.0.0.1".parse().unwrap();
    let site = Site::start(limits, &[proxy], false).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = site.connect().await;
        get_over(&mut stream).await.unwrap();
        streams.push(stream);
    }
    site.stop().await;
}

/// An upgraded connection is the admission's to count.
#[tokio::test]
async fn websockets_take_no_place_of_requests() {
    let limits = ConnectionLimits {
        total: 1,
        ..ConnectionLimits::default()
    };
    let site = Site::start(limits, &[], false).await;
    let url = format!("ws://{}/ws", site.address);
    let (_socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut stream = site.connect().await;
    get_over(&mut stream).await.unwrap();
    site.stop().await;
}
