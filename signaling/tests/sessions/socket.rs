//! A client that we did not write: tungstenite, and JSON as anybody would send it.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Socket {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub(crate) async fn open(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/ws").into_client_request()?;
        for (name, value) in headers {
            let value = http::HeaderValue::from_str(value)?;
            request.headers_mut().insert(*name, value);
        }
        let (inner, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Self { inner })
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.inner.send(message).await.unwrap();
    }

    /// The next frame within `time`, pings too.
    pub(crate) async fn frame_within(&mut self, time: Duration) -> Option<Message> {
        let frame = tokio::time::timeout(time, self.inner.next()).await.ok()?;
        Some(frame.expect("the socket ended").expect("the socket failed"))
    }

    /// The next message, whatever it is; the close code when there is none.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.inner.next())
                .await
                .expect("something comes in time");
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                // RFC 6455 §7.1.5: 1006 when there was no close frame.
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The next message, which has to be of this type.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        let message = self.next().await.expect("the socket is open");
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// The code of the next error.
    pub(crate) async fn expect_error(&mut self) -> String {
        let error = self.expect("error").await;
        error["code"].as_str().unwrap().to_owned()
    }

    /// Reads until the server closes.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    pub(crate) async fn join(&mut self, room: &str) -> Value {
        self.send(json!({"type": "join", "request": 1, "room": room}))
            .await;
        self.expect("joined").await
    }

    /// Ends without a word, as a lost network does.
    pub(crate) fn drop_connection(self) {
        drop(self);
    }
}
