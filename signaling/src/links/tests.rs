use std::time::Duration;

use super::*;
use crate::auth::AuthConfig;
use crate::domain::principal::Standing;
use crate::ids::UserId;
use crate::jitsi::{Audience, Flags, JitsiConfig, JitsiKey};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn links(key: Option<JitsiKey>, use_jwt: bool) -> JoinLinks {
    let auth = Authenticator::new(AuthConfig {
        jwt_secret: b"0123456789abcdef0123456789abcdef".to_vec(),
        server_secret: b"server".to_vec(),
        api_keys: Vec::new(),
        guests: false,
        leeway: Duration::ZERO,
        remote_keys: None,
    });
    let jitsi = Jitsi::new(JitsiConfig {
        domain: "meet.example.org".to_owned(),
        key,
        use_jwt,
        ..JitsiConfig::default()
    });
    JoinLinks::new(
        Arc::new(auth),
        jitsi.unwrap(),
        "https://calls.example.org/",
        Backend::Sfu,
    )
}

fn secret() -> Option<JitsiKey> {
    Some(JitsiKey::Secret("s".repeat(32)))
}

fn style(placement: Placement, need: TokenNeed) -> LinkStyle {
    LinkStyle {
        token: TokenShape {
            audience: Audience::Jitsi,
            flags: Flags::Boolean,
            lobby_bypass: false,
            features: false,
            lifetime: Duration::from_secs(7200),
        },
        placement,
        need,
    }
}

fn ann() -> Visitor {
    let user = UserId::try_from("7").unwrap();
    let who = Principal {
        email: Some("ann@example.org".to_owned()),
        ..Principal::new(user, "Ann", Standing::User)
    };
    Visitor::of(&who, true)
}

fn issue(
    links: &JoinLinks,
    backend: Backend,
    placement: Placement,
    need: TokenNeed,
) -> Result<Issued, LinkError> {
    let room = RoomName::try_from("Standup").unwrap();
    links.issue(backend, &style(placement, need), &room, &ann(), NOW)
}

#[test]
fn links_carry_the_token_where_the_application_looks_for_it() {
    let cases = [
        (
            Backend::Jitsi,
            Placement::Fragment,
            "https://meet.example.org/Standup?jwt=T#jwt=T",
        ),
        (
            Backend::Jitsi,
            Placement::Query,
            "https://meet.example.org/Standup?jwt=T",
        ),
        (
            Backend::Jitsi,
            Placement::Apart,
            "https://meet.example.org/Standup",
        ),
        (
            Backend::Sfu,
            Placement::Fragment,
            "https://calls.example.org/r/Standup#jwt=T",
        ),
        (
            Backend::Sfu,
            Placement::Query,
            "https://calls.example.org/r/Standup?jwt=T",
        ),
        (
            Backend::Sfu,
            Placement::Apart,
            "https://calls.example.org/r/Standup#jwt=T",
        ),
    ];
    for (backend, placement, want) in cases {
        let links = links(secret(), true);
        let issued = issue(&links, backend, placement, TokenNeed::Always).unwrap();
        let token = issued.token.unwrap();
        assert_eq!(issued.url.replace(&token, "T"), want);
        assert_eq!(issued.expires, NOW + Duration::from_secs(7200));
    }
}

#[test]
fn a_token_where_it_is_needed_and_a_clear_refusal_without_a_key() {
    use TokenNeed::{Always, WhenUsed};
    let no_key = Err(LinkError::Jitsi(JitsiError::NoKey));
    let cases = [
        (secret(), false, WhenUsed, Ok(false)),
        (secret(), true, WhenUsed, Ok(true)),
        (secret(), false, Always, Ok(true)),
        (None, false, WhenUsed, Ok(false)),
        (None, true, WhenUsed, no_key),
        (None, false, Always, no_key),
    ];
    for (key, use_jwt, need, want) in cases {
        let links = links(key, use_jwt);
        let issued = issue(&links, Backend::Jitsi, Placement::Query, need);
        let got = issued.map(|issued| {
            assert_eq!(issued.url.contains("jwt="), issued.token.is_some());
            issued.token.is_some()
        });
        assert_eq!(got, want, "{use_jwt} {need:?}");
        // Our own rooms need nothing of that.
        assert!(issue(&links, Backend::Sfu, Placement::Query, need).is_ok());
    }
}

#[test]
fn our_own_token_says_who_and_opens_that_room_alone() {
    let links = links(None, false);
    let issued = issue(&links, Backend::Sfu, Placement::Query, TokenNeed::Always).unwrap();
    let who = links.auth.token(&issued.token.unwrap(), NOW).unwrap();
    assert_eq!(who.user.as_str(), "7");
    assert_eq!(who.email.as_deref(), Some("ann@example.org"));
    assert_eq!(who.room, RoomName::try_from("Standup").ok());
    assert!(who.moderator);
}

#[test]
fn nothing_shows_a_token_by_accident() {
    let links = links(secret(), true);
    for backend in [Backend::Jitsi, Backend::Sfu] {
        let issued = issue(&links, backend, Placement::Query, TokenNeed::Always).unwrap();
        assert!(!format!("{issued:?}").contains("eyJ"));
    }
}

#[test]
fn the_domain_to_open() {
    let links = links(None, false);
    assert_eq!(links.domain(Backend::Sfu), "calls.example.org");
    assert_eq!(links.domain(Backend::Jitsi), "meet.example.org");
    assert_eq!(links.default_backend(), Backend::Sfu);
}
