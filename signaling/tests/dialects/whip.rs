//! `/whip` and `/whep`: RFC 9725 and draft-ietf-wish-whep as encoders and players use
//! them, and what everybody else in the room sees of it.

mod life;
mod offers;
mod players;
mod requests;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::asking::By;
use crate::common::eventually;
use crate::served::Served;

pub(crate) const SDP: &str = "application/sdp";
pub(crate) const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const PWD: &str = "asd88fgpdd777uzjYhagZg";

/// What a response says that clients go on with.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: axum::http::HeaderMap,
}

impl Said {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn problem(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let kind = body["type"].as_str().unwrap_or("no problem");
        let kind = kind.trim_start_matches("urn:convoke:problem:");
        (self.status, kind.to_owned())
    }
}

/// An offer of m-lines, each `audio`, `video` or `application` with its direction.
pub(crate) fn sdp(lines: &[(&str, &str)], ufrag: &str) -> String {
    let mids: Vec<_> = (0..lines.len()).map(|mid| mid.to_string()).collect();
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
        mids.join(" ")
    );
    for (mid, (kind, direction)) in lines.iter().enumerate() {
        let fingerprint = ["AB"; 32].join(":");
        let (protocol, codec) = match *kind {
            "audio" => ("UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2\r\n"),
            "video" => ("UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000\r\n"),
            _ => ("UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000\r\n"),
        };
        sdp += &format!(
            "m={kind} 9 {protocol}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\n\
             a=ice-pwd:{PWD}\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n"
        );
        if *kind != "application" {
            sdp += &format!("a={direction}\r\na=rtcp-mux\r\n");
        }
        sdp += codec;
    }
    sdp
}

pub(crate) fn publishing() -> String {
    sdp(&[("audio", "sendonly"), ("video", "sendonly")], "pubA")
}

pub(crate) fn receiving() -> String {
    sdp(&[("audio", "recvonly"), ("video", "recvonly")], "recA")
}

/// With these credentials, a client restarts ICE.
pub(crate) fn fragment(ufrag: &str) -> String {
    format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{PWD}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n")
}

pub(crate) const CANDIDATE: &str =
    "m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host\r\n";

impl Served {
    /// A request with headers, `name: value`.
    pub(crate) async fn say(
        &self,
        by: By<'_>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        request = match by {
            By::User(user) => {
                let token = self.token(user, None, false);
                request.header("authorization", format!("Bearer {token}"))
            }
            By::Token(token) => request.header("authorization", format!("Bearer {token}")),
            By::Backend => request.header("x-api-key", crate::served::API_KEY),
            By::Nobody => request,
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.request(request.body(body.into()).unwrap()).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Said {
            status: head.status.as_u16(),
            body: String::from_utf8(body.to_vec()).unwrap(),
            headers: head.headers,
        }
    }

    pub(crate) async fn offer(&self, by: By<'_>, path: &str, sdp: String) -> Said {
        self.say(by, "POST", path, &[("content-type", SDP)], sdp)
            .await
    }

    /// One that must be answered; gives the resource's path and entity tag.
    pub(crate) async fn opened(&self, by: By<'_>, path: &str, sdp: String) -> (String, String) {
        let said = self.offer(by, path, sdp).await;
        assert_eq!(said.status, StatusCode::CREATED, "{said:?}");
        (
            said.header("location").to_owned(),
            said.header("etag").to_owned(),
        )
    }

    pub(crate) async fn patch(&self, by: By<'_>, path: &str, tag: &str, body: &str) -> Said {
        let headers = [("content-type", FRAGMENT), ("if-match", tag)];
        self.say(by, "PATCH", path, &headers, body.to_owned()).await
    }

    /// The newest call of the room as the backend sees it.
    pub(crate) async fn latest(&self, room: &str) -> Value {
        let path = format!("/api/v1/rooms/{room}/calls");
        let list = self.get_done(By::Backend, "GET", &path, Value::Null).await;
        list["calls"][0].clone()
    }

    /// What happened in it, with the name of whom it was about.
    pub(crate) async fn happened(&self, room: &str) -> Vec<(String, String)> {
        let id = self.latest(room).await["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/calls/{id}/events");
        let list = self.get_done(By::Backend, "GET", &path, Value::Null).await;
        let events = list["events"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |event: &Value| (text(&event["type"]), text(&event["userId"]));
        events.map(line).collect()
    }

    /// Waits until the newest call of the room is so.
    pub(crate) async fn until(&self, room: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || Some(self.latest(room).await).filter(&is)).await
    }
}

/// Of the participants of a call: name, role and status.
pub(crate) fn people(call: &Value) -> Vec<Value> {
    let people = call["participants"].as_array().unwrap().iter();
    people
        .map(|p| json!([p["name"], p["role"], p["status"]]))
        .collect()
}
