use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::*;
use crate::domain::time::UnixMillis;
use crate::ids::UserId;

const NOW: UnixMillis = UnixMillis(1_705_147_200_000);
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RSA: &str = include_str!("../../tests/keys/rsa.pem");
const OTHER_RSA: &str = include_str!("../../tests/keys/other-rsa.pem");

/// The shapes of the four documents that have tokens.
const CALLS: TokenShape = TokenShape {
    audience: Audience::Jitsi,
    flags: Flags::Text,
    lobby_bypass: false,
    features: true,
    lifetime: Duration::from_secs(3600),
};
const VIDEO_CALLS: TokenShape = TokenShape {
    audience: Audience::AppId,
    flags: Flags::Boolean,
    lobby_bypass: true,
    features: false,
    lifetime: Duration::from_secs(3 * 3600),
};
const MEETING: TokenShape = TokenShape {
    audience: Audience::Jitsi,
    flags: Flags::Boolean,
    lobby_bypass: false,
    features: false,
    lifetime: Duration::from_secs(2 * 3600),
};

fn jitsi_with(domain: &str, app_id: &str, key: Option<JitsiKey>) -> Jitsi {
    Jitsi::new(JitsiConfig {
        domain: domain.to_owned(),
        app_id: app_id.to_owned(),
        key,
        ..JitsiConfig::default()
    })
    .unwrap()
}

fn jitsi() -> Jitsi {
    let key = JitsiKey::Secret(SECRET.to_owned());
    jitsi_with("https://meet.example.org", "app", Some(key))
}

fn rsa() -> JitsiKey {
    JitsiKey::Rsa {
        private_pem: RSA.to_owned(),
        id: "key-1".to_owned(),
    }
}

fn room(name: &str) -> RoomName {
    RoomName::try_from(name).unwrap()
}

fn visitor(moderator: bool) -> Visitor {
    Visitor {
        user: UserId::try_from("123").unwrap(),
        name: "John Doe".to_owned(),
        email: Some("john@corporate-chat.local".to_owned()),
        avatar_url: Some("https://example.org/a.png".to_owned()),
        moderator,
    }
}

fn sign(jitsi: &Jitsi, shape: &TokenShape, name: &str, visitor: &Visitor) -> JitsiToken {
    let room = room(name);
    let grant = Grant {
        room: &room,
        visitor,
    };
    jitsi.sign(shape, grant, NOW).unwrap().token
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token as anybody could write it.
fn forge(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{mac}")
}

#[test]
fn the_claims_of_each_document() {
    let meet = |app: &str| {
        jitsi_with(
            "meet.example.org",
            app,
            Some(JitsiKey::Secret(SECRET.to_owned())),
        )
    };
    let cases = [
        (
            "calls_moderator",
            "corporate_chat",
            CALLS,
            "call-1-abc123def456",
            true,
        ),
        (
            "calls_participant",
            "corporate_chat",
            CALLS,
            "call-1-abc123def456",
            false,
        ),
        (
            "video_calls_doctor",
            "tabeeb",
            VIDEO_CALLS,
            "appointment_clxxx123456789",
            true,
        ),
        (
            "video_calls_patient",
            "tabeeb",
            VIDEO_CALLS,
            "appointment_clxxx123456789",
            false,
        ),
        (
            "meeting_host",
            "talentflip-ai",
            MEETING,
            "Interview_42-x7",
            true,
        ),
        (
            "meeting_participant",
            "talentflip-ai",
            MEETING,
            "Interview_42-x7",
            false,
        ),
        (
            "jitsi_therapist",
            "your-app-id",
            MEETING,
            "ataraxia-123-1699999999",
            true,
        ),
    ];
    for (name, app, shape, room, moderator) in cases {
        let token = sign(&meet(app), &shape, room, &visitor(moderator));
        assert_eq!(
            part(token.as_str(), 0),
            json!({"alg": "HS256", "typ": "JWT"})
        );
        insta::assert_json_snapshot!(name, part(token.as_str(), 1));
    }
}

/// Prosody answers no client at all over a `null`.
#[test]
fn what_is_absent_is_left_out() {
    let nobody = Visitor {
        email: None,
        avatar_url: None,
        ..visitor(false)
    };
    for shape in [CALLS, VIDEO_CALLS, MEETING] {
        let claims = part(sign(&jitsi(), &shape, "r", &nobody).as_str(), 1);
        assert!(!claims.to_string().contains("null"), "{claims}");
        assert_eq!(claims["context"]["user"].get("email"), None);
        assert!(claims["aud"].is_string());
    }
}

#[test]
fn rsa_tokens_name_their_key() {
    let jitsi = jitsi_with("meet.example.org", "app", Some(rsa()));
    let token = sign(&jitsi, &MEETING, "standup", &visitor(true));
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"});
    assert_eq!(part(token.as_str(), 0), header);
    assert!(jitsi.verify(token.as_str(), NOW).is_ok());
    let other = JitsiKey::Rsa {
        private_pem: OTHER_RSA.to_owned(),
        id: "key-1".to_owned(),
    };
    let other = jitsi_with("meet.example.org", "app", Some(other));
    assert_eq!(
        other.verify(token.as_str(), NOW),
        Err(InvalidToken::Invalid)
    );
    // The public half as an HMAC secret (RFC 8725 §2.1).
    let forged = sign(
        &jitsi_with(
            "meet.example.org",
            "app",
            Some(JitsiKey::Secret(RSA.to_owned())),
        ),
        &MEETING,
        "standup",
        &visitor(true),
    );
    assert_eq!(
        jitsi.verify(forged.as_str(), NOW),
        Err(InvalidToken::Invalid)
    );
}

#[test]
fn keys_that_are_none_are_refused_at_start() {
    let key = |pem: &str, id: &str| {
        let (private_pem, id) = (pem.to_owned(), id.to_owned());
        let key = Some(JitsiKey::Rsa { private_pem, id });
        let config = JitsiConfig {
            key,
            ..JitsiConfig::default()
        };
        Jitsi::new(config).err()
    };
    assert_eq!(key(RSA, "k"), None);
    assert_eq!(key(RSA, ""), Some(JitsiError::Key));
    assert_eq!(key("nothing", "k"), Some(JitsiError::Key));
    let ec = include_str!("../../tests/keys/ec.pem");
    assert_eq!(key(ec, "k"), Some(JitsiError::Key));
}

#[test]
fn what_was_signed_is_opened_until_it_ends() {
    let jitsi = jitsi();
    let signed = sign(&jitsi, &MEETING, "Interview_42", &visitor(true));
    let verified = jitsi.verify(signed.as_str(), NOW).unwrap();
    assert_eq!(verified.room.as_str(), "interview_42");
    assert_eq!(verified.user.as_deref(), Some("123"));
    assert!(verified.moderator);
    let end = NOW + Duration::from_secs(7200);
    assert_eq!(verified.expires, end);
    let just_before = UnixMillis(end.0 - 1);
    assert!(jitsi.verify(signed.as_str(), just_before).is_ok());
    assert_eq!(
        jitsi.verify(signed.as_str(), end),
        Err(InvalidToken::Expired)
    );
    let earlier = UnixMillis(NOW.0 - 11_000);
    assert_eq!(
        jitsi.verify(signed.as_str(), earlier),
        Err(InvalidToken::NotYetValid)
    );
}

#[test]
fn tokens_that_are_not_for_us() {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let exp = NOW.0 / 1000 + 60;
    let good =
        json!({"iss": "app", "sub": "MEET.example.org", "aud": "jitsi", "room": "r", "exp": exp});
    let jitsi = jitsi();
    assert!(jitsi.verify(&forge(&header, &good, SECRET), NOW).is_ok());
    let headers = [
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "typ": "jwt"}),
        json!({"alg": "none", "typ": "JWT"}),
        json!({"alg": "HS512", "typ": "JWT"}),
        json!({"alg": "RS256", "typ": "JWT"}),
        json!({"alg": "HS256", "typ": "JWT", "crit": ["b64"]}),
    ];
    for header in headers {
        let token = forge(&header, &good, SECRET);
        assert_eq!(
            jitsi.verify(&token, NOW),
            Err(InvalidToken::Invalid),
            "{header}"
        );
    }
    let claims = [
        ("iss", json!("other")),
        ("iss", Value::Null),
        ("sub", json!("other.example.org")),
        ("sub", json!("*")),
        ("aud", json!(["jitsi"])),
        ("aud", json!("other")),
        ("aud", Value::Null),
        ("room", json!("*")),
        ("room", json!("")),
        ("room", Value::Null),
        ("exp", json!(exp.to_string())),
        ("exp", Value::Null),
        ("context", json!("")),
    ];
    for (name, value) in claims {
        let mut claims = good.clone();
        claims[name] = value;
        let token = forge(&header, &claims, SECRET);
        assert_eq!(
            jitsi.verify(&token, NOW),
            Err(InvalidToken::Invalid),
            "{claims}"
        );
    }
    for token in [
        forge(&header, &good, "another secret"),
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(9000),
    ] {
        assert_eq!(jitsi.verify(&token, NOW), Err(InvalidToken::Invalid));
    }
}

#[test]
fn moderators_as_prosody_reads_them() {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    for (context, top, want) in [
        (json!({"user": {"moderator": true}}), false, true),
        (json!({"user": {"moderator": "true"}}), false, true),
        (json!({"user": {"moderator": "yes"}}), false, false),
        (json!({"user": {"moderator": 1}}), false, false),
        (json!({"user": {}}), true, false),
        (json!({}), true, false),
    ] {
        let claims = json!({
            "iss": "app", "sub": "meet.example.org", "aud": "app", "room": "r",
            "exp": NOW.0 / 1000 + 60, "context": context, "moderator": top,
        });
        let verified = jitsi()
            .verify(&forge(&header, &claims, SECRET), NOW)
            .unwrap();
        assert_eq!(verified.moderator, want, "{claims}");
    }
}

#[test]
fn no_token_for_what_a_jitsi_spells_otherwise() {
    let (name, visitor) = (room("会議室"), visitor(true));
    let grant = Grant {
        room: &name,
        visitor: &visitor,
    };
    let refused = jitsi().sign(&MEETING, grant, NOW);
    assert_eq!(refused.err(), Some(JitsiError::Room));
}

#[test]
fn domains_as_documents_write_them() {
    let cases = [
        (
            "meet.jit.si",
            Some(("meet.jit.si", "meet.jit.si", "https://meet.jit.si/r")),
        ),
        (
            "https://Meet.talentflip.ai",
            Some((
                "meet.talentflip.ai",
                "meet.talentflip.ai",
                "https://meet.talentflip.ai/r",
            )),
        ),
        (
            "https://meet.example.org/",
            Some((
                "meet.example.org",
                "meet.example.org",
                "https://meet.example.org/r",
            )),
        ),
        (
            "http://localhost:8000",
            Some(("localhost:8000", "localhost", "http://localhost:8000/r")),
        ),
        (
            "8x8.vc/tenant-1",
            Some(("8x8.vc", "tenant-1", "https://8x8.vc/tenant-1/r")),
        ),
        (
            "[::1]:8443",
            Some(("[::1]:8443", "[::1]", "https://[::1]:8443/r")),
        ),
        ("", None),
        ("https://", None),
        ("ftp://meet.jit.si", None),
        ("meet.jit.si/a/b", None),
        ("meet.jit.si?x", None),
        ("user@meet.jit.si", None),
        ("meet jit si", None),
    ];
    for (domain, want) in cases {
        let config = JitsiConfig {
            domain: domain.to_owned(),
            ..JitsiConfig::default()
        };
        let found = Jitsi::new(config).ok().map(|jitsi| {
            let link = jitsi.link(&room("r"), None, Placement::Query);
            (
                jitsi.domain().to_owned(),
                jitsi.site.subject().to_owned(),
                link,
            )
        });
        let want = want.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(found, want, "{domain}");
    }
}

#[test]
fn secrets_to_warn_about() {
    use Warning::{SecretMissing, SecretPlaceholder, SecretShort};
    let of = |secret: Option<&str>, use_jwt| {
        warning::of(&JitsiConfig {
            key: secret.map(|secret| JitsiKey::Secret(secret.to_owned())),
            use_jwt,
            ..JitsiConfig::default()
        })
    };
    let documents = [
        "your_jitsi_secret_change_in_production_min_32_chars",
        "ca51d0048c67a49f9a698b053b1460a4ed783d07cf442bae6a819e74864fe57e",
    ];
    for secret in documents {
        assert_eq!(of(Some(secret), false), [SecretPlaceholder], "{secret}");
    }
    let short = |bytes| vec![SecretPlaceholder, SecretShort { bytes }];
    assert_eq!(of(Some("super_secret_key_here"), true), short(21));
    assert_eq!(of(Some("your_secret_min_32_chars"), true), short(24));
    assert_eq!(of(Some("your-actual-secret"), true), short(18));
    assert_eq!(of(Some("tr0ub4dor"), true), [SecretShort { bytes: 9 }]);
    assert_eq!(of(Some(SECRET), true), []);
    assert_eq!(of(None, true), [SecretMissing]);
    assert_eq!(of(None, false), [SecretMissing]);
    let rsa = JitsiConfig {
        key: Some(rsa()),
        use_jwt: true,
        ..JitsiConfig::default()
    };
    assert_eq!(warning::of(&rsa), []);
}

#[test]
fn who_uses_no_jitsi_is_not_bothered_at_start() {
    use Backend::{Jitsi as Elsewhere, Sfu};
    // key, JITSI_USE_JWT, default backend → warned
    for (key, use_jwt, default, want) in [
        (None, false, Sfu, false),
        (None, true, Sfu, true),
        (None, false, Elsewhere, true),
        (Some("short"), false, Sfu, true),
        (Some(SECRET), true, Elsewhere, false),
    ] {
        let config = JitsiConfig {
            key: key.map(|key| JitsiKey::Secret(key.to_owned())),
            use_jwt,
            ..JitsiConfig::default()
        };
        let jitsi = Jitsi::new(config).unwrap();
        let warned = !jitsi.pressing_warnings(default).is_empty();
        assert_eq!(warned, want, "{key:?} {use_jwt} {default:?}");
    }
}

#[test]
fn configured_as_far_as_tokens_are_used() {
    let state = |key: Option<JitsiKey>, use_jwt| {
        let config = JitsiConfig {
            key,
            use_jwt,
            ..JitsiConfig::default()
        };
        Jitsi::new(config).unwrap().configured()
    };
    assert!(state(None, false));
    assert!(!state(None, true));
    assert!(state(Some(rsa()), true));
}

#[test]
fn nothing_shows_a_secret_or_a_token_by_accident() {
    let config = JitsiConfig {
        key: Some(JitsiKey::Secret(SECRET.to_owned())),
        ..JitsiConfig::default()
    };
    let signed = jitsi()
        .sign(
            &MEETING,
            Grant {
                room: &room("r"),
                visitor: &visitor(true),
            },
            NOW,
        )
        .unwrap();
    let shown = format!("{config:?} {:?} {signed:?}", rsa());
    assert!(!shown.contains(SECRET) && !shown.contains("BEGIN") && !shown.contains("eyJ"));
}
