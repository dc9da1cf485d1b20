//! A WebSocket of JSON objects.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

pub(super) struct JsonSocket {
    socket: WebSocketStream<TcpStream>,
    sent: u64,
}

impl JsonSocket {
    pub(super) async fn open(
        stream: TcpStream,
        server: SocketAddr,
        path: &str,
        protocol: Option<&'static str>,
    ) -> anyhow::Result<Self> {
        let mut request = format!("ws://{server}{path}").into_client_request()?;
        if let Some(protocol) = protocol {
            let name = "sec-websocket-protocol";
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(protocol));
        }
        let opened = client_async(request, stream).await;
        let (socket, _) = opened.context("the WebSocket was refused")?;
        Ok(Self { socket, sent: 0 })
    }

    pub(super) async fn say(&mut self, message: &Value) -> anyhow::Result<()> {
        let text = message.to_string();
        self.sent += text.len() as u64;
        self.socket
            .send(Message::text(text))
            .await
            .context("the WebSocket is closed")
    }

    /// Bytes of all that was said, without the frames around it.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// The next object.
    pub(super) async fn hear(&mut self) -> anyhow::Result<Value> {
        Ok(self.hear_sized().await?.0)
    }

    /// And its bytes.
    pub(super) async fn hear_sized(&mut self) -> anyhow::Result<(Value, usize)> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text);
                    let message = message.context("the server sent no JSON")?;
                    return Ok((message, text.len()));
                }
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map(|f| format!("{} {}", f.code, f.reason));
                    bail!(
                        "the server closed the WebSocket: {}",
                        why.unwrap_or_default()
                    );
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the WebSocket broke"),
                None => bail!("the server closed the WebSocket"),
            }
        }
    }

    pub(super) async fn close(mut self) {
        // Gone already is as good.
        let _ = self.socket.close(None).await;
    }
}
