//! One HTTP request on a connection of its own: WHIP's sessions are minutes apart.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_BODY: usize = 1 << 20;

/// An answer of a WHIP or WHEP endpoint.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) body: String,
}

pub(super) async fn request(
    stream: TcpStream,
    server: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    sdp: String,
) -> anyhow::Result<Response> {
    let exchange = async {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(async move {
            // Its end is the exchange's, which reports it.
            let _ = connection.await;
        });
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, server.to_string());
        if !sdp.is_empty() {
            request = request.header(CONTENT_TYPE, "application/sdp");
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = sender
            .send_request(request.body(Full::new(Bytes::from(sdp)))?)
            .await?;
        let status = response.status();
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|l| l.to_str().ok()).map(str::to_owned);
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        Ok::<_, anyhow::Error>(Response {
            status,
            location,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    };
    timeout(PATIENCE, exchange)
        .await
        .context("no answer in time")?
}

impl Response {
    pub(super) fn created(self) -> anyhow::Result<Self> {
        let what: String = self.body.chars().take(200).collect();
        ensure!(
            self.status == StatusCode::CREATED,
            "the server said {}: {what}",
            self.status
        );
        Ok(self)
    }
}
