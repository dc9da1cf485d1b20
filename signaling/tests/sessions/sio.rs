//! A Socket.IO client written from the protocol's documents (Engine.IO 4, Socket.IO 5),
//! so that a test can also do what no library lets it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between the packets of a payload.
const SEPARATOR: char = '\u{1e}';

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    WebSocket,
    Polling,
}

pub(crate) const BOTH: [By; 2] = [By::WebSocket, By::Polling];

enum Transport {
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Polling { address: SocketAddr, sid: String },
}

/// One connection, on one namespace.
pub(crate) struct Sio {
    transport: Transport,
    arrived: VecDeque<String>,
    namespace: &'static str,
    last_ack: u32,
}

impl Sio {
    /// A connection on no namespace yet; the HTTP status of a refusal.
    pub(crate) async fn open(
        address: SocketAddr,
        by: By,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let (transport, open) = match by {
            By::WebSocket => open_websocket(address, query, headers).await?,
            By::Polling => open_polling(address, query, headers).await?,
        };
        assert!(open.starts_with('0'), "{open}");
        Ok(Self {
            transport,
            arrived: VecDeque::new(),
            namespace: "",
            last_ack: 0,
        })
    }

    /// Enters a namespace; what `connect_error` says if it may not.
    pub(crate) async fn enter(
        &mut self,
        namespace: &'static str,
        auth: &Value,
    ) -> Result<(), String> {
        let prefix = prefix(namespace);
        self.say(&format!("0{prefix}{auth}")).await;
        let answer = self.packet().await.ok_or("closed")?;
        if answer.starts_with(&format!("0{prefix}")) {
            self.namespace = namespace;
            return Ok(());
        }
        let refusal = answer.strip_prefix(&format!("4{prefix}")).unwrap();
        let refusal: Value = serde_json::from_str(refusal).unwrap();
        Err(refusal["message"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn emit(&mut self, event: &str, payload: &Value) {
        let prefix = prefix(self.namespace);
        self.say(&format!("2{prefix}{}", json!([event, payload])))
            .await;
    }

    /// Emits and gives the acknowledgement; events that come before it are kept.
    pub(crate) async fn ask(&mut self, event: &str, payload: &Value) -> Value {
        self.last_ack += 1;
        let (ack, prefix) = (self.last_ack, prefix(self.namespace));
        self.say(&format!("2{prefix}{ack}{}", json!([event, payload])))
            .await;
        let head = format!("3{prefix}{ack}[");
        let mut others = VecDeque::new();
        loop {
            let packet = self.packet().await.expect("an acknowledgement");
            let Some(rest) = packet.strip_prefix(&head) else {
                others.push_back(packet);
                continue;
            };
            others.append(&mut self.arrived);
            self.arrived = others;
            let answer: Vec<Value> = serde_json::from_str(&format!("[{rest}")).unwrap();
            return answer.into_iter().next().unwrap();
        }
    }

    /// The next event, which has to be this one.
    pub(crate) async fn expect(&mut self, event: &str) -> Value {
        let (name, payload) = self.event().await.expect("an event");
        assert_eq!(name, event, "{payload}");
        payload
    }

    /// The next message of the Session, which has to be of this type; what the dialects
    /// say in between is passed over.
    pub(crate) async fn expect_sfu(&mut self, kind: &str) -> Value {
        loop {
            let (event, message) = self.event().await.expect("a message");
            if event == "sfu" {
                assert_eq!(message["type"], kind, "{message}");
                return message;
            }
        }
    }

    /// The next event and its payload; `None` when the server ended the connection or
    /// its part of the namespace.
    pub(crate) async fn event(&mut self) -> Option<(String, Value)> {
        let head = format!("2{}", prefix(self.namespace));
        let packet = self.packet().await?;
        if packet.starts_with('1') {
            return None;
        }
        let arguments = packet
            .strip_prefix(&head)
            .unwrap_or_else(|| panic!("{packet}"));
        let arguments: Vec<Value> = serde_json::from_str(arguments).unwrap();
        let [name, payload] = arguments.try_into().unwrap();
        Some((name.as_str().unwrap().to_owned(), payload))
    }

    /// Reads until there is nothing more.
    pub(crate) async fn closed(&mut self) {
        while self
            .packet()
            .await
            .is_some_and(|packet| !packet.starts_with('1'))
        {}
    }

    /// The next Socket.IO packet. Pings are answered.
    async fn packet(&mut self) -> Option<String> {
        loop {
            if let Some(packet) = self.arrived.pop_front() {
                return Some(packet);
            }
            for packet in self.receive().await? {
                match packet.split_at_checked(1) {
                    Some(("2", _)) => self.send("3".to_owned()).await,
                    Some(("4", message)) => self.arrived.push_back(message.to_owned()),
                    Some(("1", _)) => return None,
                    _ => {}
                }
            }
        }
    }

    /// Engine.IO packets as they are; `None` at the end.
    pub(crate) async fn receive(&mut self) -> Option<Vec<String>> {
        match &mut self.transport {
            Transport::WebSocket(socket) => loop {
                let frame = tokio::time::timeout(PATIENCE, socket.next()).await;
                match frame.expect("something comes in time") {
                    Some(Ok(Message::Text(text))) => return Some(vec![text.to_string()]),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            },
            Transport::Polling { address, sid } => {
                let (status, body) = http(*address, "GET", &polling(sid), &[], "").await;
                let packets = body.split(SEPARATOR).map(str::to_owned);
                (status == 200).then(|| packets.collect())
            }
        }
    }

    async fn say(&mut self, packet: &str) {
        self.send(format!("4{packet}")).await;
    }

    /// An Engine.IO packet; that the connection is over is for the reading to find out.
    pub(crate) async fn send(&mut self, packet: String) {
        match &mut self.transport {
            Transport::WebSocket(socket) => {
                let _ = socket.send(Message::text(packet)).await;
            }
            Transport::Polling { address, sid } => {
                http(*address, "POST", &polling(sid), &[], &packet).await;
            }
        }
    }
}

fn prefix(namespace: &str) -> String {
    match namespace {
        "" | "/" => String::new(),
        other => format!("{other},"),
    }
}

fn polling(sid: &str) -> String {
    format!("/socket.io/?EIO=4&transport=polling&sid={sid}")
}

type Opened = Result<(Transport, String), u16>;

async fn open_websocket(
    address: SocketAddr,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Opened {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket{query}");
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        let value = http::HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(*name, value);
    }
    let mut socket = match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => socket,
        Err(Error::Http(response)) => return Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    };
    let open = socket.next().await.unwrap().unwrap().into_text().unwrap();
    Ok((Transport::WebSocket(Box::new(socket)), open.to_string()))
}

async fn open_polling(
    address: SocketAddr,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Opened {
    let path = format!("/socket.io/?EIO=4&transport=polling{query}");
    let (status, open) = http(address, "GET", &path, headers, "").await;
    if status != 200 {
        return Err(status);
    }
    let handshake: Value = serde_json::from_str(&open[1..]).unwrap();
    let sid = handshake["sid"].as_str().unwrap().to_owned();
    Ok((Transport::Polling { address, sid }, open))
}

/// One request on a connection of its own; its status and body.
pub(crate) async fn http(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> (u16, String) {
    let (status, _, body) = whole_http(address, method, path, headers, body).await;
    (status, body)
}

/// The same with the head of the answer, in lower case.
pub(crate) async fn whole_http(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> (u16, String, String) {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("Content-Length: {}\r\n\r\n", body.len());
    let exchange = async {
        // A server that has stopped answers nothing.
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return String::new();
        };
        // A refused body is answered before it was read.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.write_all(body.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await;
    let answer = answer.expect("an answer in time");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head
        .split(' ')
        .nth(1)
        .map_or(0, |status| status.parse().unwrap());
    (status, head.to_lowercase(), body.to_owned())
}
