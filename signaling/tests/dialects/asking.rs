//! Requests as the front ends and backends of applications make them.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use convoke_signaling::clock::Clock as _;
use convoke_signaling::jitsi::{JitsiConfig, JitsiKey};
use serde_json::{Value, json};

use crate::common::TestDb;
use crate::served::{API_KEY, JWT_SECRET, Served, Setup, TOKEN_LIFETIME, json_of};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    /// The user with this id, called `User <id>`.
    User(&'a str),
    /// With this very token.
    Token(&'a str),
    Backend,
    Nobody,
}

pub(crate) const JITSI_SECRET: &str = "a-secret-between-us-and-the-jitsi-of-the-tests";

/// A server whose applications have a Jitsi.
pub(crate) async fn with_jitsi(db: &TestDb) -> Served {
    let jitsi = JitsiConfig {
        domain: "https://meet.example.org".to_owned(),
        app_id: "tabeeb".to_owned(),
        key: Some(JitsiKey::Secret(JITSI_SECRET.to_owned())),
        use_jwt: true,
        ..JitsiConfig::default()
    };
    let setup = Setup {
        jitsi,
        ..Setup::default()
    };
    Served::with(db, setup).await
}

impl Served {
    /// Status and body of what the answer is.
    pub(crate) async fn ask(
        &self,
        by: By<'_>,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = match by {
            By::User(user) => {
                let token = self.token(user, None, false);
                request.header("authorization", format!("Bearer {token}"))
            }
            By::Token(token) => request.header("authorization", format!("Bearer {token}")),
            By::Backend => request.header("x-api-key", API_KEY),
            By::Nobody => request,
        };
        let (request, body) = match body {
            Value::Null => (request, Body::empty()),
            Value::String(raw) => (
                request.header("content-type", "application/json"),
                raw.into(),
            ),
            body => (
                request.header("content-type", "application/json"),
                body.to_string().into(),
            ),
        };
        json_of(self.request(request.body(body).unwrap()).await).await
    }

    /// A token as of an account without a name: Firebase's by e-mail and password.
    pub(crate) fn nameless_token(&self, user: &str, email: &str) -> String {
        let end = (self.world.clock.now() + TOKEN_LIFETIME).0 / 1000;
        let claims = json!({"sub": user, "email": email, "exp": end});
        let key = jsonwebtoken::EncodingKey::from_secret(JWT_SECRET);
        jsonwebtoken::encode(&Default::default(), &claims, &key).unwrap()
    }

    /// The answer to what must go well.
    pub(crate) async fn get_done(
        &self,
        by: By<'_>,
        method: &str,
        path: &str,
        body: Value,
    ) -> Value {
        let (status, answer) = self.ask(by, method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// The status, for those who expect none of the good ones.
    pub(crate) async fn refused(
        &self,
        by: By<'_>,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, String) {
        let (status, answer) = self.ask(by, method, path, body).await;
        let kind = answer["type"].as_str().unwrap_or("no problem").to_owned();
        (
            status,
            kind.trim_start_matches("urn:convoke:problem:").to_owned(),
        )
    }
}

/// What a token says, whoever signed it.
pub(crate) fn claims(token: &Value) -> Value {
    let token = token.as_str().unwrap();
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The document with every token in it taken out.
pub(crate) fn without_tokens(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(shown(text)),
        Value::Array(items) => items.iter().map(without_tokens).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), without_tokens(value)))
            .collect(),
        other => other.clone(),
    }
}

fn shown(text: &str) -> String {
    match text.split_once("eyJ") {
        Some((before, _)) => format!("{before}[token]"),
        None => text.to_owned(),
    }
}
