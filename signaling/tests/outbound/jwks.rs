//! User tokens signed with keys that the host application publishes: real keys, a
//! real key server.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use convoke_signaling::auth::jwks::{Expected, MIN_INTERVAL, RemoteKeys};
use convoke_signaling::auth::token::{RoomPass, TokenError};
use convoke_signaling::auth::{AuthConfig, AuthError, Authenticator};
use convoke_signaling::clock::Clock as _;
use convoke_signaling::domain::principal::Principal;
use convoke_signaling::ids::{RoomName, UserId};
use convoke_signaling::outbound::{Outbound, OutboundLimits, Reach};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::common::{START, TestClock, eventually};
use crate::key_server::KeyServer;

const RSA: &str = include_str!("../keys/rsa.pem");
const OTHER_RSA: &str = include_str!("../keys/other-rsa.pem");
const EC: &str = include_str!("../keys/ec.pem");
const ED: &str = include_str!("../keys/ed.pem");
const CERTIFICATE: &str = include_str!("../keys/rsa.crt.pem");
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

struct Host {
    server: KeyServer,
    keys: Arc<RemoteKeys>,
    auth: Authenticator,
    clock: Arc<TestClock>,
}

impl Host {
    async fn start() -> Self {
        Self::expecting(Expected::default()).await
    }

    async fn expecting(expected: Expected) -> Self {
        let server = KeyServer::start().await;
        let clock = Arc::new(TestClock::new(START));
        let outbound = Outbound::new(Reach::Anywhere, OutboundLimits::default()).unwrap();
        let url = server.url().parse().unwrap();
        let keys = Arc::new(RemoteKeys::new(url, expected, outbound, clock.clone()));
        let auth = Authenticator::new(AuthConfig {
            jwt_secret: SECRET.to_vec(),
            server_secret: b"server".to_vec(),
            api_keys: Vec::new(),
            guests: false,
            leeway: Duration::ZERO,
            remote_keys: Some(keys.clone()),
        });
        Self {
            server,
            keys,
            auth,
            clock,
        }
    }

    async fn enter(&self, token: &str) -> Result<Principal, AuthError> {
        self.auth.token_or_fetch(token, self.clock.now()).await
    }

    fn enter_now(&self, token: &str) -> Result<Principal, AuthError> {
        self.auth.token(token, self.clock.now())
    }
}

/// As Firebase words it.
fn claims() -> Value {
    let now = START.0 / 1000;
    json!({
        "iss": "https://securetoken.google.com/tabeeb", "aud": "tabeeb",
        "auth_time": now, "iat": now, "exp": now + 3600,
        "sub": "uid-7", "user_id": "uid-7", "name": "Ann", "email": "ann@example.org",
        "email_verified": true, "picture": "https://example.org/a.png",
        "firebase": {"sign_in_provider": "password", "identities": {}},
    })
}

fn sign(algorithm: Algorithm, pem: &str, id: Option<&str>, claims: &Value) -> String {
    let key = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::RS512 => {
            EncodingKey::from_rsa_pem(pem.as_bytes())
        }
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
        _ => EncodingKey::from_ed_pem(pem.as_bytes()),
    };
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    jsonwebtoken::encode(&header, claims, &key.unwrap()).unwrap()
}

fn rsa_token() -> String {
    sign(Algorithm::RS256, RSA, Some("rsa-1"), &claims())
}

const INVALID: Result<Principal, AuthError> = Err(AuthError::Token(TokenError::Invalid));
const UNKNOWN: Result<Principal, AuthError> = Err(AuthError::Token(TokenError::UnknownKey));

#[tokio::test]
async fn tokens_of_every_kind_of_key_are_accepted() {
    let host = Host::start().await;
    host.server.publish(&["rsa", "ec", "ed"]);
    for (algorithm, pem, id) in [
        (Algorithm::RS256, RSA, "rsa-1"),
        (Algorithm::ES256, EC, "ec-1"),
        (Algorithm::EdDSA, ED, "ed-1"),
    ] {
        for id in [Some(id), None] {
            let who = host.enter(&sign(algorithm, pem, id, &claims())).await;
            let who = who.unwrap_or_else(|error| panic!("{algorithm:?} {id:?}: {error}"));
            assert_eq!((who.user.as_str(), who.name.as_str()), ("uid-7", "Ann"));
            assert_eq!(who.email.as_deref(), Some("ann@example.org"));
            assert_eq!(who.avatar_url.as_deref(), Some("https://example.org/a.png"));
            assert!(who.expires.is_some() && !who.moderator);
        }
    }
    assert_eq!(host.server.asked(), 1, "the keys are cached");
}

#[tokio::test]
async fn certificates_as_firebase_publishes_them() {
    let host = Host::start().await;
    let map = json!({"rsa-1": CERTIFICATE}).to_string();
    host.server.answer(StatusCode::OK, map);
    assert!(host.enter(&rsa_token()).await.is_ok());
    let other = sign(Algorithm::RS256, OTHER_RSA, Some("rsa-1"), &claims());
    assert_eq!(host.enter(&other).await, INVALID);
}

#[tokio::test]
async fn the_algorithm_is_the_key_s_and_never_the_header_s() {
    let host = Host::start().await;
    host.server.publish(&["rsa", "ec", "ed"]);
    host.enter(&rsa_token()).await.unwrap();
    // Right key, another algorithm.
    for algorithm in [Algorithm::RS512, Algorithm::PS256] {
        let token = sign(algorithm, RSA, Some("rsa-1"), &claims());
        assert!(host.enter(&token).await.is_err(), "{algorithm:?}");
    }
    // Another key under that id.
    let token = sign(Algorithm::RS256, OTHER_RSA, Some("rsa-1"), &claims());
    assert_eq!(host.enter(&token).await, INVALID);
    // The published half as a shared secret.
    for secret in [CERTIFICATE, RSA] {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("rsa-1".to_owned());
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        assert_eq!(host.enter(&token).await, INVALID);
    }
}

#[tokio::test]
async fn tokens_of_the_shared_secret_are_accepted_beside_them() {
    let host = Host::start().await;
    let pass = RoomPass {
        user: UserId::try_from("7").unwrap(),
        name: "Ann".to_owned(),
        email: None,
        avatar_url: None,
        room: RoomName::try_from("standup").unwrap(),
        moderator: false,
        lifetime: Duration::from_secs(60),
    };
    let token = host.auth.room_pass(&pass, host.clock.now()).unwrap();
    assert!(host.enter(&token).await.is_ok());
    assert_eq!(host.server.asked(), 0);
}

#[tokio::test]
async fn issuer_and_audience_are_asked_for_where_they_are_configured() {
    let expected = |issuer: Option<&str>, audience: Option<&str>| Expected {
        issuer: issuer.map(str::to_owned),
        audience: audience.map(str::to_owned),
    };
    let issuer = "https://securetoken.google.com/tabeeb";
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let both = (Some(issuer), Some("tabeeb"));
    let cases = [
        (both, claims(), true),
        (both, with("aud", json!(["other", "tabeeb"])), true),
        (
            both,
            with("iss", json!("https://securetoken.google.com/other")),
            false,
        ),
        (both, with("iss", Value::Null), false),
        (both, with("iss", json!(7)), false),
        (both, with("aud", json!("other")), false),
        (both, with("aud", json!([])), false),
        (both, with("aud", Value::Null), false),
        ((None, Some("tabeeb")), with("iss", json!("any")), true),
        ((Some(issuer), None), with("aud", json!("any")), true),
        ((None, None), with("aud", json!("any")), true),
    ];
    for ((issuer, audience), claims, want) in cases {
        let host = Host::expecting(expected(issuer, audience)).await;
        host.server.publish(&["rsa"]);
        let token = sign(Algorithm::RS256, RSA, Some("rsa-1"), &claims);
        let got = host.enter(&token).await;
        assert_eq!(got.is_ok(), want, "{issuer:?} {audience:?} {claims}");
    }
}

#[tokio::test]
async fn times_are_checked_as_ever() {
    let host = Host::start().await;
    host.server.publish(&["rsa"]);
    let token = rsa_token();
    host.enter(&token).await.unwrap();
    host.clock.advance(Duration::from_secs(3600));
    let expired = Err(AuthError::Token(TokenError::Expired));
    assert_eq!(host.enter(&token).await, expired);
    let mut forever = claims();
    forever.as_object_mut().unwrap().remove("exp");
    let token = sign(Algorithm::RS256, RSA, Some("rsa-1"), &forever);
    let no_end = Err(AuthError::Token(TokenError::Claims));
    assert_eq!(host.enter(&token).await, no_end);
}

#[tokio::test]
async fn a_new_key_is_found_when_it_is_needed_and_a_flood_of_invented_ones_is_not() {
    let host = Host::start().await;
    host.server.publish(&["rsa"]);
    host.enter(&rsa_token()).await.unwrap();
    assert_eq!(host.server.asked(), 1);

    host.server.publish(&["rsa", "other-rsa"]);
    let rotated = sign(Algorithm::RS256, OTHER_RSA, Some("rsa-2"), &claims());
    assert_eq!(host.enter(&rotated).await, UNKNOWN, "too soon to ask again");
    host.clock.advance(MIN_INTERVAL);
    host.enter(&rotated).await.unwrap();
    assert_eq!(host.server.asked(), 2);

    host.clock.advance(MIN_INTERVAL);
    let invented: Vec<_> = (0..50)
        .map(|n| sign(Algorithm::EdDSA, ED, Some(&format!("k{n}")), &claims()))
        .collect();
    let asking = invented.iter().map(|token| host.enter(token));
    for answer in futures_util::future::join_all(asking).await {
        assert_eq!(answer, UNKNOWN);
    }
    assert_eq!(host.server.asked(), 3, "one fetch serves all");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_new_keys_away() {
    let host = Host::start().await;
    host.server.publish(&["rsa"]);
    host.enter(&rsa_token()).await.unwrap();
    host.server.publish(&["rsa", "other-rsa"]);
    host.clock.set(convoke_signaling::domain::time::UnixMillis(
        START.0 - 60_000,
    ));
    let rotated = sign(Algorithm::RS256, OTHER_RSA, Some("rsa-2"), &claims());
    host.enter(&rotated).await.unwrap();
}

#[tokio::test]
async fn a_key_server_that_fails_takes_nothing_away() {
    let host = Host::start().await;
    host.server.publish(&["rsa"]);
    let token = rsa_token();
    host.enter(&token).await.unwrap();
    let failures = [
        (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, json!({"keys": []}).to_string()),
        (StatusCode::FOUND, String::new()),
        (StatusCode::OK, "x".repeat(1 << 20)),
    ];
    for (status, document) in failures {
        host.server.answer(status, document);
        host.clock.advance(MIN_INTERVAL);
        host.keys.refresh().await;
        // Without waiting for anything.
        assert!(host.enter_now(&token).is_ok(), "{status}");
    }
    assert_eq!(host.server.asked(), 6);
}

#[tokio::test]
async fn no_key_server_at_all_is_a_refusal_and_no_more() {
    let host = Host::start().await;
    let gone = "http://127.0.0.1:9/keys".parse().unwrap();
    let outbound = Outbound::new(Reach::Anywhere, OutboundLimits::default()).unwrap();
    let keys = RemoteKeys::new(gone, Expected::default(), outbound, host.clock.clone());
    let auth = Authenticator::new(AuthConfig {
        jwt_secret: SECRET.to_vec(),
        server_secret: b"server".to_vec(),
        api_keys: Vec::new(),
        guests: false,
        leeway: Duration::ZERO,
        remote_keys: Some(Arc::new(keys)),
    });
    let answer = auth.token_or_fetch(&rsa_token(), START).await;
    assert_eq!(answer, UNKNOWN);
}

#[tokio::test]
async fn keys_are_renewed_in_time_and_withdrawn_ones_forgotten() {
    let host = Host::start().await;
    host.server.publish(&["rsa"]);
    let stop = CancellationToken::new();
    let (keys, stopped) = (host.keys.clone(), stop.clone());
    let task = tokio::spawn(async move { keys.keep_fresh(stopped).await });
    let token = rsa_token();
    eventually("the first keys", async || host.enter_now(&token).ok()).await;

    host.server.publish(&["other-rsa"]);
    eventually("the task sleeps", async || {
        (host.clock.sleepers() > 0).then_some(())
    })
    .await;
    // As the server's `max-age` says.
    host.clock.advance(Duration::from_secs(599));
    assert!(host.enter_now(&token).is_ok());
    host.clock.advance(Duration::from_secs(1));
    eventually("the withdrawn key", async || host.enter_now(&token).err()).await;
    let rotated = sign(Algorithm::RS256, OTHER_RSA, Some("rsa-2"), &claims());
    assert!(host.enter_now(&rotated).is_ok());

    stop.cancel();
    task.await.unwrap();
}
