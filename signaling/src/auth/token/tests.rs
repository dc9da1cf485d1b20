use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_800_000_000;

fn now() -> UnixMillis {
    UnixMillis(NOW as i64 * 1000)
}

fn tokens() -> UserTokens {
    UserTokens::shared_secret(SECRET, Duration::from_secs(10))
}

/// A token as anybody could write it: any header, any claims, any key.
fn forge(header: &Value, claims: &Value, algorithm: Algorithm, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret);
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{mac}")
}

fn signed(claims: &Value) -> String {
    forge(
        &json!({"alg": "HS256", "typ": "JWT"}),
        claims,
        Algorithm::HS256,
        SECRET,
    )
}

#[test]
fn header_and_key_matrix() {
    let good = json!({"sub": "7", "exp": NOW + 60});
    let hs256 = json!({"alg": "HS256"});
    let cases = [
        (hs256.clone(), Algorithm::HS256, SECRET, Ok(())),
        // `typ` says nothing that the signature does not.
        (
            json!({"alg": "HS256", "typ": "at+jwt"}),
            Algorithm::HS256,
            SECRET,
            Ok(()),
        ),
        (
            json!({"alg": "HS256", "kid": "any"}),
            Algorithm::HS256,
            SECRET,
            Ok(()),
        ),
        (
            json!({"alg": "HS512"}),
            Algorithm::HS512,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            json!({"alg": "HS384"}),
            Algorithm::HS384,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            json!({"alg": "RS256"}),
            Algorithm::HS256,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            json!({"alg": "none"}),
            Algorithm::HS256,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            json!({"alg": "hs256"}),
            Algorithm::HS256,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            json!({"typ": "JWT"}),
            Algorithm::HS256,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
            Algorithm::HS256,
            SECRET,
            Err(TokenError::Invalid),
        ),
        (
            hs256,
            Algorithm::HS256,
            b"another secret".as_slice(),
            Err(TokenError::Invalid),
        ),
    ];
    for (header, algorithm, secret, want) in cases {
        let token = forge(&header, &good, algorithm, secret);
        let got = tokens().verify(&token, now()).map(|_| ());
        assert_eq!(got, want, "{header}");
    }
}

#[test]
fn claims_matrix() {
    let claims = |exp: Value| json!({"sub": "7", "exp": exp});
    let with = |name: &str, value: Value| {
        let mut all = claims(json!(NOW + 60));
        all[name] = value;
        all
    };
    let cases = [
        (claims(json!(NOW + 60)), Ok(())),
        (claims(json!(NOW as f64 + 0.5)), Ok(())),
        (claims(json!(NOW - 9)), Ok(())),
        (claims(json!(NOW - 10)), Err(TokenError::Expired)),
        (claims(json!(0)), Err(TokenError::Expired)),
        (claims(json!(-1)), Err(TokenError::Expired)),
        (
            claims(json!((NOW + 60).to_string())),
            Err(TokenError::Claims),
        ),
        (claims(Value::Null), Err(TokenError::Claims)),
        (claims(json!([NOW + 60])), Err(TokenError::Claims)),
        (json!({"sub": "7"}), Err(TokenError::Claims)),
        (json!({"exp": NOW + 60}), Err(TokenError::Claims)),
        (with("sub", json!(7)), Err(TokenError::Claims)),
        (with("nbf", json!(NOW + 10)), Ok(())),
        (with("nbf", json!(NOW + 11)), Err(TokenError::NotYetValid)),
        (
            with("nbf", json!((NOW - 60).to_string())),
            Err(TokenError::Claims),
        ),
        (with("nbf", Value::Null), Err(TokenError::Claims)),
        (with("room", json!(["a", "b"])), Err(TokenError::Claims)),
        (with("moderator", json!("true")), Err(TokenError::Claims)),
        (with("unknown", json!({"ignored": true})), Ok(())),
        (json!(["not", "an", "object"]), Err(TokenError::Claims)),
    ];
    for (claims, want) in cases {
        let got = tokens().verify(&signed(&claims), now()).map(|_| ());
        assert_eq!(got, want, "{claims}");
    }
}

#[test]
fn a_claim_given_twice_is_refused() {
    // serde_json::Value would keep the last; write the bytes.
    let body = format!(r#"{{"sub":"7","sub":"1","exp":{}}}"#, NOW + 60);
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
    let message = format!("{head}.{}", URL_SAFE_NO_PAD.encode(body));
    let key = EncodingKey::from_secret(SECRET);
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    assert_eq!(
        tokens().verify(&format!("{message}.{mac}"), now()),
        Err(TokenError::Claims)
    );
}

#[test]
fn shapes_that_are_no_token() {
    let good = signed(&json!({"sub": "7", "exp": NOW + 60}));
    let (message, _) = good.rsplit_once('.').unwrap();
    let cases = [
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{good}.x"),
        format!(" {good}"),
        format!("{good}A"),
    ];
    for token in cases {
        let got = tokens().verify(&token, now());
        assert_eq!(got, Err(TokenError::Invalid), "{token:?}");
    }
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    assert_eq!(tokens().verify(&long, now()), Err(TokenError::TooLong));
}

#[test]
fn leeway_is_bounded() {
    let generous = UserTokens::shared_secret(SECRET, Duration::from_secs(3600));
    let expired = signed(&json!({"sub": "7", "exp": NOW - 31}));
    assert_eq!(generous.verify(&expired, now()), Err(TokenError::Expired));
}

#[test]
fn a_minted_invite_verifies_until_its_time_is_over() {
    let invite = Invite {
        user: "42".to_owned(),
        name: "Ann".to_owned(),
        room: Some("standup".to_owned()),
        moderator: true,
        ttl: Duration::from_secs(3600),
    };
    let token = tokens().mint(&invite, now()).unwrap();
    let claims = tokens().verify(&token, now()).unwrap();
    assert_eq!(claims.sub, "42");
    assert_eq!(claims.name.as_deref(), Some("Ann"));
    assert_eq!(claims.room.as_deref(), Some("standup"));
    assert_eq!(claims.moderator, Some(true));
    let later = now() + Duration::from_secs(3610);
    assert_eq!(tokens().verify(&token, later), Err(TokenError::Expired));
}
